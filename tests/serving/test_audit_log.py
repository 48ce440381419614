"""The log of who did what: what it says, and that no change of it stays unnoticed."""

import hashlib
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask

from tests.serving.made_requests import form, wait_for_job
from tumorscope.errors import AuditError
from tumorscope.serving import audit_log
from tumorscope.serving.audit_log import AuditLog, Head, entries, verify
from tumorscope.serving.http_api.edge import auditing


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "audit" / "audit.jsonl")


def written(log: AuditLog) -> list[dict[str, Any]]:
    return [entry for _, entry in entries(log.files())]


def fill(log: AuditLog, count: int = 5) -> Head:
    for number in range(count):
        head = log.write("predict", by=f"desk{number}", studies=["ab" * 16], left_out=None)
    return head


def test_entries_are_bound_to_each_other(log: AuditLog) -> None:
    head = fill(log)
    assert verify(log.files()) == head == verify(log.files(), noted=head)
    first, *rest = written(log)
    assert (first["n"], first["before"]) == (1, audit_log.FIRST)
    assert [one["by"] for one in rest] == ["desk1", "desk2", "desk3", "desk4"]
    assert "left_out" not in first
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_every_changed_byte_is_found_and_its_line_named(log: AuditLog) -> None:
    fill(log, 3)
    content = log.path.read_bytes()
    ends = [at for at, byte in enumerate(content) if byte == ord("\n")]
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        log.path.write_bytes(changed)
        with pytest.raises(AuditError) as caught:
            verify(log.files())
        line = 1 + sum(end < place for end in ends)
        assert f"line {line} " in str(caught.value), (place, caught.value)


@pytest.mark.parametrize(
    "body",
    [b'{"n": \xff', b'{"n": 1', b'{"before": ""', b'{"n": "one", "before": ""', b"[" * 5000, b"[1"],
)
def test_a_line_with_a_hash_of_its_own_and_no_entry_is_told(log: AuditLog, body: bytes) -> None:
    head = fill(log, 1)
    line = body + b', "hash": "%b"}\n' % hashlib.sha256(body).hexdigest().encode()
    with log.path.open("ab") as stream:
        stream.write(line)
    with pytest.raises(AuditError, match="line 2 "):
        verify(log.files(), noted=head)
    with pytest.raises(AuditError, match="last line"):
        log.write("predict", by=None)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: lines[1:2] + lines[:1] + lines[2:],
        lambda lines: [lines[0], *lines[2:]],
        lambda lines: [*lines[:2], lines[1], *lines[2:]],
        lambda lines: [*lines[:2], b"\n", *lines[2:]],
        lambda lines: [*lines[:-1], lines[-1].rstrip()],
        lambda lines: [*lines, b"x" * 100_000],
    ],
)
def test_lines_in_another_order(log: AuditLog, change: Callable[..., list[bytes]]) -> None:
    fill(log)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(change(lines)))
    with pytest.raises(AuditError):
        verify(log.files())


def test_lines_cut_off_at_the_end_are_missed_by_who_noted_the_last(log: AuditLog) -> None:
    head = fill(log)
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:-1]))
    assert verify(log.files()).number == head.number - 1
    with pytest.raises(AuditError, match="cut off"):
        verify(log.files(), noted=head)


def test_the_log_goes_on_in_a_new_file(log: AuditLog) -> None:
    assert log.rotate() is None
    fill(log)
    moved = log.rotate()
    fill(log)
    assert log.files() == [moved, log.path]
    assert [one["n"] for one in written(log)] == list(range(1, 12))
    assert written(log)[5]["verb"] == "rotate"
    assert verify([log.path]).number == 11  # the new file alone
    moved.write_bytes(b"".join(moved.read_bytes().splitlines(keepends=True)[:-1]))
    with pytest.raises(AuditError, match="does not follow"):
        verify(log.files())


def test_what_a_power_cut_left_is_taken_off_and_said(log: AuditLog) -> None:
    fill(log, 2)
    with log.path.open("ab") as stream:
        stream.write(b'{"n": 3, "ti')
    log.write("predict", by=None)
    assert [one["verb"] for one in written(log)] == ["predict", "predict", "mend", "predict"]
    assert written(log)[2]["bytes_taken_off"] == 12


def test_nothing_is_added_to_a_log_whose_last_line_was_changed(log: AuditLog) -> None:
    fill(log, 2)
    content = log.path.read_bytes().replace(b"desk1", b"desk7")
    log.path.write_bytes(content)
    with pytest.raises(AuditError, match="was changed"):
        log.write("predict", by=None)
    assert log.path.read_bytes() == content


def test_full_disk_leaves_no_half_line(log: AuditLog, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(log, 1)
    before, write = log.path.read_bytes(), os.write

    def half(file: int, content: bytes) -> int:
        if len(content) < 50:
            raise OSError(28, "No space left on device")
        return write(file, content[: len(content) // 2])

    monkeypatch.setattr(audit_log.os, "write", half)
    with pytest.raises(OSError, match="No space"):
        log.write("predict", by=None)
    assert log.path.read_bytes() == before


def test_many_threads_and_logs_write_one_chain(log: AuditLog) -> None:
    def write() -> None:
        own = AuditLog(log.path)
        for _ in range(20):
            own.write("predict", by=None)

    threads = [threading.Thread(target=write) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verify(log.files()).number == 100


@pytest.fixture
def dicom(
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., Any],
    encode_dicom: Callable[..., bytes],
) -> bytes:
    head = make_head((64, 64)).astype(np.uint16)
    return encode_dicom(make_dicom(head, StudyInstanceUID="1.2.826.99", PatientID="ID-99"))


@pytest.fixture
def audited_app(
    make_app: Callable[..., Flask], key_file: Callable[..., Path], log: AuditLog
) -> Flask:
    return make_app(api_keys=key_file("secret"), audit_log=log.path)


def test_service_says_who_did_what_and_nothing_of_a_patient(
    audited_app: Flask, log: AuditLog, dicom: bytes, tmp_path: Path
) -> None:
    client = audited_app.test_client()
    headers = {"X-API-Key": "secret"}
    name = "Doe^Jane.dcm"
    assert client.post("/api/v1/predictions", data=form((name, dicom))).status_code == 401
    done = client.post("/api/v1/predictions", data=form((name, dicom)), headers=headers)
    assert done.status_code == 200
    wrong = client.post("/api/v1/predictions", data=form(("a.txt", b"x")), headers=headers)
    made = client.post("/api/v1/jobs", data=form((name, dicom)), headers=headers)
    path = f"/api/v1/jobs/{made.get_json()['id']}"
    while client.get(path, headers=headers).get_json()["state"] != "finished":
        pass
    client.delete(path, headers=headers)
    kept = [one for one in written(log) if one["verb"] != "job-read"]
    assert [(one["verb"], one["by"], one.get("status")) for one in kept] == [
        ("predict", "desk0", 200),
        ("predict", "desk0", wrong.status_code),
        ("job-create", "desk0", 202),
        ("job-answer", "desk0", None),
        ("job-delete", "desk0", 204),
    ]
    first, failed, created, answered, deleted = kept
    assert len(first["studies"]) == 1
    assert first["studies"] == answered["studies"]
    assert first["request"] == done.headers["X-Request-ID"]
    assert sum(first["outcomes"].values()) == 1
    assert failed["outcomes"] == {"error": 1}
    assert first["model"].startswith("tiny 0 ")
    assert created["job"] == answered["job"] == deleted["job"]
    reads = [one for one in written(log) if one["verb"] == "job-read"]
    assert reads
    assert all(one["outcomes"] for one in reads)
    text = log.path.read_text()
    for secret in ("Doe", "Jane", "1.2.826.99", "ID-99", "secret", made.get_json()["id"]):
        assert secret not in text


def test_nothing_is_answered_that_cannot_be_written_down(
    audited_app: Flask, log: AuditLog, png: bytes
) -> None:
    client = audited_app.test_client()
    log.path.parent.mkdir()
    log.path.write_bytes(b"no log\n")
    headers = {"X-API-Key": "secret"}
    done = client.post("/api/v1/predictions", data=form(("a.png", png)), headers=headers)
    assert done.status_code == 503
    assert "audit log" in done.get_json()["detail"]
    assert "predictions" not in done.get_json()
    metrics = client.get("/metrics", headers=headers).get_data(as_text=True)
    count = next(x for x in metrics.splitlines() if x.startswith("tumorscope_audit_failures"))
    assert float(count.split()[1]) >= 1


def test_without_a_log_nothing_is_written(client: Any, png: bytes, tmp_path: Path) -> None:
    assert client.post("/api/v1/predictions", data=form(("a.png", png))).status_code == 200
    job = client.post("/api/v1/jobs", data={"file": (io.BytesIO(png), "a.png")}).get_json()["id"]
    wait_for_job(client, f"/api/v1/jobs/{job}")
    assert not list(tmp_path.rglob("*.jsonl"))


NOT_AUDITED = {
    "jobs.list_jobs": "names and counts of the caller's own jobs",
    "jobs.get_image": "a picture of a slice whose answer was read, which is written",
    "jobs.get_evidence": "the same",
    "document.get_document": "the OpenAPI document",
    "model.get_model": "says nothing of a scan",
    "samples.list_samples": "drawn scans of the package",
    "samples.get_sample": "the same",
}
"""Routes of the service that write no entry, and why."""


def test_every_route_is_audited_or_has_a_reason(make_app: Callable[..., Flask]) -> None:
    rules = [rule for rule in make_app().url_map.iter_rules() if rule.rule.startswith("/api/")]
    assert {rule.endpoint for rule in rules} == {*auditing.VERBS, *NOT_AUDITED}
