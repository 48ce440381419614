"""Backup and restore of what a service keeps, while it runs.

A backup is one tar file, mode 0600: the job store by SQLite's own backup, the uploads of jobs that
are not answered, the pictures of held ones, and small files beside them, each with its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import sqlite3
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from tumorscope import __version__
from tumorscope.errors import StoreError, UsageError
from tumorscope.serving.http_api.jobs.job_store import COPY_PREFIX, STORE_NAME
from tumorscope.serving.http_api.jobs.store_schema import SCHEMA_VERSION, check_store, open_store
from tumorscope.system.files import OWNER, file_sha256, whole_file

_LIST: Final = "backup.json"
_SPOOL: Final = "spool/"
_SAFE: Final = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9_.-]{0,254}/){0,4}[A-Za-z0-9_-][\w.-]{0,254}")
_MAX_LIST: Final = 64 * 1024 * 1024
_COPY_PAGES: Final = 4096


def back_up(output: Path, *, spool: Path, beside: Mapping[str, Path]) -> int:
    """Write a backup; return how many files it holds.

    Parameters
    ----------
    output
        The tar file; must not exist.
    spool
        Folder of jobs; services may be at work in it.
    beside
        Other files by their name in the backup; those that are absent are left out.

    Raises
    ------
    UsageError
        If there is nothing to be backed up.
    StoreError
        If the store cannot be used.
    """
    if not (spool / STORE_NAME).is_file():
        raise UsageError(f"{spool} holds no job store {STORE_NAME}; name the folder with --spool.")
    with _snapshot(spool) as copy, whole_file(output, permissions=OWNER, durable=True) as stream:
        files = {f"{_SPOOL}{one.relative_to(copy).as_posix()}": one for one in _files(copy)}
        files |= {name: path for name, path in beside.items() if path.is_file()}
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
            listed = {name: _add(tar, name, path) for name, path in sorted(files.items())}
            _add_list(tar, listed)
    return len(files)


def restore(
    backup: Path, *, spool: Path, beside: Mapping[str, Path], audit: Path | None = None
) -> int:
    """Put back what :func:`back_up` wrote, after all of it was checked; return how many files.

    Parameters
    ----------
    backup
        The tar file.
    spool
        Folder that must not exist, or be empty.
    beside
        Where the other files go, by their name in the backup; none of them may exist.
    audit
        Folder of the audit log; its files are left in the backup where there is none, and those
        that exist stay as they are: a log is only added to.

    Raises
    ------
    UsageError
        If something would be replaced.
    StoreError
        If the backup is damaged, is none, or is of a newer version.
    """
    targets = [path for path in beside.values() if path.exists()]
    if spool.is_dir() and any(spool.iterdir()):
        targets.append(spool)
    if targets:
        raise UsageError(
            f"{targets[0]} exists, and a restore replaces nothing: stop the service and move it "
            "away first."
        )
    spool.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = spool.with_name(f".{spool.name}.{secrets.token_hex(4)}.partial")
    try:
        count = _unpack(backup, partial)
        check_store(partial / _SPOOL / STORE_NAME)
        if spool.exists():
            spool.rmdir()
        (partial / _SPOOL).replace(spool)
        for name, path in beside.items():
            if (partial / name).is_file():
                _copy(partial / name, path)
        for one in (partial / "audit").glob("*"):
            if audit is not None and not (audit / one.name).exists():
                _copy(one, audit / one.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return count


@contextmanager
def _snapshot(spool: Path) -> Iterator[Path]:
    """Copy the store and link its files while nobody writes to it, which takes seconds at most."""
    copy = spool / f"{COPY_PREFIX}{secrets.token_hex(4)}"
    copy.mkdir(mode=0o700)
    try:
        with closing(open_store(spool / STORE_NAME)) as writer:
            writer.execute("BEGIN IMMEDIATE")  # readers and answers that need no job go on
            try:
                _copy_store(spool / STORE_NAME, copy / STORE_NAME)
                jobs = [row["id"] for row in writer.execute("SELECT id FROM jobs")]
                for job in jobs:
                    _link(spool / "jobs" / job, copy / "jobs" / job)
            finally:
                writer.execute("ROLLBACK")
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _copy(file: Path, path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with whole_file(path, permissions=OWNER, durable=True) as stream:
        stream.write(file.read_bytes())


def _copy_store(store: Path, copy: Path) -> None:
    try:
        with closing(sqlite3.connect(store)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new, pages=_COPY_PAGES)
            new.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise StoreError(f"The job store {store} cannot be copied ({error}).") from error


def _link(folder: Path, copy: Path) -> None:
    """Link all files of a folder; one that is just being deleted is of a job that has ended."""
    copy.mkdir(mode=0o700, parents=True)
    for one in sorted(folder.rglob("*")):
        target = copy / one.relative_to(folder)
        if one.is_dir():
            target.mkdir(mode=0o700, exist_ok=True)
        else:
            target.hardlink_to(one)


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.rglob("*") if one.is_file())


def _add(tar: tarfile.TarFile, name: str, path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        stream.seek(0)
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = (
            os.fstat(stream.fileno()).st_size,
            int(time.time()),
            0o600,
        )
        tar.addfile(info, stream)
    return digest


def _add_list(tar: tarfile.TarFile, files: dict[str, str]) -> None:
    content = json.dumps(
        {
            "tumorscope": __version__,
            "schema": SCHEMA_VERSION,
            "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "files": files,
        },
        indent=1,
    ).encode()
    info = tarfile.TarInfo(_LIST)
    info.size, info.mtime, info.mode = len(content), int(time.time()), OWNER
    tar.addfile(info, io.BytesIO(content))


def _unpack(backup: Path, folder: Path) -> int:
    """Unpack plain files of plain names, and check that they are those of the list."""
    folder.mkdir(mode=0o700)
    (folder / _SPOOL / "jobs").mkdir(parents=True)
    listed: dict[str, Any] = {}
    found: set[str] = set()
    try:
        with tarfile.open(backup, mode="r:") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isreg() else None
                if content is None or not _SAFE.fullmatch(member.name):
                    raise StoreError(f"{backup} holds {member.name!r}, which no backup does.")
                if member.name == _LIST:
                    listed = json.loads(content.read(_MAX_LIST))
                    continue
                path = folder / member.name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=OWNER, exist_ok=False)
                with path.open("wb") as stream:
                    shutil.copyfileobj(content, stream)
                found.add(member.name)
    except (tarfile.TarError, ValueError, EOFError) as error:
        raise StoreError(
            f"{backup} is damaged, or not a backup of tumorscope ({error})."
        ) from error
    files = listed.get("files", {}) if isinstance(listed, dict) else {}
    wrong = sorted(set(files) ^ found) or [
        name for name, digest in files.items() if file_sha256(folder / name) != digest
    ]
    if wrong or not files:
        raise StoreError(
            f"{backup} is damaged: {wrong[0] if wrong else _LIST} is missing or was changed. "
            "Nothing was restored; use an older backup."
        )
    for one in folder.rglob("*"):
        if one.is_dir():
            one.chmod(0o700)
    return len(found)
