"""``X.parquet.partial``: what is done of a table that is not whole yet.

::

    X.parquet.partial/
        .lock            held by the run that works here
        journal.json     what is being made: input, model, number of parts
        listing.jsonl    the input, a file a line
        00000007.part    the rows of part 7, a Parquet file

Every file gets its name by a rename when it is whole and on the disk, so a part that is there is
done, whenever the run was killed. The folder goes, journal last, when the table has its name.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from tumorscope.batch.schema import SCHEMA
from tumorscope.batch.units import Unit, cut_into_parts
from tumorscope.errors import UsageError
from tumorscope.labels import NOTICE
from tumorscope.system.files import to_disk
from tumorscope.system.folder_lock import LOCK_NAME, hold

SUFFIX: Final = ".partial"
PART_FILES: Final = 64
PART_BYTES: Final = 64 * 1024 * 1024
"""A part is what a kill costs at most, per worker: seconds of work."""

ROW_GROUP: Final = 10_000
"""Rows of the table that are in memory at once when it is put together."""

RUN_KEY: Final = b"tumorscope.run"

_JOURNAL: Final = "journal.json"
_LISTING: Final = "listing.jsonl"
_TABLE: Final = "table"
_IDENTITY: Final = {
    "schema_version": "version of the table's schema",
    "place": "input",
    "root": "root of the manifest's paths",
    "model": "model",
    "operating_point": "operating point",
    "threshold": "threshold",
    "listing_sha256": "state of the input (files have come, gone or changed their size)",
}


@dataclass(frozen=True, slots=True)
class Journal:
    """What a folder is being filled with.

    Attributes
    ----------
    run
        Random, so that a table can be told to be this run's.
    place, root, listing_sha256
        The input as given, and the hash of the files it stands for with their sizes.
    model
        The identity of the model: SHA-256 of all that its answers follow from.
    operating_point, threshold
        What decides.
    """

    schema_version: int
    place: str
    root: str | None
    model: str
    operating_point: str
    threshold: float
    listing_sha256: str = ""
    run: str = ""


class PartialFolder:
    """The folder beside an output; only one run at a time holds it.

    Raises
    ------
    UsageError
        If it is in use or cannot be made.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.path = output.with_name(output.name + SUFFIX)
        try:
            self.path.mkdir(exist_ok=True)
            self._lock = hold(self.path)
        except OSError as error:
            raise UsageError(f"{self.path} cannot be used: {error.strerror}.") from error

    def is_whole(self) -> bool:
        """Tell whether this folder's table has its name already, and only the folder is left."""
        journal = self._journal()
        return journal is not None and read_run(self.output) == journal.run

    def begin(self, units: Iterable[Unit], wanted: Journal) -> None:
        """Write down what is to be made, or check that it is what was begun.

        Raises
        ------
        UsageError
            If the input holds no file, or the folder was begun with other things.
        """
        fresh = self.path / f"{_LISTING}.new"
        wanted = replace(wanted, listing_sha256=_write_listing(fresh, units))
        if not fresh.stat().st_size:
            raise UsageError(f"{wanted.place} contains no file that could be a scan.")
        begun = self._journal()
        if begun is not None:
            self._compare(begun, wanted)
            return
        for part in self.path.glob("*.part"):  # of a run that was killed while it cleaned up
            part.unlink()
        fresh.replace(self.path / _LISTING)
        text = json.dumps(asdict(replace(wanted, run=uuid.uuid4().hex)), indent=1)
        self._save(_JOURNAL, text.encode())

    def missing(self) -> Iterator[tuple[int, list[Unit]]]:
        """Yield the parts that are not done, with their numbers."""
        for number, units in self._parts():
            if not (self.path / _part_name(number)).exists():
                yield number, units

    def count(self) -> int:
        """Return the number of parts, done or not."""
        return sum(1 for _ in self._parts())

    def save(self, number: int, rows: bytes) -> None:
        """Keep the rows of one part for good."""
        self._save(_part_name(number), rows)

    def finish(self) -> None:
        """Put the parts together and give the table its name.

        Raises
        ------
        UsageError
            If the output cannot be written.
        """
        journal = self._journal()
        if journal is None:
            raise UsageError(f"{self.path} has no journal; delete the folder to start again.")
        told = {RUN_KEY: journal.run.encode(), b"tumorscope.notice": NOTICE.encode()}
        told[b"tumorscope.schema_version"] = str(journal.schema_version).encode()
        told[b"tumorscope.operating_point"] = journal.operating_point.encode()
        told[b"tumorscope.threshold"] = repr(journal.threshold).encode()
        table = self.path / _TABLE
        with pq.ParquetWriter(table, SCHEMA.with_metadata(told), compression="zstd") as writer:
            for rows in self._gathered():
                writer.write_table(rows.replace_schema_metadata(told))
        to_disk(table)
        table.replace(self.output)
        to_disk(self.output.parent)

    def remove(self) -> None:
        """Remove the folder, the journal last: a kill in between is seen by the next run."""
        for pattern in ("*.part", "*.new", _LISTING, _TABLE, _JOURNAL, LOCK_NAME):
            for file in self.path.glob(pattern):
                file.unlink()
        self.release()
        # A file that somebody else has put there stays.
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def release(self) -> None:
        """Let another run have the folder."""
        self._lock.release()

    def discard_unused(self) -> None:
        """Remove the folder if nothing has been begun in it."""
        if self._journal() is None:
            self.remove()
        else:
            self.release()

    def _gathered(self) -> Iterator[pa.Table]:
        """Yield all rows in order, in tables of about one row group."""
        tables: list[pa.Table] = []
        for number, _ in self._parts():
            tables.append(pq.read_table(self.path / _part_name(number)))
            if sum(len(table) for table in tables) >= ROW_GROUP:
                yield pa.concat_tables(tables)
                tables.clear()
        if tables:
            yield pa.concat_tables(tables)

    def _parts(self) -> Iterator[tuple[int, list[Unit]]]:
        with (self.path / _LISTING).open(encoding="utf-8") as lines:
            units = (Unit.from_json(line) for line in lines)
            yield from cut_into_parts(units, max_files=PART_FILES, max_bytes=PART_BYTES)

    def _journal(self) -> Journal | None:
        try:
            return Journal(**json.loads((self.path / _JOURNAL).read_bytes()))
        except FileNotFoundError:
            return None
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{self.path / _JOURNAL} is not a journal that this version of tumorscope can "
                "read; delete the folder to start again."
            ) from error

    def _compare(self, begun: Journal, wanted: Journal) -> None:
        for name, what in _IDENTITY.items():
            if getattr(begun, name) != getattr(wanted, name):
                raise UsageError(
                    f"{self.path} was started with a different {what}. Repeat the original run "
                    f"(input {begun.place!r}, operating point {begun.operating_point!r}, threshold "
                    f"{begun.threshold:g}), give another --output, or delete the folder to start "
                    "again."
                )

    def _save(self, name: str, content: bytes) -> None:
        fresh = self.path / f"{name}.new"
        fresh.write_bytes(content)
        to_disk(fresh)
        fresh.replace(self.path / name)
        to_disk(self.path)


def read_run(table: Path) -> str | None:
    """Return the run that made a table, ``None`` if there is no table of ours."""
    try:
        told = pq.read_schema(table).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    return told[RUN_KEY].decode() if RUN_KEY in told else None


def _part_name(number: int) -> str:
    return f"{number:08d}.part"


def _write_listing(path: Path, units: Iterable[Unit]) -> str:
    digest = hashlib.sha256()
    with path.open("w", encoding="utf-8") as stream:
        for unit in units:
            line = unit.to_json() + "\n"
            digest.update(line.encode())
            stream.write(line)
    to_disk(path)
    return digest.hexdigest()
