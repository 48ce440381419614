"""Jobs in one SQLite file in the spool folder, shared by all worker processes.

A job belongs to the process that holds its lease. Answers are committed slice by slice under that
lease, so a job that lost its process goes on after the last committed slice, in another process or
after a restart, and no slice is answered twice.

Files of a job lie in ``<spool>/jobs/<id>/``. Deleted rows are overwritten (``secure_delete``) and
the write-ahead log is truncated, so that nothing of a deleted job stays on the disk.
"""

from __future__ import annotations

import json
import secrets
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.full_disk import is_disk_full
from tumorscope.serving.http_api.jobs.store_schema import open_store
from tumorscope.serving.pseudonyms import Kind
from tumorscope.system.files import to_disk

STORE_NAME: Final = "jobs.sqlite3"
COPY_PREFIX: Final = ".backup."
"""Of the folders that a backup makes in the spool, and leaves only if it is killed."""

_FAR_S: Final = 120.0
"""A lease that ends this much later than a new one would was taken before the clock was set back;
whoever has it renews it at once, and who does not is dead."""

_COPY_S: Final = 86_400.0
"""No backup takes longer."""


class OtherRequestError(Exception):
    """The key of a repeated request was used before, for another request."""


class LeaseLostError(Exception):
    """The job was cancelled, or another process has taken it over."""


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """One answer of a job.

    Attributes
    ----------
    number
        Place among the job's answers.
    file
        Index of its file among the job's files; ``None`` for the answer of a series.
    answer
        JSON object, as in every other door.
    series_uid, position_mm
        As in :class:`~tumorscope.imaging.scan.Scan`, kept to answer for the series.
    view
        What a viewer needs of the slice; ``None`` for what is no image.
    member
        :class:`~tumorscope.imaging.scan.SliceMember` as JSON, kept for the series as well.
    """

    number: int
    file: int | None
    answer: dict[str, Any]
    series_uid: str | None = None
    position_mm: float | None = None
    view: dict[str, Any] | None = None
    member: str | None = None


@dataclass(frozen=True, slots=True)
class Repeatable:
    """What tells a repeated request from a new one.

    Attributes
    ----------
    key
        Chosen by the client, as a hash: it may hold anything.
    digest
        Of everything that was asked.
    """

    key: str
    digest: str


@dataclass(frozen=True, slots=True)
class QueueState:
    """What waits: numbers of jobs, and when the oldest of them came, in seconds since the epoch."""

    queued: int
    running: int
    finished: int
    oldest: float | None


@dataclass(frozen=True, slots=True)
class StoredJob:
    """One row of ``jobs``; times in seconds since the epoch.

    ``threshold`` is that of the request; ``None`` where it named an operating point.
    ``caller`` is the name of the key that it was made with, ``None`` where no key is needed.
    ``slices`` and ``failed`` count the answers for slices, and those of them that are errors.
    """

    id: str
    state: str
    created: float
    operating_point: str
    threshold: float | None
    hold_s: float
    bytes: int
    owner: str | None
    lease: float
    attempts: int
    files: int | None
    files_done: int
    expires: float | None
    caller: str | None = None
    slices: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job at one moment: what its parts say of one another holds.

    Attributes
    ----------
    job
        The row.
    answers
        Those asked for, in order.
    """

    job: StoredJob
    answers: list[StoredAnswer]


class JobStore:
    """Keeps jobs over restarts.

    Parameters
    ----------
    config
        Gives the spool folder, lease and expiry.
    """

    def __init__(self, config: ServerConfig) -> None:
        self._config = config
        self._folder = config.spool / "jobs"
        for folder in (config.spool, self._folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        self._lock = threading.RLock()
        self._database = open_store(config.spool / STORE_NAME)
        to_disk(config.spool.parent, config.spool)
        self.owner = secrets.token_hex(8)

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def folder(self, job: str) -> Path:
        """Return the folder of a job's files."""
        return self._folder / job

    def new_folder(self) -> tuple[str, Path]:
        """Make the folder of a job that is being uploaded; return the job's id and the folder."""
        job = secrets.token_urlsafe(18)
        folder = self.folder(job)
        folder.mkdir(mode=0o700)
        return job, folder

    def add(  # noqa: PLR0913  keyword-only
        self,
        job: str,
        uploads: Sequence[tuple[str, str]],
        *,
        operating_point: str,
        hold_s: float,
        threshold: float | None = None,
        caller: str | None = None,
        repeatable: Repeatable | None = None,
    ) -> str:
        """Queue a job whose files have been written; return its id.

        It then outlives a power cut, with its files. A request that repeats an earlier one gives
        that one's job, and this one's files are deleted.

        Parameters
        ----------
        uploads
            File in the job's folder and name under which answers refer to it.
        threshold
            That the request gave in place of an operating point.
        caller
            Name of the key that it is made with.

        Raises
        ------
        OtherRequestError
            If the repeatable request's key was used for another request.
        """
        folder = self.folder(job)
        to_disk(*(folder / file for file, _ in uploads), folder, self._folder)
        size = sum((folder / file).stat().st_size for file, _ in uploads)
        with self._transaction(durable=True) as database:
            known = None if repeatable is None else _repeated(database, repeatable)
            if known is None:
                database.execute(
                    "INSERT INTO jobs (id, state, created, operating_point, threshold, hold_s, "
                    "bytes, caller) VALUES (?, 'queued', ?, ?, ?, ?, ?, ?)",
                    (job, time.time(), operating_point, threshold, hold_s, size, caller),
                )
                database.executemany(
                    "INSERT INTO uploads VALUES (?, ?, ?, ?)",
                    [(job, number, file, name) for number, (file, name) in enumerate(uploads)],
                )
                if repeatable is not None:
                    values = (repeatable.key, repeatable.digest, job)
                    database.execute("INSERT INTO repeats VALUES (?, ?, ?)", values)
        if known is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return known or job

    def is_repeated(self, key: str) -> bool:
        """Tell whether a request of this key has made a job that is still there."""
        with self._reading() as database:
            row = database.execute("SELECT 1 FROM repeats WHERE key = ?", (key,)).fetchone()
        return row is not None

    def page(
        self, caller: str | None, *, before: tuple[float, str] | None, limit: int
    ) -> list[JobSnapshot]:
        """Return a caller's jobs, the newest first and without answers.

        Parameters
        ----------
        before
            Time of creation and id of the last job that is known already.
        """
        created, job = before or (float("inf"), "")
        with self._reading() as database:
            rows = database.execute(
                "SELECT * FROM jobs WHERE caller IS ? AND (created, id) < (?, ?) "
                "ORDER BY created DESC, id DESC LIMIT ?",
                (caller, created, job, limit),
            ).fetchall()
        return [JobSnapshot(StoredJob(**dict(row)), []) for row in rows]

    def queue(self) -> QueueState:
        """Return what waits."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT state, count(*) AS jobs, min(created) AS oldest FROM jobs GROUP BY state"
            ).fetchall()
        jobs = {row["state"]: int(row["jobs"]) for row in rows}
        waiting = [row["oldest"] for row in rows if row["state"] != "finished"]
        return QueueState(
            queued=jobs.get("queued", 0),
            running=jobs.get("running", 0),
            finished=jobs.get("finished", 0),
            oldest=min(waiting, default=None),
        )

    def load(self) -> tuple[int, int]:
        """Return how many jobs are not finished, and how many bytes are kept of all jobs."""
        with self._reading() as database:
            row = database.execute(
                "SELECT coalesce(sum(state != 'finished'), 0), coalesce(sum(bytes), 0) FROM jobs"
            ).fetchone()
        return int(row[0]), int(row[1])

    def get(self, job: str) -> StoredJob | None:
        """Return a job, ``None`` if it is unknown, and put off its expiry if it is held."""
        with self._reading() as database:
            row = _job(database, job)
        return None if row is None else self._looked_at(row)

    def snapshot(self, job: str, after: int) -> JobSnapshot | None:
        """Return a job with its answers from number ``after`` on, all of one moment.

        ``None`` if it is unknown. Puts off its expiry as :meth:`get` does.
        """
        with self._reading() as database:
            row = _job(database, job)
            if row is None:
                return None
            answers = _answers(database, job, after)
        return JobSnapshot(self._looked_at(row), answers)

    def uploads(self, job: str) -> list[tuple[Path, str]]:
        """Return path and name of a job's uploads."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT file, name FROM uploads WHERE job = ? ORDER BY number", (job,)
            ).fetchall()
        return [(self.folder(job) / row["file"], row["name"]) for row in rows]

    def answers(self, job: str, after: int = 0) -> list[StoredAnswer]:
        """Return a job's answers from number ``after`` on."""
        with self._reading() as database:
            return _answers(database, job, after)

    def answer(self, job: str, number: int) -> StoredAnswer | None:
        """Return one answer of a job."""
        with self._reading() as database:
            row = database.execute(
                "SELECT * FROM answers WHERE job = ? AND number = ?", (job, number)
            ).fetchone()
        return None if row is None else _answer(row)

    def claim(self) -> StoredJob | None:
        """Take the oldest job that nobody works on, for this process."""
        now = time.time()
        with self._transaction() as database:
            row = database.execute(
                "UPDATE jobs SET state = 'running', owner = ?, lease = ?, attempts = attempts + 1 "
                "WHERE id = (SELECT id FROM jobs WHERE state IN ('queued', 'running') "
                "AND (state = 'queued' OR lease NOT BETWEEN ? AND ?) ORDER BY created LIMIT 1) "
                "RETURNING *",
                (self.owner, now + self._config.lease_s, now, now + self._config.lease_s + _FAR_S),
            ).fetchone()
        return None if row is None else StoredJob(**dict(row))

    def renew(self, job: str) -> None:
        """Hold on to a job that is being worked on."""
        self._own(job, "lease = ?", time.time() + self._config.lease_s)

    def begin(self, job: str, files: int) -> None:
        """Say how many files a job has."""
        self._own(job, "files = ?", files)

    def commit(self, job: str, answer: StoredAnswer, *, files_done: int) -> None:
        """Store the answer of one slice, and how many files are wholly answered with it.

        Raises
        ------
        LeaseLostError
            If the job is no longer this process' own.
        """
        with self._transaction() as database:
            changed = self._update(
                database,
                job,
                "attempts = 0, files_done = ?, slices = slices + 1, failed = failed + ?",
                files_done,
                answer.answer["kind"] == "error",
            )
            _check_owned(changed)
            _insert(database, job, answer)

    def add_subjects(self, job: str, subjects: Iterable[tuple[Kind, str]]) -> None:
        """Note the hashes of whom a job is about, by which it can be found to be purged."""
        with self._transaction() as database:
            database.executemany(
                "INSERT OR IGNORE INTO subjects VALUES (?, ?, ?)",
                [(job, kind, hashed) for kind, hashed in subjects],
            )

    def jobs_about(self, kind: Kind, hashed: str) -> list[str]:
        """Return the jobs that are known to be about a study or a patient."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT job FROM subjects WHERE kind = ? AND hash = ?", (kind, hashed)
            ).fetchall()
        return [row["job"] for row in rows]

    def jobs_of_study(self, uid: str) -> list[str]:
        """Return the jobs with answers for slices of a study; also those of earlier versions."""
        with self._reading() as database:
            rows = database.execute(
                "SELECT DISTINCT job FROM answers WHERE view ->> 'study_instance_uid' = ?", (uid,)
            ).fetchall()
        return [row["job"] for row in rows]

    def jobs_before(self, created: float) -> list[str]:
        """Return the jobs that were made before a time."""
        with self._reading() as database:
            rows = database.execute("SELECT id FROM jobs WHERE created < ?", (created,)).fetchall()
        return [row["id"] for row in rows]

    def unanswered(self) -> list[str]:
        """Return the jobs whose uploads are still there."""
        with self._reading() as database:
            rows = database.execute("SELECT DISTINCT job FROM uploads").fetchall()
        return [row["job"] for row in rows]

    def restart(self, job: str) -> None:
        """Forget the answers of a job that is being worked on: another model gave them.

        Raises
        ------
        LeaseLostError
            If the job is no longer this process' own.
        """
        with self._transaction() as database:
            changed = self._update(database, job, "slices = 0, failed = 0, files_done = ?", 0)
            _check_owned(changed)
            database.execute("DELETE FROM answers WHERE job = ?", (job,))

    def finish(self, job: str, series: Sequence[StoredAnswer]) -> None:
        """Store the answers of the series, end the job, and delete its uploads.

        From here on the job takes as much of the spool as its answers and pictures do.
        """
        now, config = time.time(), self._config
        kept = now + (config.keep_results_s or config.expiry_s)
        pictures = _size(self.folder(job))
        # The uploads are there for as long as a power cut could take an answer.
        with self._transaction(durable=True) as database:
            for answer in series:
                _insert(database, job, answer)
            rows = database.execute("SELECT file FROM uploads WHERE job = ?", (job,)).fetchall()
            uploaded = _size(self.folder(job), *(row["file"] for row in rows)) if rows else 0
            changed = self._update(
                database,
                job,
                "state = 'finished', expires = CASE WHEN hold_s > 0 THEN ? ELSE ? END, "
                "bytes = ? + (SELECT coalesce(sum(length(answer)), 0) FROM answers "
                "WHERE job = jobs.id)",
                now + config.expiry_s,
                kept,
                pictures - uploaded,
            )
            _check_owned(changed)
            database.execute("DELETE FROM uploads WHERE job = ?", (job,))
        for row in rows:
            (self.folder(job) / row["file"]).unlink(missing_ok=True)

    def release(self, job: str) -> None:
        """Give a job back to the queue, where it goes on from its last answer."""
        self._own(job, "state = 'queued', owner = NULL, attempts = 0, lease = ?", 0)

    def discard(self, job: str) -> bool:
        """Delete everything of a job; tell whether there was anything."""
        with self._transaction(durable=True) as database:
            found = database.execute("DELETE FROM jobs WHERE id = ?", (job,)).rowcount > 0
        shutil.rmtree(self.folder(job), ignore_errors=True)
        self._forget()
        return found

    def sweep(self) -> int:
        """Delete what expired and what was never queued; return how many jobs expired.

        Files go first, so that a full disk gets the room that the database needs.
        """
        now = time.time()
        with self._transaction() as database:
            rows = database.execute(
                "SELECT id, expires <= ? OR (state = 'finished' AND hold_s = 0 AND "
                "sum(iif(state = 'finished' AND hold_s = 0, bytes, 0)) "
                "OVER (ORDER BY created DESC, id) > ?) AS over FROM jobs",
                (now, self._config.keep_bytes),
            ).fetchall()
            over = [(row["id"],) for row in rows if row["over"]]
            for (job,) in over:
                shutil.rmtree(self.folder(job), ignore_errors=True)
            database.executemany("DELETE FROM jobs WHERE id = ?", over)
        known = {row["id"] for row in rows}
        # An upload that is still under way has a folder but no row yet.
        oldest = now - 2 * self._config.upload_timeout_s
        for folder in self._folder.iterdir():
            if folder.name not in known and _is_older(folder, oldest):
                shutil.rmtree(folder, ignore_errors=True)
        for folder in self._config.spool.glob(f"{COPY_PREFIX}*"):
            if _is_older(folder, now - _COPY_S):
                shutil.rmtree(folder, ignore_errors=True)
        self._forget()
        return len(over)

    def _own(self, job: str, assignment: str, value: float) -> None:
        with self._transaction() as database:
            _check_owned(self._update(database, job, assignment, value))

    def _update(
        self, database: sqlite3.Connection, job: str, assignment: str, *values: float
    ) -> int:
        # ``assignment`` is one of the constants above.
        statement = f"UPDATE jobs SET {assignment} WHERE id = ? AND owner = ? AND state = 'running'"  # noqa: S608
        return database.execute(statement, (*values, job, self.owner)).rowcount

    def _forget(self) -> None:
        """Empty the write-ahead log, which may hold deleted rows; readers may put it off."""
        with self._lock:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _looked_at(self, row: StoredJob) -> StoredJob:
        if row.state != "finished" or row.hold_s <= 0:
            return row
        expires = time.time() + row.hold_s
        try:
            with self._transaction() as database:
                database.execute("UPDATE jobs SET expires = ? WHERE id = ?", (expires, row.id))
        except sqlite3.Error as error:
            if not is_disk_full(error):
                raise
            return row  # it can still be looked at
        return replace(row, expires=expires)

    def _transaction(self, *, durable: bool = False) -> AbstractContextManager[sqlite3.Connection]:
        """Write: waits for the transactions of other processes.

        Parameters
        ----------
        durable
            Whether to wait until it would outlive a power cut, as would all before it. What a power
            cut takes otherwise is made again: answers of slices.
        """
        return self._begun("BEGIN IMMEDIATE", durable=durable)

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Read what was committed last, without waiting for those that write."""
        return self._begun("BEGIN DEFERRED")

    @contextmanager
    def _begun(self, statement: str, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._database.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._database.execute(statement)
            try:
                yield self._database
            except BaseException:
                # On a full disk SQLite has rolled back itself, and trying again would hide why.
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _repeated(database: sqlite3.Connection, repeatable: Repeatable) -> str | None:
    """Return the job of an earlier request of the same key."""
    row = database.execute(
        "SELECT job, digest FROM repeats WHERE key = ?", (repeatable.key,)
    ).fetchone()
    if row is None:
        return None
    if row["digest"] != repeatable.digest:
        raise OtherRequestError
    return str(row["job"])


def _size(folder: Path, *names: str) -> int:
    """Return the bytes of files in a folder, by default of all that are below it."""
    files = [folder / name for name in names] if names else folder.rglob("*")
    return sum(one.stat().st_size for one in files if one.is_file())


def _is_older(folder: Path, than: float) -> bool:
    """Tell whether a folder is still there and was last changed before a time."""
    try:
        return folder.stat().st_mtime < than
    except FileNotFoundError:  # of an upload that was refused meanwhile
        return False


def _check_owned(changed: int) -> None:
    if changed != 1:
        raise LeaseLostError


def _insert(database: sqlite3.Connection, job: str, one: StoredAnswer) -> None:
    database.execute(
        "INSERT INTO answers (job, number, file, answer, series_uid, position_mm, view, member) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            job,
            one.number,
            one.file,
            json.dumps(one.answer),
            one.series_uid,
            one.position_mm,
            None if one.view is None else json.dumps(one.view),
            one.member,
        ),
    )


def _job(database: sqlite3.Connection, job: str) -> StoredJob | None:
    row = database.execute("SELECT * FROM jobs WHERE id = ?", (job,)).fetchone()
    return None if row is None else StoredJob(**dict(row))


def _answers(database: sqlite3.Connection, job: str, after: int) -> list[StoredAnswer]:
    rows = database.execute(
        "SELECT * FROM answers WHERE job = ? AND number >= ? ORDER BY number", (job, after)
    ).fetchall()
    return [_answer(row) for row in rows]


def _answer(row: sqlite3.Row) -> StoredAnswer:
    view = row["view"]
    return StoredAnswer(
        number=row["number"],
        file=row["file"],
        answer=json.loads(row["answer"]),
        series_uid=row["series_uid"],
        position_mm=row["position_mm"],
        view=None if view is None else json.loads(view),
        member=row["member"],
    )
