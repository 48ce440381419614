"""The tables of the job store, their version, and the steps from each version to the next.

The version stands in the file itself (``PRAGMA user_version``). A store of an earlier version is
brought up to this one when it is opened, whole or not at all, and keeps its jobs; one of a later
version is refused, for nobody here knows what it means.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from tumorscope.errors import StoreError

SCHEMA_VERSION: Final = 3

_BUSY_MS: Final = 10_000
"""Wait for another process' transaction; each takes a few milliseconds."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'finished')),
    created REAL NOT NULL,
    operating_point TEXT NOT NULL,
    threshold REAL,
    hold_s REAL NOT NULL,
    bytes INTEGER NOT NULL,
    owner TEXT,
    lease REAL NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    files INTEGER,
    files_done INTEGER NOT NULL DEFAULT 0,
    expires REAL,
    caller TEXT
);
CREATE TABLE IF NOT EXISTS uploads (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    file TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (job, number)
);
CREATE TABLE IF NOT EXISTS answers (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    file INTEGER,
    answer TEXT NOT NULL,
    series_uid TEXT,
    position_mm REAL,
    view TEXT,
    member TEXT,
    PRIMARY KEY (job, number)
);
CREATE TABLE IF NOT EXISTS repeats (
    key TEXT PRIMARY KEY,
    digest TEXT NOT NULL,
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE
)
"""
_INDEXES: Final = """
CREATE INDEX IF NOT EXISTS repeats_of_job ON repeats (job);
CREATE INDEX IF NOT EXISTS jobs_by_state ON jobs (state, created, bytes);
CREATE INDEX IF NOT EXISTS jobs_by_time ON jobs (created, id)
"""
_ADDED: Final = {
    "jobs": {"threshold": "REAL", "caller": "TEXT"},
    "answers": {"member": "TEXT"},
}
"""Columns that came before the version was written into the file."""

_SUBJECTS: Final = """
CREATE TABLE subjects (
    job TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (job, kind, hash)
) WITHOUT ROWID;
CREATE INDEX subjects_by_hash ON subjects (kind, hash)
"""


def open_store(path: Path) -> sqlite3.Connection:
    """Open the store, made where there is none, and bring it up to :data:`SCHEMA_VERSION`.

    Raises
    ------
    StoreError
        If a newer version wrote it, or it is damaged.
    OSError
        If it cannot be opened.
    """
    path.touch(mode=0o600)
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        database.row_factory = sqlite3.Row
        for pragma in (
            f"busy_timeout = {_BUSY_MS}",
            "journal_mode = WAL",
            "secure_delete = ON",
            "foreign_keys = ON",
        ):
            database.execute(f"PRAGMA {pragma}")
        _migrate(database, path)
    except sqlite3.DatabaseError as error:
        database.close()
        raise _plain(error, path) from error
    except BaseException:
        database.close()
        raise
    return database


def check_store(path: Path) -> None:
    """Raise StoreError unless a store is absent or whole; brings it up to this version, too."""
    if not path.exists():
        return
    with closing(open_store(path)) as database:
        try:
            found = [row[0] for row in database.execute("PRAGMA quick_check(3)")]
        except sqlite3.DatabaseError as error:
            raise _plain(error, path) from error
    if found != ["ok"]:
        raise _damaged(path, str(found[0]).splitlines()[-1])


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    """Take the steps that a store lacks; several processes may try at once."""
    if _version(database) == SCHEMA_VERSION:
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        version = _version(database)
        _check_version(version, path)
        for step in _STEPS[version:]:
            step(database)
        database.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def _check_version(version: int, path: Path) -> None:
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"The job store {path} was written by a newer version of tumorscope (schema "
            f"{version}; this version knows {SCHEMA_VERSION}). Install that version again, or "
            "restore a backup from before the upgrade: tumorscope restore BACKUP"
        )


def _version(database: sqlite3.Connection) -> int:
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def _to_1(database: sqlite3.Connection) -> None:
    """From nothing, or from the time before there were versions."""
    _execute_all(database, _TABLES)
    for table, columns in _ADDED.items():
        known = {row["name"] for row in database.execute(f"PRAGMA table_info({table})")}
        for name, kind in columns.items():
            if name not in known:
                database.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}")
    _execute_all(database, _INDEXES)


def _to_2(database: sqlite3.Connection) -> None:
    """Keyed hashes of studies and patients, by which jobs are found to be purged."""
    _execute_all(database, _SUBJECTS)


def _to_3(database: sqlite3.Connection) -> None:
    """Keep counts of a job's slices beside it: a list of jobs then reads no answers."""
    known = {row["name"] for row in database.execute("PRAGMA table_info(jobs)")}
    for name in ("slices", "failed"):
        if name not in known:
            database.execute(f"ALTER TABLE jobs ADD COLUMN {name} INTEGER NOT NULL DEFAULT 0")
    database.execute(
        "UPDATE jobs SET (slices, failed) = (SELECT count(*), "
        "coalesce(sum(answer ->> 'kind' = 'error'), 0) FROM answers "
        "WHERE job = jobs.id AND file IS NOT NULL)"
    )


_STEPS: Final = (_to_1, _to_2, _to_3)
"""A step from each version to the next."""


def _execute_all(database: sqlite3.Connection, statements: str) -> None:
    # Unlike executescript, this stays inside the transaction.
    for one in statements.split(";"):
        database.execute(one)


def _plain(error: sqlite3.DatabaseError, path: Path) -> Exception:
    """Return the error that says it in one line."""
    if isinstance(error, sqlite3.OperationalError):
        return StoreError(
            f"The job store {path} cannot be used ({error}); check the disk, the owner and the "
            "mode of the file and its folder."
        )
    return _damaged(path, str(error))


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"The job store {path} is damaged ({reason}). Restore a backup: tumorscope restore BACKUP; "
        "or move the file away: its jobs are then lost, and new ones can be taken."
    )
