"""``tumorscope predict --dicom-results``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import click

from tumorscope.answer import Answer, SeriesPrediction
from tumorscope.serving.dicom.results.collector import ResultCollector
from tumorscope.serving.dicom.results.make import Result, parse_kinds
from tumorscope.serving.dicom.results.source import NoResultError
from tumorscope.system.files import whole_file


class DicomResultFolder:
    """Writes the results of each series into a subfolder that its Series Instance UID names.

    A context manager: at the end come the images that were alone in their series.

    Parameters
    ----------
    folder
        That exists.
    kinds
        With commas.

    Raises
    ------
    UsageError
        If a kind is unknown.
    """

    def __init__(self, folder: Path, kinds: str) -> None:
        self._folder = folder
        self._collector = ResultCollector(parse_kinds(kinds))

    def __enter__(self) -> DicomResultFolder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._collector:
            if error is None:
                for uid in self._collector.series():
                    self._write(uid, self._collector.results(uid))

    def save(self, answer: Answer) -> None:
        """Take an answer; that of a series is followed by its results."""
        self._collector.add(answer)
        if isinstance(answer, SeriesPrediction) and answer.series_instance_uid is not None:
            uid = answer.series_instance_uid
            self._write(uid, self._collector.results(uid, answer))

    def _write(self, series_uid: str, results: Iterable[Result | NoResultError]) -> None:
        for result in results:
            if isinstance(result, NoResultError):
                click.echo(str(result), err=True)
                continue
            folder = self._folder / series_uid
            folder.mkdir(exist_ok=True)
            with whole_file(folder / result.name) as stream:
                result.dataset.save_as(stream, enforce_file_format=True)
