"""Every refusal of the service, as ``application/problem+json`` (RFC 9457), in one place.

Neither exception texts nor stack traces leave from here: the words of an answer are those of
:data:`KINDS`, of a :class:`RefusalError` written for the client, or of an
:class:`~tumorscope.errors.ImageError`, whose messages quote no content.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from tumorscope.answer import Failure
from tumorscope.errors import TumorscopeError
from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.base.full_disk import (
    DETAIL,
    RETRY_AFTER_S,
    is_disk_full,
    log_full_disk,
)
from tumorscope.serving.http_api.base.logs import log_crash

KINDS: Final[dict[str, tuple[int, str]]] = {
    "bad-request": (400, "The request is invalid."),
    "unauthorized": (401, "An API key is required."),
    "forbidden-origin": (403, "The request came from another web site."),
    "not-found": (404, "There is nothing at this URL."),
    "method-not-allowed": (405, "This URL does not support the method."),
    "upload-timeout": (408, "The upload took too long."),
    "too-large": (413, "The upload is larger than the limit allows."),
    "unsupported-format": (415, "The upload is not in a supported format."),
    "unusable-scan": (422, "None of the scans could be classified."),
    "idempotency-key-reused": (422, "The Idempotency-Key belongs to another request."),
    "too-busy": (429, "The service is busy."),
    "internal": (500, "The service failed."),
    "not-ready": (503, "The service is not ready."),
}
"""HTTP status and title by the stable name of a problem."""

STATUS_OF_IMAGE_ERROR: Final = {
    "unsupported-format": "unsupported-format",
    "image-too-large": "too-large",
}
"""Problem for the ``type`` of an ImageError; all others are ``unusable-scan``."""

_NOT_FOUND_PAGE: Final = f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Not found - tumorscope</title>
<link rel="icon" href="data:,">
<h1>Not found</h1>
<p>There is nothing at this address.</p>
<p>{NOTICE}</p>
</html>
"""

CONTENT_TYPE: Final = "application/problem+json"
_KIND_OF_STATUS: Final = {status: kind for kind, (status, _) in reversed(KINDS.items())}


class RefusalError(TumorscopeError):
    """A request that is answered with a problem.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.
    detail
        For the client: what was wrong, what arrived, what to do.
    retry_after
        Seconds after which another try makes sense.
    errors
        The single inputs that could not be answered.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        retry_after: int | None = None,
        errors: Sequence[dict[str, Any]] = (),
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.retry_after = retry_after
        self.errors = errors


def urn(kind: str) -> str:
    """Return the ``type`` of a problem."""
    return f"urn:tumorscope:problem:{kind}"


def refusal_of(failures: Sequence[Failure]) -> RefusalError:
    """Return the refusal for a request of which every input failed."""
    kinds = {STATUS_OF_IMAGE_ERROR.get(one.error.type, "unusable-scan") for one in failures}
    kind = kinds.pop() if len(kinds) == 1 else "unusable-scan"
    first = failures[0].error.detail
    detail = first if len(failures) == 1 else f"{len(failures)} inputs failed; the first: {first}"
    return RefusalError(kind, detail, errors=[one.to_dict() for one in failures])


def problem(refusal: RefusalError) -> Response:
    """Return the response for a refusal."""
    status, _ = KINDS[refusal.kind]
    response = json_response(problem_body(refusal, g.get("request_id", "")), status=status)
    response.content_type = CONTENT_TYPE
    if refusal.retry_after is not None:
        response.headers["Retry-After"] = str(refusal.retry_after)
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="tumorscope"'
    return response


def problem_body(refusal: RefusalError, request_id: str) -> dict[str, Any]:
    """Return a refusal as the object of RFC 9457."""
    status, title = KINDS[refusal.kind]
    body: dict[str, Any] = {
        "type": urn(refusal.kind),
        "title": title,
        "status": status,
        "detail": refusal.detail,
        "request_id": request_id,
    }
    if refusal.errors:
        body["errors"] = list(refusal.errors)
    if refusal.retry_after is not None:
        body["retry_after"] = refusal.retry_after
    return body


def json_response(body: dict[str, Any], *, status: int = 200) -> Response:
    """Return an object as the JSON response of the application."""
    # With a picture of 300 kB in a string several times as fast as Python's own.
    return Response(msgspec.json.encode(body), status=status, mimetype="application/json")


def register(app: Flask) -> None:
    """Answer every error of an application with a problem."""
    app.register_error_handler(RefusalError, problem)
    app.register_error_handler(HTTPException, _from_http)
    app.register_error_handler(Exception, _from_crash)


def _from_http(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 413:
        return problem(RefusalError("too-large", _too_large()))
    if status == 404 and _is_read_by_a_person():
        return Response(_NOT_FOUND_PAGE, status=404, mimetype="text/html")
    kind = _KIND_OF_STATUS.get(status, "bad-request" if status < 500 else "internal")
    response = problem(RefusalError(kind, KINDS[kind][1]))
    if status == 405:
        response.headers["Allow"] = ", ".join(sorted(getattr(error, "valid_methods", None) or []))
    return response


def _is_read_by_a_person() -> bool:
    """Tell a browser's address bar from a program."""
    accepted = request.accept_mimetypes
    return not request.path.startswith("/api/") and (
        accepted["text/html"] > accepted["application/problem+json"]
    )


def _too_large() -> str:
    limit = request.max_content_length
    return (
        "The request has too many parts."
        if limit is None
        else f"The request is too large; it may have {limit:,} bytes and "
        f"{request.max_form_parts:,} parts."
    )


def _from_crash(error: Exception) -> Response:
    if is_disk_full(error):
        log_full_disk()
        return problem(RefusalError("not-ready", DETAIL, retry_after=RETRY_AFTER_S))
    log_crash(error, request_id=g.get("request_id", ""))
    return problem(
        RefusalError(
            "internal", "The service failed; its log has the details under this request ID."
        )
    )
