"""A file server for the static page, with the headers that a host should send.

In: the folder that ``make static`` built. Out: its files. Nothing is received but addresses: the
model runs in the browser (docs/how-to/host-the-page.md).
"""

from __future__ import annotations

import functools
import http.server
import socket
import sys
import threading
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from tumorscope.errors import UsageError
from tumorscope.serving.http_api.base.listening import Announce, address
from tumorscope.serving.page_policy import NO_FRAMES, content_security_policy

PACKED: Final = Path(__file__).parent / "static_page"
"""Where a wheel has the page, if it was built before."""

BUILT: Final = Path(__file__).parents[3] / "web" / "dist-static"
"""Where ``make static`` puts it in a checkout."""

# The worker is started from a blob, for such a worker is bound by this policy.
CONTENT_SECURITY_POLICY: Final = content_security_policy(scripts="'self' 'wasm-unsafe-eval'")
HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": f"{CONTENT_SECURITY_POLICY}; {NO_FRAMES}",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
)
"""Of every answer. The middle three let the network use several threads."""

HASHED: Final = ("assets", "model", "samples")
"""Folders of which each file has a hash of its content in its name."""

FOREVER: Final = "public, max-age=31536000, immutable"

_KINDS: Final = {
    ".css": "text/css",
    ".gz": "application/gzip",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mjs": "text/javascript",
    ".nii": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
"""Media types by ending; those of the machine differ, and browsers start no module of another."""

MOST_CONNECTIONS: Final = 64
"""At a time, each with a thread; a browser opens six. Beyond it they are closed unanswered."""

_IDLE_S: Final = 30
"""A connection that is silent for so long is closed."""


def page_folder(folder: Path | None = None) -> Path:
    """Return the folder of the built page.

    Parameters
    ----------
    folder
        In place of the page of the package or of the checkout.

    Raises
    ------
    UsageError
        If it holds no built page.
    """
    places = (PACKED, BUILT) if folder is None else (folder,)
    for one in places:
        # The last file that a build writes.
        if (one / "integrity.json").is_file():
            return one
    if folder is not None:
        raise UsageError(f"{folder} holds no built static page: integrity.json is missing there.")
    raise UsageError(
        "This installation has no static page. Build it in a checkout of the source by make "
        "static, which needs Node 20 or what pip installs for it, and give its folder: "
        "'tumorscope demo --folder web/dist-static'. The page with a service behind it needs "
        "neither: 'tumorscope serve'."
    )


def serve_page(folder: Path, *, host: str, port: int, announce: Announce) -> None:
    """Serve the page until interrupted.

    Parameters
    ----------
    folder
        As of :func:`page_folder`.
    port
        TCP port; 0 for any that is free.
    announce
        Called with the address once requests are answered.

    Raises
    ------
    UsageError
        If the port is taken.
    """
    with open_server(folder, host=host, port=port) as server:
        announce(f"http://{address(host, server.server_port)}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(timeout=1)
        except KeyboardInterrupt:
            server.shutdown()


def open_server(folder: Path, *, host: str, port: int) -> http.server.ThreadingHTTPServer:
    """Return a server that listens; the caller runs and closes it."""
    handler = functools.partial(_Handler, directory=str(folder))
    kind = _Server6 if ":" in host else _Server
    try:
        return kind((host, port), handler)
    except OSError as error:
        raise UsageError(
            f"{address(host, port)} cannot be used ({error.strerror}); give another --port or "
            "--host."
        ) from error


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection, or close it where there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the place back at the end of a connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of browsers that close a connection half way."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    extensions_map = _KINDS | {"": "application/octet-stream"}

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            self.send_header(name, value)
        # What failed before it was parsed has no path.
        first = urlsplit(getattr(self, "path", "/")).path.split("/")[1:2]
        is_found = getattr(self, "_status", HTTPStatus.OK) in (HTTPStatus.OK, 304)
        is_forever = is_found and first and first[0] in HASHED
        self.send_header("Cache-Control", FOREVER if is_forever else "no-cache")
        super().end_headers()

    def send_response(self, code: int, message: str | None = None) -> None:
        self._status = code
        super().send_response(code, message)

    def list_directory(self, path: Any) -> None:
        """Show no listing."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def version_string(self) -> str:
        return "tumorscope"

    def log_message(self, *args: Any) -> None:
        """Write nothing down: who looks at the page is nobody's business."""
