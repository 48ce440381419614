"""Bodies: names, memory, time."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.serving.made_requests import form, multipart
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.problems import RefusalError
from tumorscope.serving.http_api.edge.uploads import (
    SpoolFile,
    UploadRequest,
    clean_name,
    read_files,
)


@pytest.fixture
def app() -> Flask:
    app = Flask(__name__)
    app.request_class = UploadRequest
    return app


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("scan.png", "scan.png"),
        ("series/1-01.dcm", "series/1-01.dcm"),
        ("C:\\scans\\a.dcm", "C:/scans/a.dcm"),
        ("/etc/passwd", "etc/passwd"),
        ("../../a.png", "a.png"),
        ("a\r\nSet-Cookie: b.png", "aSet-Cookie: b.png"),
        ("Schädel.png", "Schädel.png"),
        ("", "upload"),
        (None, "upload"),
        ("..", "upload"),
    ],
)
def test_name_is_relative_and_printable(name: str | None, clean: str) -> None:
    assert clean_name(name) == clean


def test_long_name_keeps_its_end() -> None:
    assert clean_name("a" * 400 + ".nii.gz").endswith("aaa.nii.gz")
    assert len(clean_name("a" * 400)) == 255


def test_files_stay_in_memory(app: Flask, tmp_path: Path) -> None:
    large = b"x" * 3_000_000
    body, kind = multipart(("a.png", large))
    with app.test_request_context(method="POST", data=body, content_type=kind):
        (file,) = read_files(ServerConfig(spool=tmp_path), max_bytes=10**7, max_files=1)
        assert isinstance(file.stream, io.BytesIO)
        assert file.stream.read() == large


def test_files_of_a_job_are_written_and_closed(app: Flask, tmp_path: Path) -> None:
    config = ServerConfig(spool=tmp_path)
    contents = [bytes([number]) * 1000 for number in range(3)]
    files = form(*((f"{number}.png", content) for number, content in enumerate(contents)))
    with app.test_request_context(method="POST", data=files):
        read = read_files(config, max_bytes=10**6, max_files=3, folder=tmp_path)
    streams = [one.stream for one in read]
    assert all(isinstance(one, SpoolFile) for one in streams)
    assert [one.path.read_bytes() for one in streams] == contents
    assert all(one._stream.closed for one in streams)


class Trickle(io.RawIOBase):
    """A body that never ends."""

    def read(self, size: int = -1) -> bytes:
        time.sleep(0.01)
        return b"x" * min(size, 10)


def test_slow_body_is_given_up(app: Flask, tmp_path: Path) -> None:
    config = ServerConfig(spool=tmp_path, upload_timeout_s=0.2)
    options = {
        "method": "POST",
        "content_type": "multipart/form-data; boundary=x",
        "environ_overrides": {"wsgi.input": Trickle(), "CONTENT_LENGTH": "100000"},
    }
    started = time.monotonic()
    with (
        app.test_request_context(**options),
        pytest.raises(RefusalError) as caught,
    ):
        read_files(config, max_bytes=10**6, max_files=1)
    assert caught.value.kind == "upload-timeout"
    assert time.monotonic() - started < 2


class Stalled(io.RawIOBase):
    """A body of which the next bytes do not come."""

    def read(self, size: int = -1) -> bytes:
        raise TimeoutError


def test_stalled_body_is_given_up(app: Flask, tmp_path: Path) -> None:
    options = {
        "method": "POST",
        "content_type": "multipart/form-data; boundary=x",
        "environ_overrides": {"wsgi.input": Stalled(), "CONTENT_LENGTH": "100000"},
    }
    with app.test_request_context(**options), pytest.raises(RefusalError) as caught:
        read_files(ServerConfig(spool=tmp_path), max_bytes=10**6, max_files=1)
    assert caught.value.kind == "upload-timeout"


@pytest.mark.parametrize(("status", "reads"), [(408, 1), (401, 0)])
def test_body_of_some_refusals_is_not_waited_for(
    make_app: Callable[..., Flask], key_file: Callable[..., Path], status: int, reads: int
) -> None:
    class Counted(Stalled):
        def read(self, size: int = -1) -> bytes:
            counted.append(size)
            return super().read(size)

    counted: list[int] = []
    keys = {"api_keys": key_file("ts_other")} if status == 401 else {}
    response = (
        make_app(**keys)
        .test_client()
        .post(
            "/api/v1/predictions",
            content_type="multipart/form-data; boundary=x",
            environ_overrides={"wsgi.input": Counted(), "CONTENT_LENGTH": "100000"},
        )
    )
    assert (response.status_code, len(counted)) == (status, reads)


def test_rest_of_a_refused_body_is_read(make_app: Callable[..., Flask]) -> None:
    body = io.BytesIO(b"x" * 300_000)
    response = (
        make_app()
        .test_client()
        .post(
            "/api/v1/predictions",
            content_type="application/json",
            environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "300000"},
        )
    )
    assert response.status_code == 415
    assert body.tell() == 300_000
