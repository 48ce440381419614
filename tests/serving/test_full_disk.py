"""A disk without room: one line, longer and longer pauses, a refusal with Retry-After."""

import errno
import io
import itertools
import json
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from io import RawIOBase
from pathlib import Path

import pytest
from flask import Flask

from tests.serving.made_requests import JOB_S, Server, form, wait_for_job
from tumorscope.serving.http_api.base import logs
from tumorscope.serving.http_api.base.full_disk import is_disk_full
from tumorscope.serving.http_api.jobs import job_runner
from tumorscope.serving.http_api.routes import jobs

URL = "/api/v1/jobs"
ROOM = 96 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted: needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(autouse=True)
def forgotten_lines() -> Iterator[None]:
    """Let no test be silenced by the lines of another."""
    logs._due.clear()
    yield
    logs._due.clear()


def fill(folder: Path) -> Path:
    """Leave no room; return the file that takes it."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        for size in (1024 * 1024, 4096):
            while write(stream, bytes(size)):
                pass
    return filler


def write(stream: RawIOBase, content: bytes) -> bool:
    """Write; tell whether there was room."""
    try:
        stream.write(content)
    except OSError:
        return False
    return True


def events(server: Server) -> list[str]:
    return [json.loads(line)["event"] for line in server.log.read_text().splitlines()]


@pytest.mark.slow
def test_service_outlives_a_full_disk(
    start_server: Callable[..., Server], small_disk: Path, volume: Callable[..., bytes], png: bytes
) -> None:
    server = start_server("--spool", str(small_disk / "spool"))
    job = server.json("POST", URL, ("v.nii", volume(1500)))["id"]
    server.wait_for_job(job, slices=2)
    filler = fill(small_disk)
    deadline = time.monotonic() + JOB_S
    while "disk-full" not in events(server):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    status, headers, body = server.request("POST", URL, ("a.png", png))
    assert status == 503
    assert int(headers["Retry-After"]) >= 1
    assert json.loads(body)["type"] == "urn:tumorscope:problem:not-ready"
    assert server.request("GET", f"{URL}/{job}")[0] == 200
    assert server.request("POST", "/api/v1/predictions", ("a.png", png))[0] == 200
    time.sleep(5)
    told = events(server)
    assert (told.count("disk-full"), told.count("crash")) == (1, 0)
    assert "Traceback" not in server.log.read_text()
    filler.unlink()
    body = server.wait_for_job(job)
    assert [one["kind"] for one in body["predictions"]] == ["image"] * 1500 + ["series"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_job_waits_for_room_with_longer_and_longer_pauses(
    make_app: Callable[..., Flask],
    png: bytes,
    error: OSError,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[float] = []
    has_room = False

    def save(*arguments: object, **options: object) -> None:
        tries.append(time.monotonic())
        if not has_room:
            raise error

    monkeypatch.setattr(job_runner, "save_pictures", save)
    monkeypatch.setattr(logs.LOGGER, "propagate", True)
    client = make_app().test_client()
    path = client.post(URL + "?hold=60", data=form(("a.png", png))).headers["Location"]
    while len(tries) < 4:
        time.sleep(0.02)
    has_room = True
    body = wait_for_job(client, path)
    assert [one["kind"] for one in body["predictions"]] == ["image"]
    pauses = [after - before for before, after in itertools.pairwise(tries)]
    assert pauses[1] > pauses[0] > job_runner._POLL_S
    assert pauses[2] > pauses[1]
    assert [one.message for one in caplog.records].count("disk-full") == 1
    assert "crash" not in caplog.text


def test_upload_without_room_is_refused_before_it_is_read(
    make_app: Callable[..., Flask], png: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = make_app().test_client()
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)
    response = client.post(URL, data=form(("a.png", png)))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert list((tmp_path / "spool" / "jobs").iterdir()) == []


def test_what_says_that_there_is_no_room() -> None:
    with pytest.raises(sqlite3.OperationalError) as raised:
        _fill_database()
    assert is_disk_full(raised.value)
    assert is_disk_full(OSError(errno.ENOSPC, ""))
    assert not is_disk_full(OSError(errno.EACCES, ""))
    assert not is_disk_full(ValueError())


def _fill_database() -> None:
    database = sqlite3.connect(":memory:")
    try:
        database.execute("PRAGMA max_page_count = 2")
        database.execute("CREATE TABLE one (value)")
        database.execute("INSERT INTO one VALUES (?)", (os.urandom(100_000),))
    finally:
        database.close()


def test_upload_that_is_on_the_disk_needs_no_room_again(
    make_app: Callable[..., Flask], png: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client = make_app().test_client()
    usage = shutil.disk_usage(tmp_path)
    # Room for the upload, and then for the answers alone.
    left = iter([jobs._SPARE_BYTES + 2 * len(png), jobs._SPARE_BYTES])
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=next(left)))
    assert client.post(URL, data=form(("a.png", png))).status_code == 202


def test_upload_in_chunks_counts_in_the_spool(
    make_app: Callable[..., Flask], png: bytes, tmp_path: Path
) -> None:
    client = make_app(max_spool_bytes=len(png) - 1).test_client()
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
    response = client.post(
        URL,
        input_stream=io.BytesIO(body + png + b"\r\n--x--\r\n"),
        content_type="multipart/form-data; boundary=x",
        headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 503
    assert list((tmp_path / "spool" / "jobs").iterdir()) == []
