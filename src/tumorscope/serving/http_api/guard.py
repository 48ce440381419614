"""Who may ask, and what browsers are told about the answer."""

from __future__ import annotations

import time
import uuid
from typing import Final

from flask import Flask, Response, g, request

from tumorscope.serving.http_api import metrics
from tumorscope.serving.http_api.api_keys import is_known
from tumorscope.serving.http_api.config import ServerConfig
from tumorscope.serving.http_api.logs import log_event
from tumorscope.serving.http_api.problems import RefusalError
from tumorscope.serving.http_api.uploads import skip_body
from tumorscope.serving.loopback import is_loopback

CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        # Component libraries set style attributes; scripts cannot hide in them.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
SECURITY_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

_KEPT_PATHS: Final = ("/api/", "/metrics")
"""What needs a key; the page itself and the health of the process are open."""


_NOT_READ_ON: Final = (401, 403, 408)
"""Refusals of strangers, who are owed nothing, and of bodies that do not come."""


def register(app: Flask, config: ServerConfig) -> None:
    """Put the guard before and behind every request of an application."""

    def check() -> None:
        g.started = time.perf_counter()
        g.request_id = _request_id()
        _check_same_site()
        if config.api_key_hashes:
            _check_key(config.api_key_hashes)
        else:
            _check_host()

    def finish(response: Response) -> Response:
        if response.status_code >= 400 and response.status_code not in _NOT_READ_ON:
            skip_body(config)
        return _finish(response)

    app.before_request(check)
    app.after_request(finish)


def _request_id() -> str:
    """Return the proxy's request id if it is a UUID, which cannot say anything of anybody."""
    try:
        return str(uuid.UUID(request.headers.get("X-Request-ID", "")))
    except ValueError:
        return str(uuid.uuid4())


def _check_same_site() -> None:
    """Refuse what the page of another site sends through the user's browser."""
    if request.headers.get("Sec-Fetch-Site") == "cross-site" and request.path.startswith("/api/"):
        raise RefusalError("forbidden-origin", "Only the service's own page may send requests.")


def _check_host() -> None:
    """Refuse names other than this machine's own, which a hostile name server may point here."""
    host = request.host.rpartition(":")[0] if ":" in request.host else request.host
    if not is_loopback(host or request.host):
        raise RefusalError(
            "forbidden-origin",
            "Without an API key the service answers only to 127.0.0.1 and localhost.",
        )


def _check_key(hashes: tuple[str, ...]) -> None:
    if not request.path.startswith(_KEPT_PATHS):
        return
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    key = token if scheme.lower() == "bearer" else request.headers.get("X-API-Key", "")
    if not key or not is_known(key.strip(), hashes):
        raise RefusalError(
            "unauthorized", "Send the key as 'Authorization: Bearer KEY'; it is missing or unknown."
        )


def _finish(response: Response) -> Response:
    seconds = time.perf_counter() - g.get("started", time.perf_counter())
    route = str(request.url_rule) if request.url_rule else "unknown"
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    if request.path.startswith(_KEPT_PATHS) and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    response.headers["X-Request-ID"] = g.get("request_id", "")
    metrics.REQUESTS.labels(route, request.method, response.status_code).inc()
    metrics.SECONDS.labels(route).observe(seconds)
    log_event(
        "request",
        request_id=g.get("request_id", ""),
        method=request.method,
        route=route,
        status=response.status_code,
        milliseconds=round(seconds * 1000, 1),
        bytes_in=request.content_length or 0,
    )
    return response
