"""``/metrics``: what the processes counted, and how things stand at this moment."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from flask import Blueprint, Response
from flask.typing import ResponseReturnValue
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.jobs.service import Service, current_service
from tumorscope.serving.http_api.schemas.openapi import Answered, describe

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
@describe("getMetrics", Answered(media=("text/plain",)), tag="operation")
def get_metrics() -> ResponseReturnValue:
    """Answer with all metrics in the Prometheus text format."""
    now = CollectorRegistry()
    now.register(_Now(current_service()))
    text = generate_latest(metrics.registry()) + generate_latest(now)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _Now(Collector):
    """What is read when it is asked for; the same from every process."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Give the metrics, but for those that cannot be read."""
        yield _build()
        yield self._model()
        # A disk or database out of order is told by /readyz; the rest is still worth knowing.
        with suppress(sqlite3.Error):
            yield from self._queue()
        with suppress(OSError):
            yield from self._disk()

    def _model(self) -> Metric:
        identity = self._service.classifier.identity
        return InfoMetricFamily(
            "tumorscope_model",
            "The model that answers.",
            value={"id": identity.id, "version": identity.version, "sha256": identity.sha256},
        )

    def _queue(self) -> Iterator[Metric]:
        queue = self._service.store.queue()
        jobs = GaugeMetricFamily("tumorscope_jobs_kept", "Jobs by state.", labels=["state"])
        for state in ("queued", "running", "finished"):
            jobs.add_metric([state], getattr(queue, state))
        yield jobs
        yield GaugeMetricFamily(
            "tumorscope_queue_depth", "Jobs that wait or run.", queue.queued + queue.running
        )
        age = 0.0 if queue.oldest is None else max(0.0, time.time() - queue.oldest)
        yield GaugeMetricFamily(
            "tumorscope_oldest_job_seconds", "Age of the oldest job that waits or runs.", age
        )

    def _disk(self) -> Iterator[Metric]:
        disk = shutil.disk_usage(self._service.config.spool)
        yield GaugeMetricFamily(
            "tumorscope_spool_free_bytes", "Free on the file system of the spool.", disk.free
        )
        yield GaugeMetricFamily(
            "tumorscope_spool_size_bytes", "Size of the file system of the spool.", disk.total
        )


def _build() -> Metric:
    try:
        own = version("tumorscope")
    except PackageNotFoundError:
        own = "unknown"
    return InfoMetricFamily(
        "tumorscope_build",
        "The program that answers.",
        value={"version": own, "python": platform.python_version()},
    )
