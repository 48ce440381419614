"""``/api/v1/jobs``: whole series, volumes and archives, answered in the background."""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, after_this_request, request, url_for
from flask.typing import ResponseReturnValue
from msgspec import UnsetType
from werkzeug.datastructures import FileStorage

from tumorscope.imaging.limits import MEBIBYTE
from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.base.full_disk import DETAIL, RETRY_AFTER_S, log_full_disk
from tumorscope.serving.http_api.base.problems import RefusalError, json_response
from tumorscope.serving.http_api.edge.auditing import note_answers, note_job
from tumorscope.serving.http_api.edge.guard import caller
from tumorscope.serving.http_api.edge.uploads import SpoolFile, clean_name, read_files
from tumorscope.serving.http_api.jobs.job_runner import PICTURES
from tumorscope.serving.http_api.jobs.job_store import (
    JobSnapshot,
    OtherRequestError,
    Repeatable,
    StoredAnswer,
    StoredJob,
)
from tumorscope.serving.http_api.jobs.pictures import evidence_path, image_path, windowed
from tumorscope.serving.http_api.jobs.service import Service, current_service
from tumorscope.serving.http_api.jobs.stored_answers import audited
from tumorscope.serving.http_api.schemas.openapi import Answered, describe, parse_query
from tumorscope.serving.http_api.schemas.shapes import (
    Job,
    JobList,
    JobListQuery,
    JobProgressQuery,
    JobQuery,
    PictureQuery,
    Upload,
)

blueprint = Blueprint("jobs", __name__)

_RETRY_AFTER_S = 10
"""A job of a hundred slices takes about this long on two cores."""

_SPARE_BYTES: Final = 16 * MEBIBYTE
"""Of the disk, left to the answers of jobs that were taken in."""

_LONGEST_KEY: Final = 255
_LARGEST_INDEX: Final = 2**31 - 1
"""Far beyond the most slices of a job, and within what the database counts to."""

IDEMPOTENCY_KEY: Final = "Idempotency-Key"

PICTURE_TYPES: Final = ("image/png", "application/octet-stream")
"""The second for clients that ask for it: generated ones know no pictures."""

_UNKNOWN = "There is no such job: it is unknown, was fetched, was deleted, or has expired."


@blueprint.post("/jobs")
@describe(
    "createJob",
    Answered(Job, status=202),
    tag="jobs",
    query=JobQuery,
    form=Upload,
    problems=(
        "upload-timeout",
        "too-large",
        "unsupported-format",
        "idempotency-key-reused",
        "too-busy",
    ),
)
def create_job() -> ResponseReturnValue:
    """Queue a series, a volume, an archive or many files.

    The uploads are kept in the service's spool folder until they are answered. With an
    ``Idempotency-Key`` a request may be sent again after a broken connection: the same files with
    the same query give the same job, for as long as that is there.
    """
    query = parse_query(JobQuery)
    service = current_service()
    point = service.classifier_for(query).operating_point
    threshold = None if isinstance(query.threshold, UnsetType) else query.threshold
    hold = min(query.hold, service.config.max_hold_s)
    key = _idempotency_key()
    if key is None or not service.store.is_repeated(key):
        _check_room(service, request.content_length or 0)
    job, folder = service.store.new_folder()
    try:
        uploads = _receive(service, folder)
        if key is None or not service.store.is_repeated(key):
            size = sum((folder / file).stat().st_size for file, _ in uploads)
            _check_room(service, size, is_stored=True)
        repeatable = None if key is None else Repeatable(key, _digest(query, uploads, folder))
        kept = service.store.add(
            job,
            uploads,
            operating_point=point,
            threshold=threshold,
            hold_s=hold,
            caller=caller(),
            repeatable=repeatable,
        )
    except OtherRequestError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise RefusalError(
            "idempotency-key-reused",
            "The Idempotency-Key was sent before with other files or another query; choose a new "
            "key for a new request.",
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    note_job(kept)
    if kept == job:
        service.runner.wake()
        metrics.JOBS.labels("created").inc()
    return _queued(service, kept)


@blueprint.get("/jobs")
@describe("listJobs", Answered(JobList), tag="jobs", query=JobListQuery)
def list_jobs() -> ResponseReturnValue:
    """List the jobs that were made with the same API key, the newest first.

    Without API keys all jobs of the service are listed.
    """
    query = parse_query(JobListQuery)
    before = None if isinstance(query.cursor, UnsetType) else _read_cursor(query.cursor)
    page = current_service().store.page(caller(), before=before, limit=query.limit + 1)
    shown = page[: query.limit]
    follows = len(page) > len(shown)
    return json_response(
        {
            "jobs": [
                _summary(one) | {"url": url_for("jobs.get_job", job=one.job.id)} for one in shown
            ],
            "next_cursor": _cursor(shown[-1].job) if follows else None,
        }
    )


@blueprint.get("/jobs/<job>")
@describe("getJob", Answered(Job), tag="jobs", query=JobProgressQuery, problems=("not-found",))
def get_job(job: str) -> ResponseReturnValue:
    """Answer with a job's progress and its answers so far.

    A finished job can be fetched again until it expires or is deleted, unless the service was
    told to keep nothing: then it is deleted when this answer has been sent.
    """
    query = parse_query(JobProgressQuery)
    service = current_service()
    snapshot = _snapshot(service, job, after=query.after)
    row = snapshot.job
    note_answers(*audited(snapshot.answers))
    kept = row.hold_s > 0 or service.config.keep_results_s > 0
    if row.state == "finished" and not kept and request.method == "GET":
        after_this_request(lambda response: _delete_when_sent(response, service, job))
    return json_response(_job_body(snapshot, after=query.after))


@blueprint.delete("/jobs/<job>")
@describe("deleteJob", Answered(status=204), tag="jobs", problems=("not-found",))
def delete_job(job: str) -> ResponseReturnValue:
    """Cancel a job and delete everything of it."""
    service = current_service()
    if not service.store.discard(job):
        raise RefusalError("not-found", _UNKNOWN)
    metrics.JOBS.labels("deleted").inc()
    return Response(status=204)


@blueprint.get("/jobs/<job>/slices/<int:index>/image")
@describe(
    "getSliceImage",
    Answered(media=PICTURE_TYPES),
    tag="jobs",
    query=PictureQuery,
    problems=("not-found",),
)
def get_image(job: str, index: int) -> ResponseReturnValue:
    """Answer with the grey picture of a slice of a held job.

    Pictures with a side over 2,048 pixels are halved until they fit.
    """
    query = parse_query(PictureQuery)
    answer, folder = _slice(job, index)
    content = _content(image_path(folder, index))
    view = answer.view or {}
    if query.depth == "8":
        content = windowed(content, value_range=view["value_range"], window=view["window"])
    return _picture(content)


@blueprint.get("/jobs/<job>/slices/<int:index>/evidence")
@describe("getSliceEvidence", Answered(media=PICTURE_TYPES), tag="jobs", problems=("not-found",))
def get_evidence(job: str, index: int) -> ResponseReturnValue:
    """Answer with the evidence for tumor over a slice of a held job.

    An 8-bit grey picture of the whole slice, at most 128 pixels on a side: 0 is none, 255 is
    certain. To be stretched over the slice.
    """
    _, folder = _slice(job, index)
    return _picture(_content(evidence_path(folder, index)))


def _check_room(service: Service, size: int, *, is_stored: bool = False) -> None:
    """Refuse an upload of so many bytes, which may be on the disk already, where it has no place.

    How long an upload in chunks is, is known once it has come.
    """
    waiting, kept = service.store.load()
    config = service.config
    if waiting >= config.max_jobs:
        raise RefusalError(
            "too-busy", "The job queue is full; try again later.", retry_after=_RETRY_AFTER_S
        )
    if kept + size > config.max_spool_bytes:
        raise RefusalError(
            "not-ready",
            "The service has no room for more jobs; try again later.",
            retry_after=_RETRY_AFTER_S,
        )
    needed = _SPARE_BYTES + (0 if is_stored else size)
    if shutil.disk_usage(config.spool).free < needed:
        log_full_disk()
        raise RefusalError("not-ready", DETAIL, retry_after=RETRY_AFTER_S)


def _idempotency_key() -> str | None:
    """Return the request's key as a hash, apart from those of other callers.

    Raises
    ------
    RefusalError
        If it is empty or longer than clients' keys are.
    """
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST_KEY:
        raise RefusalError(
            "bad-request",
            f"The header {IDEMPOTENCY_KEY} may have 1 to {_LONGEST_KEY} characters; {len(key)} "
            "arrived.",
        )
    return _sha256(caller() or "", key)


def _digest(query: JobQuery, uploads: list[tuple[str, str]], folder: Path) -> str:
    """Return the SHA-256 of everything that a request asks, but not of how it is put as HTTP."""
    parts = [msgspec.json.encode(query).decode()]
    for file, name in uploads:
        with (folder / file).open("rb") as stream:
            parts += [name, hashlib.file_digest(stream, "sha256").hexdigest()]
    return _sha256(*parts)


def _sha256(*parts: str) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def _cursor(job: StoredJob) -> str:
    return base64.urlsafe_b64encode(f"{job.created!r} {job.id}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[float, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        created, _, job = base64.urlsafe_b64decode(padded).decode("ascii").partition(" ")
        return float(created), job
    except ValueError as error:
        raise RefusalError(
            "bad-request", "The cursor is not one that the service gave as next_cursor."
        ) from error


def _receive(service: Service, folder: Path) -> list[tuple[str, str]]:
    config = service.config
    files = read_files(
        config, max_bytes=config.max_job_bytes, max_files=config.max_job_files, folder=folder
    )
    return [(_stored_name(file), clean_name(file.filename)) for file in files]


def _stored_name(file: FileStorage) -> str:
    stream = file.stream
    if not isinstance(stream, SpoolFile):
        raise TypeError(f"a file of a job arrived as {type(stream).__name__}")
    return stream.path.name


def _queued(service: Service, job: str) -> Response:
    response = json_response(_job_body(_snapshot(service, job, after=0), after=0), status=202)
    response.headers["Location"] = url_for("jobs.get_job", job=job)
    return response


def _snapshot(service: Service, job: str, *, after: int) -> JobSnapshot:
    snapshot = service.store.snapshot(job, after)
    if snapshot is None:
        raise RefusalError("not-found", _UNKNOWN)
    return snapshot


def _summary(snapshot: JobSnapshot) -> dict[str, Any]:
    row = snapshot.job
    return {
        "id": row.id,
        "state": row.state,
        "created": _iso(row.created),
        "expires": None if row.expires is None else _iso(row.expires),
        "operating_point": row.operating_point,
        "hold": int(row.hold_s),
        "progress": {
            "files": row.files,
            "files_done": row.files_done,
            "slices_done": snapshot.job.slices,
            "failed": snapshot.job.failed,
        },
    }


def _job_body(snapshot: JobSnapshot, *, after: int) -> dict[str, Any]:
    row, answers = snapshot.job, snapshot.answers
    return _summary(snapshot) | {
        "predictions": [one.answer for one in answers],
        "slices": [_view(row, one) for one in answers if one.view is not None],
        "next": after + len(answers),
        "notice": NOTICE,
    }


def _view(row: StoredJob, answer: StoredAnswer) -> dict[str, Any]:
    held = row.hold_s > 0
    return {
        "index": answer.number,
        # Left out of jobs that an earlier version began.
        "study_instance_uid": None,
        "series_description": None,
        **(answer.view or {}),
        "image": url_for("jobs.get_image", job=row.id, index=answer.number) if held else None,
        "evidence": url_for("jobs.get_evidence", job=row.id, index=answer.number) if held else None,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _delete_when_sent(response: Response, service: Service, job: str) -> Response:
    """Delete a fetched job once the last byte is on its way, and not if the client has gone."""
    body = response.get_data()

    def send() -> Iterator[bytes]:
        yield body
        service.store.discard(job)
        metrics.JOBS.labels("fetched").inc()

    response.response = send()
    response.content_length = len(body)
    return response


def _slice(job: str, index: int) -> tuple[StoredAnswer, Path]:
    service = current_service()
    if service.store.get(job) is None:
        raise RefusalError("not-found", _UNKNOWN)
    answer = service.store.answer(job, index) if index <= _LARGEST_INDEX else None
    if answer is None or answer.view is None:
        raise RefusalError("not-found", "The job has no image with this index, or not yet.")
    return answer, service.store.folder(job) / PICTURES


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise RefusalError(
            "not-found", "The job was created without ?hold=, so its images were not kept."
        ) from error


def _picture(content: bytes) -> Response:
    kind = request.accept_mimetypes.best_match(PICTURE_TYPES, default=PICTURE_TYPES[0])
    response = Response(content, mimetype=kind)
    response.headers["Cache-Control"] = "private, no-store"
    return response
