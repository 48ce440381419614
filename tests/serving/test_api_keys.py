"""Keys: named, kept as hashes, heeded at the next request, told by name in the log."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.made_requests import START_S, Server
from tumorscope.errors import UsageError
from tumorscope.serving.http_api.base.api_keys import (
    KeyRing,
    add_key,
    hash_key,
    read_keys,
    revoke_key,
)

KEY = "ts_example"


def tumorscope(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tumorscope", *arguments],
        check=check,
        capture_output=True,
        text=True,
        timeout=START_S,
    )


def test_keys_are_kept_as_hashes_with_a_name(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "keys"
    first, second = add_key(file, "desk"), add_key(file, "viewer.2")
    assert file.stat().st_mode & 0o777 == 0o600
    assert first not in file.read_text()
    assert [(one.name, one.hash) for one in read_keys(file)] == [
        ("desk", hash_key(first)),
        ("viewer.2", hash_key(second)),
    ]
    ring = KeyRing(file)
    assert (ring.find(second), ring.find(second + "x"), ring.find("")) == ("viewer.2", None, None)
    assert list(file.parent.iterdir()) == [file]


def test_change_counts_at_the_next_look(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    first = add_key(file, "first")
    ring = KeyRing(file)
    for round_ in range(20):
        key = add_key(file, f"n{round_}")
        assert ring.find(key) == f"n{round_}"
        revoke_key(file, f"n{round_}")
        assert ring.find(key) is None
        assert ring.find(first) == "first"
    file.unlink()
    assert ring.find(first) is None


def test_change_within_the_resolution_of_the_clock_counts(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    ring = KeyRing(file)
    for key in ("ts_a", "ts_b"):
        file.write_text(f"{hash_key(key)} desk\n")  # in place, of the same length
        os.utime(file, ns=(0, 0))
        assert ring.find(key) == "desk"
    assert ring.find("ts_a") is None


def test_name_is_used_once(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    add_key(file, "desk")
    with pytest.raises(UsageError, match="already"):
        add_key(file, "desk")
    with pytest.raises(UsageError, match="no key door; it holds: desk"):
        revoke_key(file, "door")


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "#a", "x" * 65, "-x", "é"])
def test_name_that_would_break_the_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="name of a key"):
        add_key(tmp_path / "keys", name or " ")
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("content", "word"),
    [("ts_abc\n", "Line 1"), (f"\n{'0' * 64} a b c\n", "Line 2"), ("é", "read")],
)
def test_key_file_is_checked(tmp_path: Path, content: str, word: str) -> None:
    file = tmp_path / "keys"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=word):
        read_keys(file)


def test_key_file_may_be_absent(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_keys(tmp_path / "keys")


def test_file_of_an_earlier_version_is_read_and_its_comments_kept(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"# reading room\n\n{hash_key(KEY)}  # desk 2\n")
    name = f"key-{hash_key(KEY)[:8]}"
    assert KeyRing(file).find(KEY) == name
    add_key(file, "new")
    revoke_key(file, name)
    assert file.read_text().startswith("# reading room\n\n")
    assert [one.name for one in read_keys(file)] == ["new"]


def test_line_spoilt_by_hand_lets_nobody_in_and_locks_nobody_out(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"ts_plain\n{hash_key(KEY)} desk\n")
    ring = KeyRing(file)
    assert (ring.find(KEY), ring.find("ts_plain")) == ("desk", None)


def test_two_that_add_at_once_both_count(tmp_path: Path) -> None:
    file = tmp_path / "keys"

    def add(first: int) -> None:
        for number in range(20):
            add_key(file, f"n{first}.{number}")

    threads = [threading.Thread(target=add, args=(one,)) for one in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_keys(file)) == 60


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can")
def test_root_leaves_the_file_to_the_user_of_the_service(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    add_key(file, "first")
    os.chown(file, 1234, 1234)
    add_key(file, "second")
    assert (file.stat().st_uid, file.stat().st_mode & 0o777) == (1234, 0o600)


def test_verbs(tmp_path: Path) -> None:
    file = str(tmp_path / "keys")
    added = tumorscope("keys", "add", "desk", "--api-keys", file)
    key = added.stdout.strip()
    assert KeyRing(Path(file)).find(key) == "desk"
    assert key not in added.stderr
    assert tumorscope("keys", "list", "--api-keys", file).stdout.startswith("desk\t20")
    tumorscope("keys", "revoke", "desk", "--api-keys", file)
    assert tumorscope("keys", "list", "--api-keys", file).stdout == ""
    again = tumorscope("keys", "revoke", "desk", "--api-keys", file, check=False)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)


def test_option_of_before_makes_a_key_and_names_its_successor(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    run = tumorscope("serve", "--new-api-key", str(file))
    assert KeyRing(file).find(run.stdout.strip()) is not None
    assert "tumorscope keys add" in run.stderr


def status(server: Server, key: str) -> int:
    return server.request("GET", "/api/v1/model", Authorization=f"Bearer {key}")[0]


@pytest.mark.parametrize("workers", ["1", "3"])
def test_change_counts_at_the_next_request(
    start_server: Callable[..., Server], tmp_path: Path, workers: str
) -> None:
    file = tmp_path / "keys"
    first = add_key(file, "first")
    server = start_server("--api-keys", str(file), "--workers", workers)
    assert [status(server, first) for _ in range(12)] == [200] * 12
    second = add_key(file, "second")
    assert [status(server, second) for _ in range(12)] == [200] * 12
    revoke_key(file, "first")
    assert [status(server, first) for _ in range(12)] == [401] * 12
    assert [status(server, second) for _ in range(12)] == [200] * 12
    revoke_key(file, "second")
    assert [status(server, second) for _ in range(12)] == [401] * 12
    log = server.log.read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    named = [one.get("key") for one in lines if one["event"] == "request"]
    assert named == ["first"] * 12 + ["second"] * 12 + [None] * 12 + ["second"] * 12 + [None] * 12
    assert first not in log
    assert second not in log
    assert hash_key(first) not in log


def test_worker_that_starts_after_the_last_key_was_revoked_lets_nobody_in(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    file = tmp_path / "keys"
    key = add_key(file, "desk")
    server = start_server("--api-keys", str(file))
    assert status(server, key) == 200
    revoke_key(file, "desk")
    os.kill(started_workers(server)[-1], signal.SIGKILL)
    deadline = time.monotonic() + START_S
    while len(started_workers(server)) < 2:
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.1)
    assert status(server, key) == 401
    again = add_key(file, "desk")
    assert status(server, again) == 200


def started_workers(server: Server) -> list[int]:
    """Return the process of each worker that is up or was, from the log."""
    lines = (json.loads(line) for line in server.log.read_text().splitlines())
    return [one["process"] for one in lines if one.get("event") == "worker-started"]


def test_log_stays_json_over_a_hangup(start_server: Callable[..., Server], tmp_path: Path) -> None:
    file = tmp_path / "keys"
    key = add_key(file, "desk")
    server = start_server("--api-keys", str(file))
    for hangups in (1, 2):
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + START_S
        while server.log.read_text().count("worker-started") <= hangups:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    # A worker that still ends may close the connection that it was given.
    deadline = time.monotonic() + START_S
    while server.log.read_text().count("Worker exiting") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert status(server, key) == 200
    assert server.terminate() == 0
    lines = [json.loads(line) for line in server.log.read_text().splitlines()]
    assert sum(one["event"] == "request" for one in lines) == 1
    assert sum("hup" in one["event"].lower() for one in lines) == 2
    assert sum(one["event"] == "worker-started" for one in lines) == 3
