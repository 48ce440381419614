"""Answers series from the disk, makes their results and has them sent."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pydicom
from msgspec.structs import replace

from tumorscope.answer import Answer, Failure, Prediction, SeriesPrediction, StudyPrediction
from tumorscope.errors import ImageError
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom.delivery import Delivery, Receiver
from tumorscope.serving.dicom.origin import Origin
from tumorscope.serving.dicom.results.collector import ResultCollector
from tumorscope.serving.dicom.results.make import Result
from tumorscope.serving.dicom.results.source import Kind, NoResultError
from tumorscope.serving.dicom.series_store import (
    MAX_ATTEMPTS,
    Kept,
    KeptSeries,
    SeriesStore,
)
from tumorscope.system.files import OWNER, whole_file

_LOG: Final = logging.getLogger("tumorscope.node")
_LOOK_S: Final = 0.25
_AFTER_FAULT_S: Final = 5.0


class StoreAndForward:
    """Keeps what was received, answers it once, and sends the results once.

    Parameters
    ----------
    classifier
        That answers.
    folder
        Of the store.
    after_s
        Seconds without a further slice after which a series is answered.
    write
        Takes lines of answers, all or none; tells whether they were the last that it took.
    kinds
        Results to make.
    receivers
        Of the results.
    """

    def __init__(
        self,
        classifier: Classifier,
        folder: Path,
        *,
        after_s: float,
        write: Callable[[list[str]], None],
        kinds: Sequence[Kind] = (),
        receivers: Sequence[Receiver] = (),
    ) -> None:
        self._classifier, self._after_s, self._write = classifier, after_s, write
        self._kinds, self._receivers = tuple(kinds), tuple(receivers)
        self._store = SeriesStore(folder)
        self._delivery = Delivery(self._store, self._receivers)
        self._stopping = threading.Event()
        self._worker = threading.Thread(target=self._run, name="series", daemon=True)

    def start(self) -> None:
        """Go on where the process before this one ended."""
        self._worker.start()
        self._delivery.start()

    def stop(self) -> None:
        """End after the series that is being answered; the rest waits on the disk."""
        self._stopping.set()
        self._worker.join()
        self._delivery.stop()
        self._store.close()

    def keep(self, uid: str, series: str, content: bytes, digest: str, origin: Origin) -> Kept:
        """Return when an instance is on the disk.

        Raises
        ------
        OSError
            If it cannot be kept.
        """
        try:
            return self._store.keep(uid, series, content, digest, origin)
        except sqlite3.Error as error:
            raise OSError(0, f"the store of series: {type(error).__name__}") from error

    def take_report(self, information: pydicom.Dataset) -> None:
        """Take a report on storage commitment."""
        self._delivery.take_report(information)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                busy = self.answer_one()
                self._write_lines()
                self._store.forget_images()
            except (OSError, sqlite3.Error) as error:
                _LOG.error("a series could not be answered yet: %s", type(error).__name__)
                self._stopping.wait(_AFTER_FAULT_S)
                continue
            if not busy:
                self._stopping.wait(_LOOK_S)

    def answer_one(self) -> bool:
        """Answer the series that is due; tell whether there was one.

        Raises
        ------
        OSError, sqlite3.Error
            If what follows from it cannot be kept; it stays due.
        """
        series = self._store.due(self._after_s)
        if series is None:
            return False
        if series.attempts >= MAX_ATTEMPTS:
            self._give_up(series, f"The process ended {series.attempts} times while answering it.")
            return True
        try:
            self._answer(series)
        except (OSError, sqlite3.Error):
            with suppress(sqlite3.Error):
                self._store.put_back(series)
            raise
        except Exception as error:
            self._give_up(series, f"{type(error).__name__} while answering it.")
        return True

    def _give_up(self, series: KeptSeries, reason: str) -> None:
        _LOG.error("a series of %s is given up. %s", series.origin.calling_ae_title, reason)
        failure = Failure(series.key, ImageError(f"The series could not be answered. {reason}"))
        self._store.fail(series, reason, json.dumps(series.origin.record(failure)))

    def _answer(self, series: KeptSeries) -> None:
        lines: list[str] = []
        results: dict[str, Path] = {}
        problems: list[str] = []
        reason = None
        with ResultCollector(self._kinds, folder=self._store.work) as collector:
            for answer in self._classifier.predict_many(
                list(series.images), heatmap=bool(self._kinds)
            ):
                lines.append(json.dumps(series.origin.record(_named(answer, series))))
                if self._kinds:
                    collector.add(answer)
                if isinstance(answer, SeriesPrediction):
                    reason = _why_skipped(answer) or reason
                    if self._kinds and answer.series_instance_uid is not None:
                        made = collector.results(answer.series_instance_uid, answer)
                        self._keep_results(made, results, problems)
            for uid in collector.series():
                self._keep_results(collector.results(uid), results, problems)
        for problem in problems:
            _LOG.warning("series of %s: %s", series.origin.calling_ae_title, problem)
        if reason is None and self._kinds and not results:
            reason = " ".join(problems) or "No image of it belongs to a DICOM series."
        self._store.answer(series, lines, results, [one.name for one in self._receivers], reason)

    def _keep_results(
        self, made: Iterable[Result | NoResultError], results: dict[str, Path], problems: list[str]
    ) -> None:
        for result in made:
            if isinstance(result, NoResultError):
                problems.append(str(result))
            elif isinstance(result, Result):
                uid = str(result.dataset.SOPInstanceUID)
                results[uid] = self._store.result_file(uid)
                with whole_file(results[uid], permissions=OWNER, durable=True) as stream:
                    pydicom.dcmwrite(stream, result.dataset, enforce_file_format=True)

    def _write_lines(self) -> None:
        numbers, lines = self._store.lines()
        if lines:
            self._write(lines)
            self._store.forget_lines(numbers)


def _named(answer: Answer, series: KeptSeries) -> Answer:
    """Name an answer by its identifier: the file's name and free text of the header say nothing."""
    if isinstance(answer, SeriesPrediction):
        slices = tuple(
            {**one, "source": _uid_of(one["source"], series)} for one in answer.most_suspicious
        )
        name = answer.series_instance_uid or series.key
        return replace(answer, source=name, series_description=None, most_suspicious=slices)
    if isinstance(answer, Prediction):
        return replace(answer, source=_uid_of(answer.source, series), evidence=None, pixels=None)
    if isinstance(answer, StudyPrediction):
        return answer
    return Failure(_uid_of(answer.source, series), answer.error, answer.slice_index)


def _uid_of(source: str, series: KeptSeries) -> str:
    return series.images.get(Path(source), source)


def _why_skipped(answer: SeriesPrediction) -> str | None:
    return " ".join(answer.reasons) or "rejected" if answer.outcome == "rejected" else None
