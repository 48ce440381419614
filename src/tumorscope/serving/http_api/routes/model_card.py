"""``GET /api/v1/model``: what the model says of itself, and what a request may cost."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from flask import Blueprint
from flask.typing import ResponseReturnValue

from tumorscope.imaging.formats.table import READ_NAMES
from tumorscope.labels import CLASSES, NOTICE, TUMOR_TYPES
from tumorscope.model.input_check import InputCheck
from tumorscope.serving.http_api.base.config import service_limits
from tumorscope.serving.http_api.base.problems import json_response
from tumorscope.serving.http_api.jobs.service import current_service
from tumorscope.serving.http_api.schemas.openapi import Answered, describe
from tumorscope.serving.http_api.schemas.shapes import Measured, ModelCard

blueprint = Blueprint("model", __name__)

FORMATS: Final = (*READ_NAMES, "zip")


@blueprint.get("/model")
@describe("getModel", Answered(ModelCard), tag="model")
def get_model() -> ResponseReturnValue:
    """Answer with the model's card, its operating points and the service's limits."""
    service = current_service()
    manifest = service.classifier.manifest
    body = {
        "model": service.classifier.identity.to_dict(),
        "labels": list(CLASSES),
        "tumor_types": list(TUMOR_TYPES),
        "operating_points": manifest.operating_points,
        "default_operating_point": service.classifier.operating_point,
        "preprocessing": manifest.preprocessing.to_dict(),
        "calibration": manifest.calibration.to_dict(),
        "conformal": None if manifest.conformal is None else manifest.conformal.to_dict(),
        "input_check": None
        if manifest.input_check is None
        else _input_check(manifest.input_check, manifest.card),
        "card": manifest.card,
        "limits": service_limits(service.config),
        "formats": list(FORMATS),
        "notice": NOTICE,
    }
    return json_response(body)


def _input_check(check: InputCheck, card: dict[str, Any]) -> dict[str, Any]:
    kinds = _measured(card, "rejection")
    return {
        "kind": _kind(card),
        "threshold": check.threshold,
        "rejected": {name: msgspec.to_builtins(share) for name, share in kinds.items()},
        "rejected_brain_mr": msgspec.to_builtins(_measured(card, "abstention").get("all images")),
    }


def _kind(card: dict[str, Any]) -> str:
    """Return what the input check measures; older artifacts do not say."""
    described = card.get("gate")
    kind = described.get("kind") if isinstance(described, dict) else None
    return str(kind or "mahalanobis")


def _measured(card: dict[str, Any], section: str) -> dict[str, Measured]:
    """Find the shares ``rejected`` of a section; a card may hold other things, or none."""
    try:
        rows = msgspec.convert(card["evaluation"]["sections"][section], dict[str, _Rejected])
    except (KeyError, TypeError, msgspec.ValidationError):
        return {}
    return {name: row.rejected for name, row in rows.items()}


class _Rejected(msgspec.Struct):
    rejected: Measured
