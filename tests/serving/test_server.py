"""The program itself, over real sockets: answers, death, restart, end, traces."""

import io
import json
import re
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pydicom
import pytest

from tests.serving.made_requests import START_S, Server
from tests.serving.made_scans import PATIENT, dicom
from tumorscope.serving.http_api.base.listening import SPARE_THREADS

MANY = 1500
"""Slices that keep a service at work for seconds, so that it can be interrupted."""


def test_several_workers_share_jobs_and_metrics(
    start_server: Callable[..., Server], volume: Callable[..., bytes]
) -> None:
    server = start_server("--workers", "2")
    jobs = [server.json("POST", "/api/v1/jobs", ("v.nii", volume(20)))["id"] for _ in range(4)]
    bodies = [server.wait_for_job(job) for job in jobs]
    assert [len(body["predictions"]) for body in bodies] == [21] * 4
    metrics = server.request("GET", "/metrics")[2].decode()
    assert 'tumorscope_jobs_total{event="created"} 4.0' in metrics
    assert 'tumorscope_answers_total{outcome="no_tumor"}' in metrics


@pytest.mark.slow
def test_killed_server_finishes_its_job_once_after_a_restart(
    start_server: Callable[..., Server], volume: Callable[..., bytes]
) -> None:
    content = volume(MANY)
    server = start_server()
    job = server.json("POST", "/api/v1/jobs", ("v.nii", content))["id"]
    before = server.wait_for_job(job, slices=5)
    server.kill()
    assert before["state"] == "running", "the job was over before it could be interrupted"
    body = start_server().wait_for_job(job)
    images = [one for one in body["predictions"] if one["kind"] == "image"]
    assert [one["slice_index"] for one in images] == list(range(MANY))
    assert [one["kind"] for one in body["predictions"][MANY:]] == ["series"]
    known = before["progress"]["slices_done"]
    assert len(before["predictions"]) == known
    assert body["predictions"][:known] == before["predictions"][:known]


def test_upload_broken_off_by_a_kill_leaves_no_job(
    start_server: Callable[..., Server], png: bytes
) -> None:
    server = start_server()
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"POST /api/v1/jobs HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode()
            + png
        )
        server.kill()
    later = start_server()
    assert later.json("GET", "/readyz") == {"status": "ready"}
    job = later.json("POST", "/api/v1/jobs", ("a.png", png))["id"]
    assert len(later.wait_for_job(job)["predictions"]) == 1


@pytest.mark.slow
def test_terminated_server_answers_what_it_has_begun(
    start_server: Callable[..., Server], volume: Callable[..., bytes], png: bytes
) -> None:
    server = start_server()
    job = server.json("POST", "/api/v1/jobs", ("v.nii", volume(MANY)))["id"]
    server.wait_for_job(job, slices=5)
    assert server.terminate() == 0
    assert '"event": "job-released"' in server.log.read_text()
    body = start_server().wait_for_job(job)
    assert sum(one["kind"] == "image" for one in body["predictions"]) == MANY


def test_terminated_server_answers_the_request_at_hand(
    start_server: Callable[..., Server], volume: Callable[..., bytes]
) -> None:
    server = start_server()
    content, replies = volume(240), []

    def post() -> None:
        replies.append(server.request("POST", "/api/v1/predictions", ("v.nii", content)))

    thread = threading.Thread(target=post)
    thread.start()
    while b"tumorscope_in_flight 1.0" not in server.request("GET", "/metrics")[2]:
        assert thread.is_alive(), "the request was over before the service could be ended"
    assert server.terminate() == 0
    thread.join()
    ((status, _, body),) = replies
    assert status == 200
    assert len(json.loads(body)["predictions"]) == 241


def test_nothing_of_an_upload_stays(
    start_server: Callable[..., Server], make_head: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    audit = tmp_path / "audit" / "audit.jsonl"
    server = start_server("--keep-results", "0", "--audit-log", str(audit))
    limits = Path(f"/proc/{server.process.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 ", limits)
    content = dicom(make_head((400, 400), blob=(200, 150)).astype(np.uint16) * 16)
    assert len(content) > 300_000
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{PATIENT}/1.dcm", content)
    files = ((f"{PATIENT}.dcm", content), ("z.zip", archive.getvalue()), (f"{PATIENT}.txt", b"?"))
    assert server.request("POST", "/api/v1/predictions?heatmap=png", *files)[0] == 200
    server.request("POST", f"/api/v1/predictions?operating_point={PATIENT}", *files)
    server.request("GET", f"/api/v1/jobs/{PATIENT}", **{"X-Request-ID": PATIENT})
    server.wait_for_job(server.json("POST", "/api/v1/jobs", *files)["id"])
    held = server.json("POST", "/api/v1/jobs?hold=60", *files)["id"]
    server.wait_for_job(held)
    assert server.request("DELETE", f"/api/v1/jobs/{held}")[0] == 204
    server.terminate()
    middle = content[len(content) // 2 :][:64]
    assert audit.stat().st_size > 1000
    uids = [one.value.encode() for one in pydicom.dcmread(io.BytesIO(content)) if one.VR == "UI"]
    uids = [one for one in uids if len(one) > 30]
    assert uids
    for path in (*server.spool.rglob("*"), *server.temporary.rglob("*"), server.log, audit):
        if path.is_file():
            kept = path.read_bytes()
            assert PATIENT.encode() not in kept, path
            assert b"Jane" not in kept, path
            assert middle not in kept, path
            assert archive.getvalue()[100:164] not in kept, path
            assert not [uid for uid in uids if uid in kept], path
    assert list((server.spool / "jobs").iterdir()) == []


def test_log_is_json_lines(start_server: Callable[..., Server], png: bytes) -> None:
    server = start_server()
    server.json("POST", "/api/v1/predictions", ("a.png", png))
    server.terminate()
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    (request,) = [one for one in lines if one["event"] == "request"]
    assert request["route"] == "/api/v1/predictions"
    assert request["status"] == 200
    assert request["milliseconds"] > 0


@pytest.mark.parametrize(
    "head",
    [
        b"Jane Doe %\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nJane Doe: " + b"x" * 20_000 + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ],
)
def test_what_is_no_http_is_a_problem_that_quotes_nothing(
    start_server: Callable[..., Server], head: bytes
) -> None:
    answer = exchange(start_server(), head)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer
    assert b"Jane" not in answer


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\nabc\r\n0\r\n\r\n",
        b"Content-Length: 999\r\n\r\nabc",
    ],
)
def test_broken_body_is_a_bad_request(start_server: Callable[..., Server], body: bytes) -> None:
    head = (
        b"POST /api/v1/predictions HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n"
    )
    assert exchange(start_server(), head + body).startswith(b"HTTP/1.1 400")


def test_refused_upload_leaves_the_connection_open(start_server: Callable[..., Server]) -> None:
    host, _, port = start_server().url.removeprefix("http://").rpartition(":")
    with closing(HTTPConnection(host, int(port), timeout=START_S)) as connection:
        for _ in range(3):
            connection.request("POST", "/api/v1/predictions", b"x" * 900_000)
            own = connection.sock
            with connection.getresponse() as response:
                assert response.status == 415
                assert response.headers["Connection"] == "keep-alive"
                response.read()
            assert connection.sock is own
            assert own is not None


def exchange(server: Server, content: bytes) -> bytes:
    """Send bytes, then the end; return what comes back."""
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=START_S) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


def test_clients_that_stop_in_the_middle_do_not_hold_the_service(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; "
        "from tumorscope.serving.http_api.base.config import ServerConfig; "
        "from tumorscope.serving.http_api.server import serve; "
        "config = ServerConfig(spool=Path(sys.argv[1]), max_in_flight=2, idle_timeout_s=1.5); "
        "serve(config, port=0, workers=1, announce=lambda url: print(url, flush=True))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "spool")]
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.terminate)
        host, _, port = process.stdout.readline().strip().removeprefix("http://").rpartition(":")
        for _ in range(2 + SPARE_THREADS):
            one = stack.enter_context(socket.create_connection((host, int(port))))
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        connection = HTTPConnection(host, int(port), timeout=START_S)
        stack.callback(connection.close)
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "API key"),  # noqa: S104
        (["--host", "192.0.2.1", "--api-keys", "KEYS"], "cannot be used"),
        (["--model", "absent.tumorscope"], "absent.tumorscope"),
        (["--api-keys", "absent"], "absent"),
        (["--api-keys", "EMPTY"], "no key"),
        (["--root-path", "tumorscope"], "path of the service"),
        (["--trust-proxy", "nginx"], "address of a proxy"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    tmp_path: Path, options: list[str], words: str
) -> None:
    (tmp_path / "KEYS").write_text("0" * 64)
    (tmp_path / "EMPTY").write_text("# none yet\n")
    run = subprocess.run(
        [sys.executable, "-m", "tumorscope", "serve", "--spool", "spool", *options],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_taken_port_is_named(start_server: Callable[..., Server], tmp_path: Path) -> None:
    port = start_server().url.rpartition(":")[2]
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "tumorscope",
            "serve",
            "--port",
            port,
            "--spool",
            str(tmp_path / "s"),
        ],
        check=False,
        capture_output=True,
        text=True,
        timeout=START_S,
    )
    assert run.returncode == 2
    assert port in run.stderr
