"""Slice answers wait here until their series is complete, as far as one can tell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from msgspec.structs import replace

from tumorscope.answer import Failure, Prediction, SeriesPrediction
from tumorscope.model.classifier import Classifier, SeriesCollector
from tumorscope.model.series import probability_of_tumor
from tumorscope.serving.dicom.origin import Origin
from tumorscope.serving.dicom.places import LOG

KEEP_S: Final = 3600.0
"""A slice that comes late, within this time, is answered together with the rest of its series."""

MAX_ANSWERS: Final = 50_000
"""Answers of slices and frames kept, 1 to 2 kB each; beyond, the series that has waited the longest
is answered and forgotten."""

RETRY_S: Final = 5.0
"""Until the answer of a series that could not be written is tried again."""


@dataclass(frozen=True, slots=True)
class DueSeries:
    """A series that is to be answered now.

    Attributes
    ----------
    uid
        Its Series Instance UID.
    origin
        That of the slice that came last.
    instances
        The answers of each of its instances.
    arrivals
        Instances that had come by then; tells whether a further one came since.
    in_excess
        Whether its instances must go, since too much is kept.
    """

    uid: str
    origin: Origin
    instances: dict[str, list[Prediction | Failure]]
    arrivals: int
    in_excess: bool


@dataclass(slots=True)
class _Series:
    arrived: float
    origin: Origin
    arrivals: int = 0
    is_answered: bool = False
    put_off_until: float = 0.0
    instances: dict[str, list[Prediction | Failure]] = field(default_factory=dict)
    size: int = 0

    def put(self, uid: str, answers: list[Prediction | Failure]) -> None:
        self.size += len(answers) - len(self.instances.get(uid, ()))
        self.instances[uid] = answers

    def drop(self, instances: dict[str, list[Prediction | Failure]]) -> None:
        """Drop instances, but for those that were sent again since."""
        for uid, answers in instances.items():
            if self.instances.get(uid) is answers:
                self.size -= len(self.instances.pop(uid))


class SeriesAssembler:
    """Gathers answers by series; nothing in DICOM tells which slice is the last one.

    An instance that is sent again replaces its first answer. No pixels are kept. A series stays due
    until :meth:`answered` says that its answer has been written. Safe to use from several threads.

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
            series.put(instance_uid, slim)
            series.origin = origin
            series.arrived, series.is_answered = self._clock(), False
            series.arrivals += 1

    def due(self, *, everything: bool = False) -> list[DueSeries]:
        """Return the series that have become complete and are not answered.

        Parameters
        ----------
        everything
            Also those whose slices may still be coming, since the node stops.
        """
        with self._lock:
            now = self._clock()
            excess = self._forget(now)
            due = [
                DueSeries(uid, one.origin, dict(one.instances), one.arrivals, uid in excess)
                for uid, one in self._series.items()
                if not one.is_answered and (everything or self._is_due(uid, one, now, excess))
            ]
        if any(one.in_excess for one in due):
            LOG.warning(
                "more than %s answers wait: the oldest series are answered as they are and "
                "forgotten",
                f"{MAX_ANSWERS:,}",
            )
        return due

    def answer(self, due: DueSeries) -> SeriesPrediction | None:
        """Return the answer of a series; ``None`` where it has one slice, which is answered."""
        collector = SeriesCollector(self._classifier)
        for one in chain.from_iterable(due.instances.values()):
            collector.add(due.uid, one)
        # Of several studies under one Series Instance UID the most suspicious one decides.
        answer = max(collector.series(), key=probability_of_tumor, default=None)
        if answer is None:
            return None
        # It goes to a file of the node's, where no free text of a header belongs.
        return replace(answer, source=due.uid, series_description=None)

    def answered(self, due: DueSeries) -> None:
        """Say that a series needs no further answer, unless a slice came meanwhile."""
        with self._lock:
            series = self._series[due.uid]
            series.is_answered = series.arrivals == due.arrivals
            if due.in_excess:
                series.drop(due.instances)
            if not series.instances:
                del self._series[due.uid]

    def put_off(self, due: DueSeries) -> None:
        """Say that the answer of a series could not be written; it is due again a little later."""
        with self._lock:
            self._series[due.uid].put_off_until = self._clock() + RETRY_S

    def _is_due(self, uid: str, series: _Series, now: float, excess: set[str]) -> bool:
        if now < series.put_off_until:
            return False
        return uid in excess or now - series.arrived >= self._after_s

    def _forget(self, now: float) -> set[str]:
        """Drop what is answered and old or too much; return what else must go, once answered."""
        count = sum(one.size for one in self._series.values())
        excess = set()
        for uid, one in sorted(self._series.items(), key=lambda item: item[1].arrived):
            if count > MAX_ANSWERS or (one.is_answered and now - one.arrived > KEEP_S):
                count -= one.size
                if one.is_answered:
                    del self._series[uid]
                else:
                    excess.add(uid)
        return excess
