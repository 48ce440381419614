"""Refuses image requests before Flask sees them while every place is taken.

Under overload most requests are refused, and what that costs is taken from the answers. The answer
here is the one that :mod:`~tumorscope.serving.http_api.routes.predictions` gives, header by header.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from tumorscope.serving.http_api.base.api_keys import KeyRing
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.problems import CONTENT_TYPE, RefusalError, problem_body
from tumorscope.serving.http_api.edge.admission import Admission
from tumorscope.serving.http_api.edge.guard import (
    SECURITY_HEADERS,
    book,
    check_caller,
    request_id,
)
from tumorscope.serving.http_api.edge.uploads import skip_body

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_STATUS: Final = "429 TOO MANY REQUESTS"
_HEADERS: Final = [
    ("Content-Type", CONTENT_TYPE),
    ("Cache-Control", "no-store"),
    *SECURITY_HEADERS.items(),
]


class EarlyRefusal:
    """WSGI application in front of another.

    Parameters
    ----------
    app
        Answers whatever is not refused here.
    path
        Of the image requests.
    config
        Bounds the reading of refused bodies.
    keys
        Say who may ask.
    admission
        Says whether there is a place.
    """

    def __init__(
        self,
        app: WSGIApplication,
        path: str,
        config: ServerConfig,
        keys: KeyRing | None,
        admission: Admission,
    ) -> None:
        self._app = app
        self._path = path
        self._config = config
        self._keys = keys
        self._admission = admission

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if not self._is_refused(environ):
            return self._app(environ, start_response)
        started, identity = time.perf_counter(), request_id(environ)
        refusal = self._admission.refusal()
        skip_body(environ, self._config)
        body = msgspec.json.encode(problem_body(refusal, identity))
        headers = [
            *_HEADERS,
            ("Content-Length", str(len(body))),
            ("Retry-After", str(refusal.retry_after)),
            ("X-Request-ID", identity),
        ]
        book(environ, self._path, 429, started, identity)
        start_response(_STATUS, headers)
        return [body]

    def _is_refused(self, environ: WSGIEnvironment) -> bool:
        """Tell whether an image request may be made but finds no place."""
        if (
            environ["REQUEST_METHOD"] != "POST"
            or environ.get("PATH_INFO") != self._path
            or not self._admission.is_full
        ):
            return False
        try:
            check_caller(environ, self._path, self._keys)
        except RefusalError:
            # A stranger is told so by the application.
            return False
        return True
