"""What the routes of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import current_app
from msgspec import UnsetType

from tumorscope.errors import UsageError
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.problems import RefusalError
from tumorscope.serving.http_api.edge.admission import Admission
from tumorscope.serving.http_api.jobs.job_runner import JobRunner
from tumorscope.serving.http_api.jobs.job_store import JobStore
from tumorscope.serving.http_api.schemas.shapes import JobQuery, PredictionQuery

EXTENSION: Final = "tumorscope"


@dataclass(frozen=True, slots=True)
class Service:
    """One classifier with its queue and its jobs."""

    config: ServerConfig
    classifier: Classifier
    admission: Admission
    store: JobStore
    runner: JobRunner

    def classifier_for(self, query: PredictionQuery | JobQuery) -> Classifier:
        """Return the classifier at the operating point or the threshold that a query asks for.

        Raises
        ------
        RefusalError
            If the model has no such operating point, or both are given.
        """
        name = None if isinstance(query.operating_point, UnsetType) else query.operating_point
        threshold = None if isinstance(query.threshold, UnsetType) else query.threshold
        if name is None and threshold is None:
            return self.classifier
        if name is not None and threshold is not None:
            raise RefusalError("bad-request", "Give operating_point or threshold, not both.")
        try:
            return self.classifier.at(name, threshold=threshold)
        except UsageError as error:
            points = ", ".join(sorted(self.classifier.manifest.operating_points))
            raise RefusalError(
                "bad-request", f"Unknown operating point; the model has {points}."
            ) from error


def current_service() -> Service:
    """Return the service of the application that answers the request."""
    service: Service = current_app.extensions[EXTENSION]
    return service
