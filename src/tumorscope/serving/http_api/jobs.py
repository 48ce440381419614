"""``/api/v1/jobs``: whole series, volumes and archives, answered in the background."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, after_this_request, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from tumorscope.labels import NOTICE
from tumorscope.serving.http_api import metrics
from tumorscope.serving.http_api.job_runner import PICTURES
from tumorscope.serving.http_api.job_store import JobSnapshot, StoredAnswer, StoredJob
from tumorscope.serving.http_api.openapi import Answered, describe, parse_query
from tumorscope.serving.http_api.pictures import evidence_path, image_path, windowed
from tumorscope.serving.http_api.problems import RefusalError, json_response
from tumorscope.serving.http_api.schemas import (
    Job,
    JobProgressQuery,
    JobQuery,
    PictureQuery,
    Upload,
)
from tumorscope.serving.http_api.service import Service, current_service
from tumorscope.serving.http_api.uploads import SpoolFile, clean_name, read_files

blueprint = Blueprint("jobs", __name__)

_RETRY_AFTER_S = 10
"""A job of a hundred slices takes about this long on two cores."""

_UNKNOWN = "There is no such job: it is unknown, was fetched, was deleted, or has expired."


@blueprint.post("/jobs")
@describe(
    "createJob",
    Answered(Job, status=202),
    query=JobQuery,
    form=Upload,
    problems=("upload-timeout", "too-large", "unsupported-format"),
)
def create_job() -> ResponseReturnValue:
    """Queue a series, a volume, an archive or many files.

    The uploads are kept in the service's spool folder until they are answered.
    """
    query = parse_query(JobQuery)
    service = current_service()
    point = service.operating_point(query.operating_point).operating_point
    _check_room(service)
    job, folder = service.store.new_folder()
    try:
        uploads = _receive(service, folder)
        _check_room(service)
        hold = min(query.hold, service.config.max_hold_s)
        service.store.add(job, uploads, operating_point=point, hold_s=hold)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    service.runner.wake()
    metrics.JOBS.labels("created").inc()
    return _queued(service, job)


@blueprint.get("/jobs/<job>")
@describe("getJob", Answered(Job), query=JobProgressQuery, problems=("not-found",))
def get_job(job: str) -> ResponseReturnValue:
    """Answer with a job's progress and its answers so far.

    A finished job that is not held is deleted when this answer has been sent.
    """
    query = parse_query(JobProgressQuery)
    service = current_service()
    snapshot = _snapshot(service, job, after=query.after)
    row = snapshot.job
    if row.state == "finished" and row.hold_s == 0 and request.method == "GET":
        after_this_request(lambda response: _delete_when_sent(response, service, job))
    return json_response(_job_body(snapshot, after=query.after))


@blueprint.delete("/jobs/<job>")
@describe("deleteJob", Answered(status=204), problems=("not-found",))
def delete_job(job: str) -> ResponseReturnValue:
    """Cancel a job and delete everything of it."""
    service = current_service()
    if not service.store.discard(job):
        raise RefusalError("not-found", _UNKNOWN)
    metrics.JOBS.labels("deleted").inc()
    return Response(status=204)


@blueprint.get("/jobs/<job>/slices/<int:index>/image")
@describe(
    "getSliceImage", Answered(media=("image/png",)), query=PictureQuery, problems=("not-found",)
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
@describe("getSliceEvidence", Answered(media=("image/png",)), problems=("not-found",))
def get_evidence(job: str, index: int) -> ResponseReturnValue:
    """Answer with the evidence for tumor over a slice of a held job.

    An 8-bit grey picture of the whole slice, at most 128 pixels on a side: 0 is none, 255 is
    certain. To be stretched over the slice.
    """
    _, folder = _slice(job, index)
    return _picture(_content(evidence_path(folder, index)))


def _check_room(service: Service) -> None:
    waiting, kept = service.store.load()
    if waiting >= service.config.max_jobs:
        raise RefusalError(
            "too-busy", "The job queue is full; try again later.", retry_after=_RETRY_AFTER_S
        )
    if kept + (request.content_length or 0) > service.config.max_spool_bytes:
        raise RefusalError(
            "not-ready",
            "The service has no room for more jobs; try again later.",
            retry_after=_RETRY_AFTER_S,
        )


def _receive(service: Service, folder: Path) -> list[tuple[str, str]]:
    config = service.config
    try:
        files = read_files(
            config, max_bytes=config.max_job_bytes, max_files=config.max_job_files, folder=folder
        )
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise RefusalError("not-ready", "The disk is full.", retry_after=_RETRY_AFTER_S) from error
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


def _job_body(snapshot: JobSnapshot, *, after: int) -> dict[str, Any]:
    row, answers = snapshot.job, snapshot.answers
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
            "slices_done": snapshot.slices_done,
            "failed": snapshot.failed,
        },
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
    answer = service.store.answer(job, index)
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
    response = Response(content, mimetype="image/png")
    response.headers["Cache-Control"] = "private, no-store"
    return response
