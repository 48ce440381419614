"""One piece of work, files in and rows out: the same code in every process."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tumorscope.answer import Failure
from tumorscope.batch.schema import SCHEMA, to_row
from tumorscope.batch.unit_reader import UnitReader
from tumorscope.batch.units import Unit
from tumorscope.errors import ImageError
from tumorscope.imaging.inputs.read import decode
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.system.read_ahead import read_ahead

_ROWS_IN_MEMORY: Final = 1000
"""Before they are encoded: a volume may have ten thousand slices."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a worker needs to know, wherever it runs."""

    place: str
    artifact: Artifact
    operating_point: str | None = None
    threshold: float | None = None

    def classifier(self) -> Classifier:
        """Return the classifier of a worker, with one thread."""
        return Classifier(
            self.artifact,
            operating_point=self.operating_point,
            threshold=self.threshold,
            threads=1,
        )


class PartAnswerer:
    """Answers parts with a session of one thread: workers share the cores among them."""

    def __init__(self, job: Job) -> None:
        self._classifier = job.classifier()
        self._reader = UnitReader(job.place)

    def answer(self, units: Iterable[Unit]) -> bytes:
        """Return the rows of some files as the bytes of a Parquet file."""
        sink = pa.BufferOutputStream()
        with pq.ParquetWriter(sink, SCHEMA) as writer:
            rows: list[dict[str, Any]] = []
            for unit, content in read_ahead(self._contents(units)):
                for row in self._rows(unit, content):
                    rows.append(row)
                    if len(rows) == _ROWS_IN_MEMORY:
                        writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
                        rows.clear()
            writer.write_table(pa.Table.from_pylist(rows, SCHEMA))
        return bytes(sink.getvalue())

    def _contents(self, units: Iterable[Unit]) -> Iterator[tuple[Unit, bytes | ImageError]]:
        """Yield the content of each file, or why there is none."""
        for unit in units:
            try:
                yield unit, self._reader.read(unit)
            except ImageError as error:
                yield unit, error

    def _rows(self, unit: Unit, content: bytes | ImageError) -> Iterator[dict[str, Any]]:
        sha256, model = None, self._classifier.identity
        try:
            if isinstance(content, ImageError):
                raise content
            sha256 = hashlib.sha256(content).hexdigest()
            scans = decode(content, unit.source, companion=self._reader.companion(unit))
        except ImageError as error:
            yield to_row(Failure(unit.source, error), content_sha256=sha256, model=model)
            return
        for scan in scans:
            yield to_row(self._classifier.answer_scan(scan), content_sha256=sha256, model=model)
