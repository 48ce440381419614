"""Slice answers wait here until their series is complete, as far as one can tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from tumorscope.answer import Failure, Prediction, SeriesPrediction
from tumorscope.model.classifier import Classifier, SeriesCollector
from tumorscope.serving.dicom.origin import Origin

KEEP_S: Final = 3600.0
"""A slice that comes late, within this time, is answered together with the rest of its series."""


MAX_INSTANCES: Final = 50_000
"""Instances kept; beyond, the series that has waited the longest is answered and forgotten."""


@dataclass(slots=True)
class _Series:
    arrived: float
    origin: Origin
    is_answered: bool = False
    instances: dict[str, list[Prediction | Failure]] = field(default_factory=dict)


class SeriesDesk:
    """Gathers answers by series; nothing in DICOM tells which slice is the last one.

    An instance that is sent again replaces its first answer. No pixels are kept. Safe to use from
    several threads.

    Parameters
    ----------
    classifier
        That gave the answers; its threshold decides for the series.
    after_s
        Seconds without a further slice after which a series is answered.
    clock
        Seconds that only rise.
    """

    def __init__(
        self,
        classifier: Classifier,
        *,
        after_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._classifier, self._after_s, self._clock = classifier, after_s, clock
        self._series: dict[str, _Series] = {}
        self._lock = threading.Lock()

    def add(
        self,
        series_uid: str,
        instance_uid: str,
        answers: Sequence[Prediction | Failure],
        origin: Origin,
    ) -> None:
        """Take all answers of one instance, a slice or many frames."""
        slim = [
            one if isinstance(one, Failure) else replace(one, evidence=None, pixels=None)
            for one in answers
        ]
        with self._lock:
            series = self._series.setdefault(series_uid, _Series(self._clock(), origin))
            series.instances[instance_uid] = slim
            series.origin = origin
            series.arrived, series.is_answered = self._clock(), False

    def due(self, *, everything: bool = False) -> list[tuple[SeriesPrediction, Origin]]:
        """Return the answers of the series that have become complete, each once.

        The origin is that of the slice that came last.

        Parameters
        ----------
        everything
            Also those whose slices may still be coming, since the node stops.
        """
        with self._lock:
            now = self._clock()
            excess = self._forget(now)
            complete = excess + [
                (uid, one)
                for uid, one in self._series.items()
                if not one.is_answered and (everything or now - one.arrived >= self._after_s)
            ]
            for _, one in complete:
                one.is_answered = True
            members = [(uid, list(one.instances.values()), one.origin) for uid, one in complete]
        return [
            (answer, origin)
            for uid, answers, origin in members
            for answer in self._answer(uid, answers)
        ]

    def _forget(self, now: float) -> list[tuple[str, _Series]]:
        """Drop what is old or too much; return what of it was not answered yet."""
        by_age = sorted(self._series.items(), key=lambda one: one[1].arrived)
        count = sum(len(one.instances) for _, one in by_age)
        unanswered = []
        for uid, one in by_age:
            if count > MAX_INSTANCES or (one.is_answered and now - one.arrived > KEEP_S):
                del self._series[uid]
                count -= len(one.instances)
                if not one.is_answered:
                    unanswered.append((uid, one))
        return unanswered

    def _answer(
        self, series_uid: str, instances: list[list[Prediction | Failure]]
    ) -> list[SeriesPrediction]:
        collector = SeriesCollector(self._classifier)
        for answers in instances:
            for answer in answers:
                collector.add(series_uid, answer)
        # The answers go to a file of the node's, where no free text of a header belongs.
        return [
            replace(answer, source=series_uid, series_description=None)
            for answer in collector.series()
        ]
