"""Stores of earlier and later versions, and damaged ones."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.serving.test_job_store import add, answer
from tumorscope.errors import StoreError
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.jobs.job_store import JobStore
from tumorscope.serving.http_api.jobs.store_schema import (
    SCHEMA_VERSION,
    check_store,
    open_store,
)

FIRST = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, state TEXT NOT NULL, created REAL NOT NULL,
    operating_point TEXT NOT NULL, hold_s REAL NOT NULL, bytes INTEGER NOT NULL, owner TEXT,
    lease REAL NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0, files INTEGER,
    files_done INTEGER NOT NULL DEFAULT 0, expires REAL
);
CREATE TABLE uploads (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    file TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (job, number)
);
CREATE TABLE answers (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE, number INTEGER NOT NULL,
    file INTEGER, answer TEXT NOT NULL, series_uid TEXT, position_mm REAL, view TEXT,
    PRIMARY KEY (job, number)
);
INSERT INTO jobs (id, state, created, operating_point, hold_s, bytes)
    VALUES ('old', 'queued', 1.0, 'balanced', 0, 1);
INSERT INTO uploads VALUES ('old', 0, '0', 'a');
INSERT INTO answers (job, number, file, answer, view)
    VALUES ('old', 0, 0, '{"kind": "image"}', '{"study_instance_uid": "1.2.3"}'),
    ('old', 1, 0, '{"kind": "error"}', NULL), ('old', 2, NULL, '{"kind": "series"}', NULL);
"""
"""The first tables that there were, before versions, with a job."""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    (folder / "jobs" / "old").mkdir(parents=True)
    return folder


def make(spool: Path, statements: str) -> Path:
    path = spool / "jobs.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(statements)
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return database.execute("PRAGMA user_version").fetchone()[0]


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as database:
        return {row[0] for row in database.execute("SELECT name FROM sqlite_master")}


def test_store_of_the_first_version_keeps_its_jobs(spool: Path) -> None:
    path = make(spool, FIRST)
    with closing(JobStore(ServerConfig(spool=spool))) as store:
        assert store.claim().id == "old"
        assert [name for _, name in store.uploads("old")] == ["a"]
        assert store.jobs_of_study("1.2.3") == ["old"]
        assert (store.get("old").slices, store.get("old").failed) == (2, 1)
        store.add_subjects("old", [("study", "hash")])
        assert store.jobs_about("study", "hash") == ["old"]
        add(store, "new")
    assert version(path) == SCHEMA_VERSION


def test_an_upgraded_store_has_the_tables_of_a_new_one(spool: Path, tmp_path: Path) -> None:
    old, new = make(spool, FIRST), tmp_path / "new.sqlite3"
    for path in (old, new):
        open_store(path).close()
    assert tables(old) == tables(new)


def test_a_store_of_every_version_is_brought_up(tmp_path: Path) -> None:
    for older in range(SCHEMA_VERSION):
        path = tmp_path / f"{older}.sqlite3"
        open_store(path).close()
        with closing(sqlite3.connect(path)) as database:
            if older < 2:
                database.execute("DROP TABLE subjects")
            database.execute(f"PRAGMA user_version = {older}")
        check_store(path)
        assert version(path) == SCHEMA_VERSION


def test_a_step_that_fails_changes_nothing(spool: Path) -> None:
    path = make(spool, FIRST + "CREATE TABLE subjects (other TEXT);")
    before = tables(path)
    with pytest.raises(StoreError, match="cannot be used"):
        open_store(path)
    assert (version(path), tables(path)) == (0, before)


def test_newer_store_is_refused_and_left_alone(spool: Path) -> None:
    path = make(spool, f"{FIRST} PRAGMA user_version = {SCHEMA_VERSION + 5};")
    with pytest.raises(StoreError, match=f"newer version .*schema {SCHEMA_VERSION + 5}"):
        open_store(path)
    assert version(path) == SCHEMA_VERSION + 5


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def torn_page(path: Path) -> None:
    with closing(JobStore(ServerConfig(spool=path.parent))) as store:
        for number in range(50):
            job = add(store, f"file {number}")
            store.claim()
            store.commit(job, answer(0), files_done=1)
        store._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = b"\x55" * (len(content) - 4096 * 3)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (no_database, "is damaged (file is not a database)"),
        (torn_page, "is damaged"),
        (lambda path: make(path.parent, "PRAGMA user_version = 99;"), "newer version"),
    ],
)
def test_service_says_in_one_line_why_it_does_not_start(
    spool: Path, tiny_artifact_path: Path, damage: Callable[[Path], None], words: str
) -> None:
    damage(spool / "jobs.sqlite3")
    words_of_start = ["serve", "--port", "0", "--spool", spool, "--model", tiny_artifact_path]
    run = subprocess.run(
        [sys.executable, "-m", "tumorscope", *map(str, words_of_start)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 2
    assert words in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert run.stdout == ""
