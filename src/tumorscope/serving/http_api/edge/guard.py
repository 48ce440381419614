"""Who may ask, and what browsers are told about the answer."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Final

from flask import Flask, Response, g, request
from werkzeug.wsgi import get_content_length, get_host

from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.base.api_keys import KeyRing
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.logs import log_event, log_repeated
from tumorscope.serving.http_api.base.problems import RefusalError
from tumorscope.serving.http_api.edge.auditing import Auditor
from tumorscope.serving.http_api.edge.rate_limit import RateLimit
from tumorscope.serving.http_api.edge.uploads import skip_body
from tumorscope.serving.loopback import is_loopback
from tumorscope.serving.page_policy import NO_FRAMES, content_security_policy

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SECURITY_HEADERS: Final = {
    "Content-Security-Policy": f"{content_security_policy()}; {NO_FRAMES}",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_KEPT_PATHS: Final = ("/api/", "/metrics")
"""What needs a key; the page itself and the health of the process are open."""


KEY_NAME: Final = "tumorscope.key"
"""Where the environment of a request keeps the name of the key that let it in."""

_RETRY_AFTER_S: Final = 5

_NOT_READ_ON: Final = (401, 403, 408)
"""Refusals of strangers, who are owed nothing, and of bodies that do not come."""


def register(
    app: Flask,
    config: ServerConfig,
    keys: KeyRing | None,
    *,
    auditor: Auditor,
    limit: RateLimit | None,
) -> None:
    """Put the guard before and behind every request of an application."""

    def check() -> None:
        g.started = time.perf_counter()
        g.request_id = request_id(request.environ)
        check_caller(request.environ, request.path, keys)
        if limit is not None and request.method == "POST" and (name := caller()) is not None:
            limit.check(name)

    def finish(response: Response) -> Response:
        response = auditor.audited(response, caller())
        if response.status_code >= 400 and response.status_code not in _NOT_READ_ON:
            skip_body(request.environ, config)
        return _finish(response)

    app.before_request(check)
    app.after_request(finish)


def request_id(environ: WSGIEnvironment) -> str:
    """Return the proxy's request id if it is a UUID, which cannot say anything of anybody."""
    try:
        return str(uuid.UUID(environ.get("HTTP_X_REQUEST_ID", "")))
    except ValueError:
        return str(uuid.uuid4())


def caller() -> str | None:
    """Return the name of the key that let the request in, ``None`` where none is needed."""
    name: str | None = request.environ.get(KEY_NAME)
    return name


def check_caller(environ: WSGIEnvironment, path: str, keys: KeyRing | None) -> None:
    """Let in who may ask, and note the name of the key.

    Parameters
    ----------
    environ
        The request.
    path
        Its path, beginning with one slash.
    keys
        Those that are let in; without keys only this machine's own names are answered.

    Raises
    ------
    RefusalError
        If the request comes from another site, has no known key, or asks for another host.
    """
    _check_same_site(environ, path)
    if keys is not None:
        _check_key(environ, path, keys)
    else:
        _check_host(get_host(environ))


def _check_same_site(environ: WSGIEnvironment, path: str) -> None:
    """Refuse what the page of another site sends through the user's browser."""
    if environ.get("HTTP_SEC_FETCH_SITE") == "cross-site" and path.startswith("/api/"):
        raise RefusalError("forbidden-origin", "Requests from other web sites are not allowed.")


def _check_host(host: str) -> None:
    """Refuse names other than this machine's own, which a hostile name server may point here."""
    name = host.rpartition(":")[0] if ":" in host else host
    if not is_loopback(name or host):
        raise RefusalError(
            "forbidden-origin",
            "Without API keys, the service accepts only requests to 127.0.0.1 and localhost.",
        )


def _check_key(environ: WSGIEnvironment, path: str, keys: KeyRing) -> None:
    if not path.startswith(_KEPT_PATHS):
        return
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    key = token if scheme.lower() == "bearer" else environ.get("HTTP_X_API_KEY", "")
    name = _find(keys, key.strip()) if key else None
    if name is None:
        raise RefusalError(
            "unauthorized",
            "The API key is missing, unknown or revoked; send it as 'Authorization: Bearer KEY' or "
            "'X-API-Key: KEY'.",
        )
    environ[KEY_NAME] = name


def _find(keys: KeyRing, key: str) -> str | None:
    try:
        return keys.find(key)
    except OSError as error:
        log_repeated("keys-unreadable", error=type(error).__name__)
        raise RefusalError(
            "not-ready", "The keys cannot be read; the log says more.", retry_after=_RETRY_AFTER_S
        ) from error


def _finish(response: Response) -> Response:
    started = g.get("started", time.perf_counter())
    route = str(request.url_rule) if request.url_rule else "unknown"
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith(_KEPT_PATHS) and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    response.headers["X-Request-ID"] = g.get("request_id", "")
    book(request.environ, route, response.status_code, started, g.get("request_id", ""))
    return response


def book(environ: WSGIEnvironment, route: str, status: int, started: float, identity: str) -> None:
    """Count a request and write its line into the log.

    Parameters
    ----------
    environ
        The request.
    route
        As written in the code.
    status
        Of the answer.
    started
        ``time.perf_counter()`` when the request came.
    identity
        The request id that the answer carries.
    """
    seconds = time.perf_counter() - started
    method = environ["REQUEST_METHOD"].upper()
    key = {"key": environ[KEY_NAME]} if KEY_NAME in environ else {}
    metrics.REQUESTS.labels(route, method, status).inc()
    metrics.SECONDS.labels(route).observe(seconds)
    log_event(
        "request",
        request_id=identity,
        method=method,
        route=route,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        bytes_in=get_content_length(environ) or 0,
        **key,
    )
