"""What the routes of one application share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import current_app
from msgspec import UnsetType

from tumorscope.errors import UsageError
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.admission import Admission
from tumorscope.serving.http_api.config import ServerConfig
from tumorscope.serving.http_api.job_runner import JobRunner
from tumorscope.serving.http_api.job_store import JobStore
from tumorscope.serving.http_api.problems import RefusalError

EXTENSION: Final = "tumorscope"


@dataclass(frozen=True, slots=True)
class Service:
    """One classifier with its queue and its jobs."""

    config: ServerConfig
    classifier: Classifier
    admission: Admission
    store: JobStore
    runner: JobRunner

    def operating_point(self, name: str | UnsetType) -> Classifier:
        """Return the classifier at a named operating point, by default the model's own.

        Raises
        ------
        RefusalError
            If the model has no such operating point.
        """
        if isinstance(name, UnsetType):
            return self.classifier
        try:
            return self.classifier.at(name)
        except UsageError as error:
            points = ", ".join(sorted(self.classifier.manifest.operating_points))
            raise RefusalError(
                "bad-request", f"Unknown operating point; the model has {points}."
            ) from error


def current_service() -> Service:
    """Return the service of the application that answers the request."""
    service: Service = current_app.extensions[EXTENSION]
    return service
