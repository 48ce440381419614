"""Series on the disk, from the moment that a sender is told success until the results are away.

Files lie in ``images/`` and ``results/`` under names of ours; what they are stands in one SQLite
file. What is only needed while a series is answered lies in ``work/``, which a start empties. A
file is whole on the disk before its row, so a process that is killed leaves at most a file without
a row, which is removed at the next start.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tumorscope.errors import UsageError
from tumorscope.serving.dicom.origin import Origin
from tumorscope.system.files import OWNER, whole_file
from tumorscope.system.folder_lock import hold

KEEP_S: Final = 3600.0
"""Images stay this long after their series was answered: a slice that comes late is answered
together with the others."""
MAX_ATTEMPTS: Final = 10
"""Times that a series is begun; one that ends the process each time must not do so for ever."""
FREE_ATTEMPTS: Final = 3
"""Times that it is begun without waiting, though after those that ended no process."""
FIRST_PAUSE_S, LAST_PAUSE_S = 60.0, 3600.0
"""Seconds from the start of the node until such a series is begun once more: doubled each time. The
end of the process may have been no fault of the series, so it is not given up soon."""
FIRST_RETRY_S, LAST_RETRY_S = 5.0, 3600.0
"""Seconds until a result that was not received is tried again: doubled each time, to an hour."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS series (
    key TEXT PRIMARY KEY,
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'skipped', 'failed')),
    reason TEXT,
    arrived REAL NOT NULL,
    origin TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS instances (
    number INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,
    series TEXT NOT NULL,
    digest TEXT NOT NULL,
    file TEXT
);
CREATE INDEX IF NOT EXISTS instances_of_series ON instances (series);
CREATE TABLE IF NOT EXISTS lines (number INTEGER PRIMARY KEY, line TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS outbox (
    number INTEGER PRIMARY KEY,
    uid TEXT NOT NULL,
    file TEXT NOT NULL,
    destination TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL DEFAULT 0,
    sent REAL,
    stored REAL,
    asked TEXT,
    UNIQUE (uid, destination)
);
"""

_NEW_COLUMNS: Final = {"stored": "REAL", "asked": "TEXT"}
"""Of the outbox: when a receiver that has yet to commit to a result stored it, and the transaction
in which it was asked to commit. A store of an earlier version has them not."""

ASK_AGAIN_S: Final = 600.0
"""A receiver that was asked to commit to results reports within this time, or is asked again."""

Kept = Literal["new", "again", "other pixels"]


@dataclass(frozen=True, slots=True)
class KeptSeries:
    """A series to be answered.

    Attributes
    ----------
    key
        Series Instance UID.
    images
        SOP Instance UIDs by file, in order of arrival.
    origin
        Of the last of them.
    attempts
        Times that it was begun before, and not ended.
    """

    key: str
    images: dict[Path, str]
    origin: Origin
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A result that one receiver has not got yet, or got and not committed to."""

    number: int
    uid: str
    file: Path
    attempts: int
    is_stored: bool = False


class SeriesStore:
    """What the node was told and has to tell. Safe to use from several threads.

    Parameters
    ----------
    folder
        Made for its owner alone; held by one process at a time.
    clock
        Seconds since the epoch.

    Attributes
    ----------
    work
        Folder for what need not outlive the process.

    Raises
    ------
    UsageError
        If the folder cannot be used, or another node has it.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder, self._clock = folder, clock
        # Nobody could send while no node ran: that is no sign that a series is complete.
        self._opened = clock()
        self._images, self._results = folder / "images", folder / "results"
        self.work = folder / "work"
        try:
            for one in (folder, self._images, self._results, self.work):
                one.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = hold(folder)
            self._db = sqlite3.connect(
                folder / "node.sqlite", check_same_thread=False, isolation_level=None
            )
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"The folder {folder} cannot be used: {error}.") from error
        self._lock = threading.RLock()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        self._upgrade()
        self._remove_strays()

    def close(self) -> None:
        """Give the folder back."""
        with self._lock:
            self._db.close()
        self._held.release()

    def keep(self, uid: str, series: str, content: bytes, digest: str, origin: Origin) -> Kept:
        """Return when an instance is on the disk, whatever ends the process then.

        Parameters
        ----------
        uid
            SOP Instance UID; may hold anything.
        series
            Of the series, likewise.
        content
            The encoded file.
        digest
            Of the pixels.

        Raises
        ------
        OSError, sqlite3.Error
            If it cannot be kept.
        """
        known = self._digest(uid)
        if known is not None:
            return "again" if known == digest else "other pixels"
        path = self._images / _file_name(uid)
        with whole_file(path, permissions=OWNER, durable=True) as stream:
            stream.write(content)
        with self._transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO instances (uid, series, digest, file) VALUES (?, ?, ?, ?)",
                (uid, series, digest, path.name),
            )
            self._db.execute(
                "INSERT INTO series (key, state, arrived, origin) VALUES (?, 'open', ?, ?) "
                "ON CONFLICT (key) DO UPDATE SET state = 'open', attempts = 0, reason = NULL, "
                "arrived = excluded.arrived, origin = excluded.origin",
                (series, self._clock(), json.dumps(_origin_to_dict(origin))),
            )
        return "new"

    def due(self, after_s: float) -> KeptSeries | None:
        """Return the series that has been complete the longest, and count that it is begun.

        Complete is a series of which nothing came for ``after_s`` seconds in which a node ran. One
        that was begun before by a process that ended comes after those that were not.
        """
        now = self._clock()
        if now - after_s < self._opened:
            return None
        with self._transaction():
            rows = self._db.execute(
                "SELECT key, origin, attempts FROM series WHERE state = 'open' AND arrived <= ? "
                "ORDER BY attempts, arrived LIMIT 1",
                (now - after_s,),
            ).fetchall()
            if not rows or now - self._opened < _pause_s(rows[0][2]):
                return None
            key, origin, attempts = rows[0]
            self._db.execute("UPDATE series SET attempts = attempts + 1 WHERE key = ?", (key,))
            images = self._db.execute(
                "SELECT file, uid FROM instances WHERE series = ? AND file IS NOT NULL "
                "ORDER BY number",
                (key,),
            ).fetchall()
        files = {self._images / file: str(uid) for file, uid in images}
        return KeptSeries(key, files, Origin(**json.loads(origin)), attempts)

    def result_file(self, uid: str) -> Path:
        """Return where a result is written, before :meth:`answer` names it."""
        return self._results / _file_name(uid)

    def answer(
        self,
        series: KeptSeries,
        lines: Iterable[str],
        results: dict[str, Path],
        destinations: Iterable[str],
        reason: str | None = None,
    ) -> None:
        """Commit everything that follows from a series at once.

        Parameters
        ----------
        lines
            Of the file of answers.
        results
            Files that are on the disk, by SOP Instance UID.
        destinations
            That each of them goes to.
        reason
            Why the series has no results, if so.
        """
        receivers = list(destinations)
        with self._transaction():
            self._db.executemany("INSERT INTO lines (line) VALUES (?)", [(line,) for line in lines])
            self._db.executemany(
                "INSERT OR IGNORE INTO outbox (uid, file, destination) VALUES (?, ?, ?)",
                [(uid, path.name, to) for uid, path in results.items() for to in receivers],
            )
            came_meanwhile = self._db.execute(
                "SELECT count(*) FROM instances WHERE series = ? AND file IS NOT NULL",
                (series.key,),
            ).fetchone()[0] > len(series.images)
            if not came_meanwhile:
                self._end(series.key, "skipped" if reason else "answered", reason)

    def put_back(self, series: KeptSeries) -> None:
        """Do not count that a series was begun: it was no fault of its own."""
        with self._transaction():
            self._db.execute(
                "UPDATE series SET attempts = max(0, attempts - 1) WHERE key = ?", (series.key,)
            )

    def fail(self, series: KeptSeries, reason: str, line: str) -> None:
        """Give a series up, with a line of the file of answers that says so."""
        with self._transaction():
            self._db.execute("INSERT INTO lines (line) VALUES (?)", (line,))
            self._end(series.key, "failed", reason)

    def lines(self) -> tuple[list[int], list[str]]:
        """Return numbers and lines of answers that are not in the file yet."""
        with self._lock:
            rows = self._db.execute("SELECT number, line FROM lines ORDER BY number").fetchall()
        return [one[0] for one in rows], [one[1] for one in rows]

    def forget_lines(self, numbers: Iterable[int]) -> None:
        """Delete lines that are in the file."""
        with self._transaction():
            self._db.executemany("DELETE FROM lines WHERE number = ?", [(one,) for one in numbers])

    def waiting(self, destination: str, limit: int = 100) -> list[Waiting]:
        """Return what is due to be sent to a receiver, in order."""
        with self._lock:
            rows = self._db.execute(
                "SELECT number, uid, file, attempts, stored IS NOT NULL FROM outbox WHERE "
                "destination = ? AND sent IS NULL AND due <= ? ORDER BY number LIMIT ?",
                (destination, self._clock(), limit),
            ).fetchall()
        return [
            Waiting(number, uid, self._results / file, tries, bool(is_stored))
            for number, uid, file, tries, is_stored in rows
        ]

    def sent(self, one: Waiting) -> None:
        """Mark a result as received; its file goes when all receivers have it."""
        with self._transaction():
            self._db.execute(
                "UPDATE outbox SET sent = ? WHERE number = ?", (self._clock(), one.number)
            )
            is_done = self._is_done(one.file.name)
        if is_done:
            one.file.unlink(missing_ok=True)

    def stored(self, one: Waiting) -> None:
        """Mark a result as received by one who has yet to commit to it."""
        with self._transaction():
            self._db.execute(
                "UPDATE outbox SET stored = ? WHERE number = ?", (self._clock(), one.number)
            )

    def asked(self, several: Iterable[Waiting], transaction: str) -> None:
        """Mark results as those of a request for commitment; the report has its time from now."""
        due = self._clock() + ASK_AGAIN_S
        with self._transaction():
            self._db.executemany(
                "UPDATE outbox SET asked = ?, due = ? WHERE number = ?",
                [(transaction, due, one.number) for one in several],
            )

    def reported(self, transaction: str, committed: Iterable[str], failed: Iterable[str]) -> int:
        """Take the report of a receiver: what it did not commit to is sent again.

        Parameters
        ----------
        transaction
            As of the request; of any other, nothing is believed.
        committed, failed
            SOP Instance UIDs.

        Returns
        -------
        int
            Number of results that the receiver committed to.
        """
        now, done, free = self._clock(), 0, []
        with self._transaction():
            for uid in committed:
                row = self._db.execute(
                    "UPDATE outbox SET sent = ? WHERE asked = ? AND uid = ? AND sent IS NULL "
                    "RETURNING file",
                    (now, transaction, uid),
                ).fetchone()
                if row is not None:
                    done += 1
                    free += [row[0]] if self._is_done(row[0]) else []
            self._db.executemany(
                "UPDATE outbox SET stored = NULL, asked = NULL, attempts = attempts + 1, due = ? "
                "WHERE asked = ? AND uid = ? AND sent IS NULL",
                [(now + FIRST_RETRY_S, transaction, uid) for uid in failed],
            )
        for name in free:
            (self._results / name).unlink(missing_ok=True)
        return done

    def not_sent(self, one: Waiting) -> float:
        """Put a result off; return the seconds until it is tried again."""
        delay = float(min(LAST_RETRY_S, FIRST_RETRY_S * 2 ** min(one.attempts, 20)))
        with self._transaction():
            self._db.execute(
                "UPDATE outbox SET attempts = attempts + 1, due = ? WHERE number = ?",
                (self._clock() + delay, one.number),
            )
        return delay

    def forget_images(self) -> None:
        """Remove the images of series that were answered long enough ago.

        Their identifiers and digests stay for a day, so that what is sent again then is known.
        """
        now = self._clock()
        with self._transaction():
            rows = self._db.execute(
                "SELECT file FROM instances WHERE file IS NOT NULL "
                "AND series IN (SELECT key FROM series WHERE state <> 'open' AND arrived < ?)",
                (now - KEEP_S,),
            ).fetchall()
            self._db.execute(
                "UPDATE instances SET file = NULL WHERE file IS NOT NULL "
                "AND series IN (SELECT key FROM series WHERE state <> 'open' AND arrived < ?)",
                (now - KEEP_S,),
            )
            self._db.execute(
                "DELETE FROM instances "
                "WHERE series IN (SELECT key FROM series WHERE state <> 'open' AND arrived < ?)",
                (now - 24 * KEEP_S,),
            )
            self._db.execute(
                "DELETE FROM series WHERE state <> 'open' AND arrived < ?", (now - 24 * KEEP_S,)
            )
            self._db.execute("DELETE FROM outbox WHERE sent < ?", (now - 24 * KEEP_S,))
        for (file,) in rows:
            (self._images / file).unlink(missing_ok=True)

    def count(self) -> dict[str, int]:
        """Return how many series are in each state, and ``waiting``: results not sent yet."""
        with self._lock:
            states = self._db.execute("SELECT state, count(*) FROM series GROUP BY state")
            counts = {str(state): int(number) for state, number in states}
            counts["waiting"] = self._db.execute(
                "SELECT count(*) FROM outbox WHERE sent IS NULL"
            ).fetchone()[0]
        return counts

    def reasons(self) -> dict[str, str]:
        """Return why series were skipped or failed."""
        with self._lock:
            rows = self._db.execute("SELECT key, reason FROM series WHERE reason IS NOT NULL")
            return {str(key): str(reason) for key, reason in rows}

    def _is_done(self, file: str) -> bool:
        return not self._db.execute(
            "SELECT count(*) FROM outbox WHERE file = ? AND sent IS NULL", (file,)
        ).fetchone()[0]

    def _upgrade(self) -> None:
        there = {row[1] for row in self._db.execute("PRAGMA table_info(outbox)")}
        for name, kind in _NEW_COLUMNS.items():
            if name not in there:
                self._db.execute(f"ALTER TABLE outbox ADD COLUMN {name} {kind}")

    def _end(self, key: str, state: str, reason: str | None) -> None:
        self._db.execute(
            "UPDATE series SET state = ?, reason = ? WHERE key = ?", (state, reason, key)
        )

    def _digest(self, uid: str) -> str | None:
        with self._lock:
            row = self._db.execute("SELECT digest FROM instances WHERE uid = ?", (uid,)).fetchone()
        return None if row is None else str(row[0])

    def _remove_strays(self) -> None:
        """Remove files that a killed process left without a row, and what it worked on."""
        for path in self.work.iterdir():
            shutil.rmtree(path, ignore_errors=True)
        known = {row[0] for row in self._db.execute("SELECT file FROM instances")}
        known |= {row[0] for row in self._db.execute("SELECT file FROM outbox WHERE sent IS NULL")}
        for folder in (self._images, self._results):
            for path in folder.iterdir():
                if path.name not in known:
                    path.unlink(missing_ok=True)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def _pause_s(attempts: int) -> float:
    """Return the seconds from the start of the node until a series may be begun again."""
    if attempts < FREE_ATTEMPTS:
        return 0.0
    return float(min(LAST_PAUSE_S, FIRST_PAUSE_S * 2 ** (attempts - FREE_ATTEMPTS)))


def _file_name(uid: str) -> str:
    """Return a name that says nothing and that no identifier can turn into a path."""
    return hashlib.sha256(uid.encode()).hexdigest()[:40] + ".dcm"


def _origin_to_dict(origin: Origin) -> dict[str, Any]:
    return {
        "calling_ae_title": origin.calling_ae_title,
        "study_instance_uid": origin.study_instance_uid,
        "series_instance_uid": origin.series_instance_uid,
    }
