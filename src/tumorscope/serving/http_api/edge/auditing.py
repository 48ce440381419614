"""What the audit log says of a request, gathered while it is answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from flask import Response, g, request

from tumorscope.errors import AuditError
from tumorscope.serving.audit_log import AuditLog, Head, count_studies
from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.logs import log_event, log_repeated
from tumorscope.serving.http_api.base.problems import RefusalError, problem
from tumorscope.serving.pseudonyms import Pseudonyms, read_pseudonyms

VERBS: Final = {
    "predictions.create_predictions": "predict",
    "jobs.create_job": "job-create",
    "jobs.get_job": "job-read",
    "jobs.delete_job": "job-delete",
}
"""Of the functions that are audited."""

_STRANGERS: Final = (401, 403)
"""Refusals that anybody can cause as often as he likes: they stand in the log of the service."""

_HEAD_EVERY: Final = 1000
_RETRY_AFTER_S: Final = 30
_DETAIL: Final = "The audit log of the service cannot be written; nothing is answered without it."


class Auditor:
    """Writes the entries of one service.

    Parameters
    ----------
    config
        Says where the log and the salt are.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._log = None if config.audit_log is None else AuditLog(config.audit_log)
        self._pseudonyms: Pseudonyms | None = None
        self._salt = config.salt_file

    @property
    def pseudonyms(self) -> Pseudonyms:
        """The hashes of this installation."""
        if self._pseudonyms is None:
            self._pseudonyms = read_pseudonyms(self._salt)
        return self._pseudonyms

    def audited(self, response: Response, by: str | None) -> Response:
        """Write the entry of a request; return what it is answered with."""
        verb = VERBS.get(request.endpoint or "")
        status = response.status_code
        if self._log is None or verb is None or status in _STRANGERS or _is_poll(verb, status):
            return response
        job = (request.view_args or {}).get("job") or g.get("audited_job")
        details = {
            "request": g.get("request_id"),
            "job": None if job is None else self.pseudonyms.of("job", job),
            **self._said(),
            "status": status,
        }
        try:
            self.write(verb, by=by, **details)
        except (OSError, AuditError) as error:
            metrics.AUDIT_FAILURES.inc()
            log_repeated("audit-unwritable", error=type(error).__name__)
            return problem(RefusalError("not-ready", _DETAIL, retry_after=_RETRY_AFTER_S))
        return response

    def write(self, verb: str, *, by: str | None, **details: Any) -> None:
        """Write an entry, if there is a log.

        Raises
        ------
        OSError, AuditError
            If it cannot be written.
        """
        if self._log is not None:
            _note_head(self._log.write(verb, by=by, **details))

    def _said(self) -> dict[str, Any]:
        answers: list[Any] = g.get("audited_answers", [])
        if not answers:
            return {}
        return summary(answers, g.audited_studies, self.pseudonyms)


def note_answers(answers: Iterable[dict[str, Any]], studies: Iterable[str | None]) -> None:
    """Say which answers, as JSON objects, a request is answered with, and of which studies."""
    g.audited_answers, g.audited_studies = list(answers), set(studies)


def note_job(job: str) -> None:
    """Say which job a request has made."""
    g.audited_job = job


def summary(
    answers: Iterable[dict[str, Any]], studies: Iterable[str | None], pseudonyms: Pseudonyms
) -> dict[str, Any]:
    """Return the details of answers: hashes of their studies, the model, outcomes by number.

    Those of series are left out of the numbers: their slices are in.
    """
    hashes = [pseudonyms.of("study", uid) for uid in set(studies) if uid]
    counts, model = Counter[str](), None
    for one in answers:
        if one.get("kind") in ("image", "error"):
            counts[one.get("outcome") or "error"] += 1
        model = one.get("model") or model
    return {
        **count_studies(hashes),
        "model": None if model is None else f"{model['id']} {model['version']} {model['sha256']}",
        "outcomes": dict(sorted(counts.items())),
    }


def _is_poll(verb: str, status: int) -> bool:
    """Tell whether a job was asked for that had nothing to say yet."""
    return verb == "job-read" and status == 200 and not g.get("audited_answers")


def _note_head(head: Head) -> None:
    if head.number % _HEAD_EVERY == 1:
        log_event("audit-head", entry=head.number, hash=head.hash)
