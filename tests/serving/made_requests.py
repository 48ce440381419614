"""Requests as clients make them, and the service as a program of its own."""

import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from flask.testing import FlaskClient
from PIL import Image

START_S = 30


class Server:
    """A running ``tumorscope serve``.

    Attributes
    ----------
    url
        Where it answers.
    log
        File of its standard error.
    """

    def __init__(self, folder: Path, model: Path, options: tuple[str, ...]) -> None:
        self.spool = folder / "spool"
        self.log = folder / "server.log"
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tumorscope", "serve", "--port", "0"]
        command += ["--spool", str(self.spool), "--model", str(model), *options]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
                env=os.environ | {"TMPDIR": str(self.temporary)},
            )
        self.url = self._read_url()

    def _read_url(self) -> str:
        watchdog = threading.Timer(START_S, self.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        assert "running on" in line, self.log.read_text()
        return line.split()[4]

    def kill(self) -> None:
        """End all its processes as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def terminate(self, timeout_s: float = 30) -> int:
        """Ask it to end, as a service manager does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)


def encode(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def form(*files: tuple[str, bytes]) -> dict[str, Any]:
    """Body of an upload for Flask's test client."""
    return {"file": [(io.BytesIO(content), name) for name, content in files]}


def wait_for_job(client: FlaskClient, path: str, timeout_s: float = 20) -> dict[str, Any]:
    """Ask for a job until it is finished; return the last answer."""
    deadline = time.monotonic() + timeout_s
    while True:
        # Closed as a server closes a sent answer, which is when a fetched job is deleted.
        with client.get(path) as response:
            body = response.get_json()
        if body.get("state") == "finished":
            return body
        assert time.monotonic() < deadline, body
        time.sleep(0.02)
