"""Requests as clients make them, and the service as a program of its own."""

import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import HTTPException
from werkzeug.test import stream_encode_multipart

from tumorscope.serving.http_api.schemas.openapi import document

START_S = 120
JOB_S = 120
"""Far more than it takes on a machine of its own; some machines have much else to do."""


class Server:
    """A running ``tumorscope serve``.

    Attributes
    ----------
    url
        Where it answers.
    log
        File of its standard error.
    """

    def __init__(self, folder: Path, model: Path | None, options: tuple[str, ...]) -> None:
        self.spool = folder / "spool"
        self.log = folder / "server.log"
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "tumorscope", "serve", "--port", "0"]
        command += ["--spool", str(self.spool), *options]
        if model is not None:
            command += ["--model", str(model)]
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

    def request(
        self, method: str, path: str, *files: tuple[str, bytes], **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request over a socket; return status, headers and body of the answer."""
        body: bytes | None = None
        if files:
            body, headers["Content-Type"] = multipart(*files)
        host = self.url.removeprefix("http://")
        with closing(http.client.HTTPConnection(host, timeout=JOB_S)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, dict(response.headers), response.read()

    def json(self, method: str, path: str, *files: tuple[str, bytes]) -> dict[str, Any]:
        """Send one request; return the body of a good answer."""
        status, _, body = self.request(method, path, *files)
        assert status < 300, body
        return json.loads(body)

    def wait_for_job(self, job: str, *, slices: int | None = None) -> dict[str, Any]:
        """Ask until a job is finished, or has answered some slices; return all its answers."""
        deadline = time.monotonic() + JOB_S
        answers: list[dict[str, Any]] = []
        views: list[dict[str, Any]] = []
        while True:
            body = self.json("GET", f"/api/v1/jobs/{job}?after={len(answers)}")
            answers += body["predictions"]
            views += body["slices"]
            enough = slices is not None and body["progress"]["slices_done"] >= slices
            if enough or body["state"] == "finished":
                return body | {"predictions": answers, "slices": views}
            assert time.monotonic() < deadline, body["progress"]
            time.sleep(0.02)

    def kill(self) -> None:
        """End all its processes as a power cut would."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def terminate(self, timeout_s: float = 90) -> int:
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


def multipart(*files: tuple[str, bytes]) -> tuple[bytes, str]:
    """Encoded body of an upload and its content type."""
    parts = [FileStorage(io.BytesIO(content), name) for name, content in files]
    stream, _, boundary = stream_encode_multipart({"file": parts}, use_tempfile=False)
    return stream.getvalue(), f"multipart/form-data; boundary={boundary}"


def wait_for_job(client: FlaskClient, path: str, timeout_s: float = JOB_S) -> dict[str, Any]:
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


class CheckedClient(FlaskClient):
    """Holds every response against the OpenAPI document."""

    def open(self, *arguments: Any, **options: Any) -> Any:
        response = super().open(*arguments, **options)
        check_response(self.application, response)
        return response


def check_response(app: Flask, response: Any) -> None:
    """Assert that the document promises a response's status, media type and shape."""
    path, method = response.request.path, response.request.method
    if not path.startswith("/api/v1/") or method in ("HEAD", "OPTIONS"):
        return
    try:
        rule, _ = app.url_map.bind("localhost").match(path, method, return_rule=True)
    except HTTPException:
        assert_shape(app, response, {"$ref": "#/components/schemas/Problem"})
        return
    described = document(app)["paths"].get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule)))
    if described is None:
        return
    promised = described[method.lower()]["responses"]
    assert str(response.status_code) in promised, (response.status_code, response.get_data())
    content = promised[str(response.status_code)].get("content", {})
    assert response.mimetype in content or (not content and not response.get_data())
    if response.is_json or response.mimetype == "application/problem+json":
        assert_shape(app, response, content[response.mimetype]["schema"])


def assert_shape(app: Flask, response: Any, schema: dict[str, Any]) -> None:
    """Assert that a response's body is an instance of a schema of the document."""
    components = document(app)["components"]
    jsonschema.validate(
        json.loads(response.get_data()),
        schema | {"components": components},
        cls=jsonschema.Draft202012Validator,
    )
