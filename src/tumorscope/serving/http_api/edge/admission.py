"""A bounded number of image requests; the next is refused at once instead of slowing all."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.base.problems import RefusalError

RETURNS_PER_S: Final = 50
"""Refused clients that are asked back per second: twice what two cores answer, so that the queue
stays full, and a tenth of what refusing costs them."""

MAX_RETRY_AFTER_S: Final = 15


class Admission:
    """Counts who is inside, and who computes.

    Parameters
    ----------
    max_in_flight
        Requests that may upload, wait or be computed.
    max_computing
        Slices, of requests and of jobs, that may be computed at once.
    """

    def __init__(self, *, max_in_flight: int, max_computing: int) -> None:
        self._free = max_in_flight
        self._computing = threading.BoundedSemaphore(max_computing)
        self._lock = threading.Lock()
        self._next_return = 0.0

    @property
    def is_full(self) -> bool:
        """Whether the next request would be refused."""
        return self._free <= 0

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Take a place for one request, without waiting.

        Raises
        ------
        RefusalError
            If there is none.
        """
        with self._lock:
            if self.is_full:
                raise self._refusal()
            self._free -= 1
        metrics.IN_FLIGHT.inc()
        try:
            yield
        finally:
            metrics.IN_FLIGHT.dec()
            with self._lock:
                self._free += 1

    def refusal(self) -> RefusalError:
        """Return what the next request is told while every place is taken."""
        with self._lock:
            return self._refusal()

    @contextmanager
    def compute(self) -> Iterator[None]:
        """Wait for the turn of one slice."""
        with self._computing:
            yield

    def _refusal(self) -> RefusalError:
        """Give a refused client its time to come back, so that not all come back at once."""
        now = time.monotonic()
        due = max(now, self._next_return) + 1 / RETURNS_PER_S
        self._next_return = min(due, now + MAX_RETRY_AFTER_S)
        return RefusalError(
            "too-busy",
            "The image queue is full; try again later.",
            retry_after=max(1, math.ceil(due - now)),
        )
