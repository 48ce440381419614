"""A bounded number of image requests; the next is refused at once instead of slowing all."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tumorscope.serving.http_api import metrics
from tumorscope.serving.http_api.problems import RefusalError

RETRY_AFTER_S = 1
"""A full queue of 16 images is worked off in about a second on two cores."""


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
        self._places = threading.BoundedSemaphore(max_in_flight)
        self._computing = threading.BoundedSemaphore(max_computing)

    @contextmanager
    def enter(self) -> Iterator[None]:
        """Take a place for one request, without waiting.

        Raises
        ------
        RefusalError
            If there is none.
        """
        if not self._places.acquire(blocking=False):
            raise RefusalError(
                "too-busy", "The queue of images is full; try again.", retry_after=RETRY_AFTER_S
            )
        metrics.IN_FLIGHT.inc()
        try:
            yield
        finally:
            metrics.IN_FLIGHT.dec()
            self._places.release()

    @contextmanager
    def compute(self) -> Iterator[None]:
        """Wait for the turn of one slice."""
        with self._computing:
            yield
