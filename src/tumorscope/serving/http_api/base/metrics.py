"""Prometheus metrics; several worker processes are added up.

With ``PROMETHEUS_MULTIPROC_DIR`` set before this module is imported, each process keeps its values
in a file there (``tumorscope serve`` sets it); without it there is one process.
"""

from __future__ import annotations

import os
from typing import Final

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS: Final = (0.005, 0.02, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)

REQUESTS: Final = Counter(
    "tumorscope_requests_total", "Requests by route and status.", ("route", "method", "status")
)
SECONDS: Final = Histogram(
    "tumorscope_request_seconds", "Time to the answer.", ("route",), buckets=_BUCKETS
)
ANSWERS: Final = Counter("tumorscope_answers_total", "Images by outcome.", ("outcome",))
INFERENCE_SECONDS: Final = Histogram(
    "tumorscope_inference_seconds", "Time of one image in the model.", buckets=_BUCKETS
)
IN_FLIGHT: Final = Gauge(
    "tumorscope_in_flight", "Image requests being worked on.", multiprocess_mode="livesum"
)
AUDIT_FAILURES: Final = Counter(
    "tumorscope_audit_failures_total", "Entries that could not be written into the audit log."
)
JOBS: Final = Counter("tumorscope_jobs_total", "Jobs by what became of them.", ("event",))


def forget_process(process: int) -> None:
    """Leave the gauges of an ended worker process out of the sums."""
    if FOLDER_VARIABLE in os.environ:
        mark_process_dead(process)  # type: ignore[no-untyped-call]


def registry() -> CollectorRegistry:
    """Return the registry that holds what all processes counted."""
    if FOLDER_VARIABLE not in os.environ:
        return REGISTRY
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
