"""A plain file server with the static page, which remembers what it was asked."""

import functools
import http.server
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "web" / "dist-static"
"""What ``make static`` built."""

MADE = ("model", "samples", "service-worker.js", "integrity.json", "_headers")


@dataclass
class Asked:
    """One request as it arrived, with what had been sent until then."""

    method: str
    path: str
    body_bytes: int
    sent_bytes: int


@dataclass
class StaticHost:
    """A folder behind a port of the loopback.

    Attributes
    ----------
    headers
        Sent with every file, as a host's recipe has it.
    asked
        Requests so far.
    missing
        Beginning of the paths that are not found.
    sent_bytes
        So far, with headers.
    """

    folder: Path
    headers: dict[str, str] = field(default_factory=dict)
    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    missing: str | None = None
    sent_bytes: int = 0

    def __post_init__(self) -> None:
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        handler = functools.partial(_Handler, host=self, directory=str(self.folder))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Counted:
    """A stream to the browser whose bytes are counted."""

    def __init__(self, stream: Any, host: StaticHost) -> None:
        self._stream, self._host = stream, host

    def write(self, content: Any) -> int:
        sent: int = self._stream.write(content)
        self._host.sent_bytes += sent
        return sent

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, *args: Any, host: StaticHost, **options: Any) -> None:
        self._host = host
        super().__init__(*args, **options)

    def setup(self) -> None:
        super().setup()
        self.wfile = _Counted(self.wfile, self._host)  # type: ignore[assignment]

    def translate_path(self, path: str) -> str:
        missing = self._host.missing
        is_missing = missing is not None and path.lstrip("/").startswith(missing)
        return super().translate_path("/nothing" if is_missing else path)

    def parse_request(self) -> bool:
        known = super().parse_request()
        if known:
            size = int(self.headers.get("Content-Length") or 0)
            self._host.asked.append(Asked(self.command, self.path, size, self._host.sent_bytes))
        return known

    def end_headers(self) -> None:
        for name, value in self._host.headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


def build_page(folder: Path, *, lite: Path, default: Path) -> Path:
    """Put the built page with other models into a new folder, or into an old one as an update."""
    from web import static_build

    if not folder.exists():
        shutil.copytree(BUILT, folder, ignore=shutil.ignore_patterns(*MADE))
    static_build.fill(folder, {"lite": lite, "default": default})
    return folder
