"""Keeps what results are made of until their series is answered."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np
import pydicom
from msgspec.structs import replace

from tumorscope.answer import Answer, Prediction, SeriesPrediction
from tumorscope.imaging.quiet import quiet
from tumorscope.model.series import MOST_SUSPICIOUS
from tumorscope.serving.dicom.results.make import Result, make_results
from tumorscope.serving.dicom.results.source import (
    Kind,
    NoResultError,
    SourceSeries,
    SourceSlice,
)

_LEVELS: Final = 65535
"""Evidence waits on the disk in 16 bits: finer than any display."""


def read_header(path: str | Path) -> pydicom.Dataset:
    """Read a DICOM file without its pixels.

    Raises
    ------
    NoResultError
        If the path is no DICOM file that can be read again, such as a member of an archive.
    """
    try:
        with quiet("pydicom"):
            return pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except Exception as error:
        raise NoResultError(f"{path} cannot be read again ({type(error).__name__}).") from error


class ResultCollector:
    """Gathers answers with evidence, and makes the results of a series.

    Evidence waits in a temporary folder, so that memory holds one series at a time. A context
    manager: the folder is removed at the end.

    Parameters
    ----------
    kinds
        Results to make.
    header
        Returns the header of an answer's source.
    folder
        Where the temporary folder is made: somewhere that is cleared by who may be killed. That of
        the system by default.
    """

    def __init__(
        self,
        kinds: Iterable[Kind],
        header: Callable[[str], pydicom.Dataset] = read_header,
        folder: Path | None = None,
    ) -> None:
        self._kinds, self._header = tuple(dict.fromkeys(kinds)), header
        self._folder = tempfile.TemporaryDirectory(prefix="tumorscope-results-", dir=folder)
        self._members: dict[str, list[tuple[Prediction, Path]]] = {}
        self._shown: dict[str, list[Prediction]] = {}
        self._count = 0

    def __enter__(self) -> ResultCollector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._folder.cleanup()

    def add(self, answer: Answer) -> None:
        """Take an answer; those that are no slice of a DICOM series are left out."""
        if not isinstance(answer, Prediction) or answer.series_instance_uid is None:
            return
        if answer.evidence is None:
            raise ValueError("results need evidence; predict with heatmap=True")
        key = answer.series_instance_uid
        path = Path(self._folder.name) / f"{self._count}.npy"
        self._count += 1
        np.save(path, np.rint(answer.evidence * _LEVELS).astype(np.uint16))
        self._members.setdefault(key, []).append(
            (replace(answer, evidence=None, pixels=None), path)
        )
        self._shown[key] = _most_suspicious(
            [*self._shown.get(key, []), replace(answer, evidence=None)]
        )

    def series(self) -> list[str]:
        """Return the Series Instance UIDs that have not been asked for yet."""
        return list(self._members)

    def results(
        self, series_instance_uid: str, answer: SeriesPrediction | None = None
    ) -> Iterator[Result | NoResultError]:
        """Yield the results of a series and forget it.

        Parameters
        ----------
        answer
            For the series; ``None`` where it is one image, whose answer stands for it.
        """
        members = self._members.pop(series_instance_uid, [])
        shown = self._shown.pop(series_instance_uid, [])
        if not members:
            return
        whole = answer or members[0][0]
        if whole.outcome == "rejected":
            reasons = " ".join(whole.reasons)
            yield NoResultError(f"Series {series_instance_uid} was rejected: {reasons}")
            return
        try:
            source = SourceSeries.of(whole, self._slices(members, shown))
        except NoResultError as error:
            yield error
            return
        yield from make_results(source, self._kinds)

    def _slices(
        self, members: list[tuple[Prediction, Path]], shown: list[Prediction]
    ) -> list[SourceSlice]:
        headers: dict[str, pydicom.Dataset] = {}
        pixels = {(one.source, one.slice_index): one.pixels for one in shown}
        found = []
        for answer, path in members:
            if answer.source not in headers:
                headers[answer.source] = self._header(answer.source)
            evidence = np.load(path).astype(np.float32) / np.float32(_LEVELS)
            path.unlink()
            full = replace(
                answer,
                evidence=evidence,
                pixels=pixels.get((answer.source, answer.slice_index)),
            )
            found.append(SourceSlice(headers[answer.source], full))
        return found


def _most_suspicious(slices: list[Prediction]) -> list[Prediction]:
    """Return the slices that the series answer may name; of equal ones it names the first."""

    def probability(one: Prediction) -> float:
        return one.probabilities["tumor"] if one.probabilities else -1.0

    least = sorted(map(probability, slices))[-MOST_SUSPICIOUS:][0]
    return [one for one in slices if probability(one) >= least]
