"""A real HTTP server on this machine, and miniatures of the public sets."""

import hashlib
import io
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorscope.data.public_set import RemoteFile


@dataclass
class Server:
    """Serves ``files``; how it misbehaves is set by the test."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which the connection is cut, for one request after the other."""
    statuses: list[int] = field(default_factory=list)
    """Answers of the first requests."""
    knows_ranges: bool = True
    asked: list[str | None] = field(default_factory=list)
    """Ranges that were asked for."""

    def offer(self, name: str, content: bytes) -> RemoteFile:
        """Serve a file and return what a recipe would say of it."""
        self.files[name] = content
        sha256 = hashlib.sha256(content).hexdigest()
        return RemoteFile(name, f"{self.url}/{name}", len(content), sha256)


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server: Server = self.server.behaviour
        wanted = self.headers.get("Range")
        server.asked.append(wanted)
        content = server.files.get(self.path.lstrip("/"))
        if server.statuses or content is None:
            self.send_response(server.statuses.pop(0) if server.statuses else 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        start = start if server.knows_ranges else 0
        self._send(content, start, server.cut_after.pop(0) if server.cut_after else None)

    def _send(self, content, start, cut_after):
        self.send_response(206 if start else 200)
        if start:
            whole = len(content)
            self.send_header("Content-Range", f"bytes {start}-{whole - 1}/{whole}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][:cut_after])
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    listening = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    listening.behaviour = Server(url=f"http://127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield listening.behaviour
    listening.shutdown()
    thread.join()
    listening.server_close()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind)
    return buffer.getvalue()


@pytest.fixture
def make_mat(tmp_path: Path) -> Callable[..., bytes]:
    """Make one slice as MATLAB 7.3 stores it: HDF5 after 512 bytes, columns first."""
    h5py = pytest.importorskip("h5py", reason="the extra [data] is not installed")

    def make(image: np.ndarray, mask: np.ndarray, *, label: int = 1, patient: str = "1") -> bytes:
        path = tmp_path / "made.mat"
        with h5py.File(path, "w", userblock_size=512) as file:
            structure = file.create_group("cjdata")
            structure["label"] = np.array([[float(label)]])
            structure["PID"] = np.array([[ord(letter)] for letter in patient], np.uint16)
            structure["image"] = image.T
            structure["tumorMask"] = mask.T.astype(np.uint8)
        return path.read_bytes()

    return make
