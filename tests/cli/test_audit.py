"""The audit log on the command line."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Result
from tumorscope.serving.audit_log import AuditLog
from tumorscope.serving.pseudonyms import read_pseudonyms


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    log = AuditLog(tmp_path / "audit.jsonl")
    log.write("predict", by="desk", studies=["ab" * 16], status=200)
    log.write("job-read", by="other", studies=[], outcomes={"tumor": 1})
    return log


def test_verify_names_the_line_that_was_changed(
    tumorscope: Callable[..., Result], log: AuditLog
) -> None:
    words = ("audit", "verify", "--audit-log", log.path)
    said = tumorscope(*words)
    assert said.code == 0
    noted = said.out.split()[6].rstrip(".")
    assert noted.startswith("2:")
    assert tumorscope(*words, "--noted", noted).code == 0
    assert tumorscope(*words, "--noted", noted[:-1] + "z").code == 2
    log.path.write_bytes(log.path.read_bytes().replace(b"desk", b"desc"))
    changed = tumorscope(*words)
    assert (changed.code, "audit.jsonl, line 1 was changed" in changed.err) == (2, True)
    assert len(changed.err.splitlines()) == 1


def test_export(tumorscope: Callable[..., Result], log: AuditLog) -> None:
    words = ("audit", "export", "--audit-log", log.path)
    rows = list(csv.DictReader(io.StringIO(tumorscope(*words).out)))
    assert [(one["by"], one["verb"]) for one in rows] == [
        ("desk", "predict"),
        ("other", "job-read"),
    ]
    assert json.loads(rows[1]["details"]) == {"outcomes": {"tumor": 1}}
    (line,) = tumorscope(*words, "--format", "json", "--study-hash", "ab" * 16).lines
    assert line["by"] == "desk"
    for nothing in (("--since", "2999"), ("--until", "2000"), ("--verb", "none")):
        assert tumorscope(*words, "--format", "json", *nothing).out == ""


def test_rotate(tumorscope: Callable[..., Result], log: AuditLog) -> None:
    moved = Path(tumorscope("audit", "rotate", "--audit-log", log.path).out.strip())
    assert moved.is_file()
    assert tumorscope("audit", "verify", "--audit-log", log.path).code == 0
    assert tumorscope("audit", "verify", moved).code == 0


def test_hash(
    tumorscope: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    salt = tmp_path / "salt"
    monkeypatch.setattr("sys.stdin", io.StringIO("ID-1\n\n ID-1 \n"))
    assert tumorscope("audit", "hash", "patient", "--salt", salt).code == 2
    expected = read_pseudonyms(salt).of("patient", "ID-1")
    said = tumorscope("audit", "hash", "patient", "--salt", salt)
    assert said.out.split() == [expected, expected]
    assert salt.stat().st_mode & 0o777 == 0o600


def test_what_administrators_do_is_written_down(
    tumorscope: Callable[..., Result], log: AuditLog, tmp_path: Path
) -> None:
    keys = ("--api-keys", tmp_path / "keys", "--audit-log", log.path)
    tumorscope("keys", "add", "desk", *keys)
    tumorscope("keys", "revoke", "desk", *keys)
    words = ("audit", "export", "--audit-log", log.path, "--format", "json")
    added, revoked = tumorscope(*words).lines[-2:]
    assert (added["verb"], added["key"], revoked["verb"]) == ("key-add", "desk", "key-revoke")
    assert added["by"].startswith("user ")


def test_no_log_is_named(tumorscope: Callable[..., Result], tmp_path: Path) -> None:
    assert "--audit-log" in tumorscope("audit", "verify").err
    assert tumorscope("audit", "verify", "--audit-log", tmp_path / "none").code == 2
