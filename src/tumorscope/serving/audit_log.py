"""Who did what: JSON Lines that are only added to, each bound to all before it by a hash.

An entry says who (the name of a key, the title of a DICOM sender, a user of this machine), what,
when, with which model and how it ended; of studies only keyed hashes. Nothing in it names a
patient, a file or an address of the network other than a sender's.

The last field of a line, ``hash``, is the SHA-256 of what stands before it, where ``before`` is the
hash of the line before. So a changed, added, moved or missing line is found, but not lines that
are cut off at the end, nor a chain that was made anew from some line on: against those, note
the hash of the last line elsewhere; the service writes it into its own log.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tumorscope.errors import AuditError

if sys.platform != "win32":
    import fcntl

FIRST: Final = "0" * 64
"""What the first line of all has in ``before``."""

MOST_STUDIES: Final = 64
"""Hashes of studies in one entry; of more their number is given."""

_MAX_LINE: Final = 16 * 1024
_END: Final = re.compile(rb', "hash": "([0-9a-f]{64})"\}')
_END_BYTES: Final = len(b', "hash": ""}') + 64
_MODE: Final = 0o600

Details = Mapping[str, str | int | Sequence[str] | Mapping[str, int] | None]


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of a log: its number, and the hash that stands for all lines up to it."""

    number: int
    hash: str

    def __str__(self) -> str:
        """Return it as ``NUMBER:HASH``."""
        return f"{self.number}:{self.hash}"


class AuditLog:
    """Adds entries to a file. Safe to use from several threads and processes.

    Parameters
    ----------
    path
        Made with mode 0600; a file that is there keeps its mode.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, verb: str, *, by: str | None, **details: Any) -> Head:
        """Return when the entry is on the disk.

        Parameters
        ----------
        verb
            What was done, in kebab case.
        by
            Who did it, ``None`` where the service needs no key.
        **details
            :data:`Details`; ``None`` is left out.

        Raises
        ------
        OSError
            If it cannot be written; nothing of it is then left in the file.
        AuditError
            If the file is not a log.
        """
        with self._opened() as file:
            head = self._mended(file)
            return _append(file, head, verb, by, details)

    def rotate(self) -> Path | None:
        """Go on in a new file, which is bound to the old one; return where that is now.

        ``None`` if there is nothing to be moved.
        """
        if not self.path.exists():
            return None
        with self._opened() as file:
            head = self._mended(file)
            if head.number == 0:
                return None
            stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
            moved = self.path.with_name(f"{self.path.stem}-{stamp}{self.path.suffix}")
            if moved.exists():
                raise AuditError(f"{moved} exists; rotate again in a second.")
            self.path.rename(moved)
            new = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, _MODE)
            try:
                _append(new, head, "rotate", None, {"after": moved.name})
            finally:
                os.close(new)
            return moved

    def files(self) -> list[Path]:
        """Return the files of the log, in the order in which they were written."""
        old = sorted(self.path.parent.glob(f"{self.path.stem}-*Z{self.path.suffix}"))
        return [*old, *([self.path] if self.path.exists() else [])]

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Open the file while nobody else writes; the folder is the lock, for files are moved."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = None if sys.platform == "win32" else os.open(self.path.parent, os.O_RDONLY)
        try:
            if lock is not None and sys.platform != "win32":
                fcntl.flock(lock, fcntl.LOCK_EX)
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _MODE)
            try:
                yield file
            finally:
                os.close(file)
        finally:
            if lock is not None:
                os.close(lock)

    def _mended(self, file: int) -> Head:
        """Return the last line; what a power cut left of a further one is taken off, and said."""
        size = os.lseek(file, 0, os.SEEK_END)
        start = max(0, size - 2 * _MAX_LINE)
        os.lseek(file, start, os.SEEK_SET)
        whole, newline, torn = os.read(file, size - start).rpartition(b"\n")
        if not newline and start:
            raise AuditError(f"The audit log {self.path} is damaged: its last line has no end.")
        head = _head(whole.rpartition(b"\n")[2], self.path) if newline else Head(0, FIRST)
        if torn:
            os.ftruncate(file, size - len(torn))
            head = _append(file, head, "mend", None, {"bytes_taken_off": len(torn)})
        return head


def count_studies(hashes: Iterable[str]) -> dict[str, Any]:
    """Return the details of an entry about studies."""
    known = sorted(set(hashes))
    more = len(known) - MOST_STUDIES
    return {"studies": known[:MOST_STUDIES]} | ({"further_studies": more} if more > 0 else {})


def verify(files: Sequence[Path], *, noted: Head | None = None) -> Head:
    """Check files of a log, in their order, and return the last line.

    Parameters
    ----------
    noted
        A line that was noted elsewhere and must be among them.

    Raises
    ------
    AuditError
        If anything is not as it was written; names the file and the line.
    """
    head = Head(0, FIRST)
    is_noted = noted is None
    for head, _ in entries(files):
        is_noted = is_noted or head == noted
    if not is_noted:
        raise AuditError(
            f"The line {noted} that was noted is not in the log; the last is {head}: lines were "
            "cut off or the log was started anew."
        )
    return head


def entries(files: Sequence[Path]) -> Iterator[tuple[Head, dict[str, Any]]]:
    """Yield the entries of files, each checked against those before it.

    Raises
    ------
    AuditError
        At the first line that is not as it was written.
    OSError
        If a file cannot be read.
    """
    before: Head | None = None
    for path in files:
        with path.open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(_MAX_LINE + 1), b""), 1):
                place = f"{path}, line {number}"
                if not line.endswith(b"\n"):
                    raise AuditError(f"{place} is not whole.")
                head, entry = _checked(line[:-1], place)
                if before is None and head.number != 1:
                    before = Head(head.number - 1, str(entry["before"]))
                _check_follows(head, entry, before or Head(0, FIRST), place)
                before = head
                yield head, entry


def _append(file: int, head: Head, verb: str, by: str | None, details: Mapping[str, Any]) -> Head:
    now = time.time()
    entry = {
        "n": head.number + 1,
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        + f".{int(now % 1 * 1e3):03d}Z",
        "by": by,
        "verb": verb,
        **{name: value for name, value in details.items() if value is not None},
        "before": head.hash,
    }
    body = json.dumps(entry).encode()[:-1]
    hashed = hashlib.sha256(body).hexdigest()
    line = body + f', "hash": "{hashed}"}}\n'.encode()
    if len(line) > _MAX_LINE:
        raise AuditError(f"An entry of {len(line):,} bytes is too long for the audit log.")
    end = os.lseek(file, 0, os.SEEK_END)
    try:
        while line:
            line = line[os.write(file, line) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, end)
        raise
    return Head(head.number + 1, hashed)


def _head(line: bytes, path: Path) -> Head:
    return _checked(line, f"the last line of {path}")[0]


def _checked(line: bytes, place: str) -> tuple[Head, dict[str, Any]]:
    """Return a line's number, hash and entry if the hash is that of the line."""
    body, end = line[:-_END_BYTES], _END.fullmatch(line[-_END_BYTES:])
    if end is None or hashlib.sha256(body).hexdigest().encode() != end[1]:
        raise AuditError(f"{place} was changed: its hash is not that of its content.")
    try:
        entry = json.loads(line)
        number, _ = int(entry["n"]), str(entry["before"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        # Whoever can write a line can write its hash as well.
        raise AuditError(f"{place} is no entry of an audit log.") from error
    return Head(number, end[1].decode()), entry


def _check_follows(head: Head, entry: dict[str, Any], before: Head, place: str) -> None:
    if head.number != before.number + 1 or entry["before"] != before.hash:
        raise AuditError(
            f"{place} is entry {head.number} and does not follow entry {before.number}: lines are "
            "missing, were added or stand in another order."
        )
