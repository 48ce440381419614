"""``/healthz`` and ``/readyz``: whether the process lives, and whether it can take work."""

from __future__ import annotations

import os
import shutil
import sqlite3
from typing import Final

from flask import Blueprint
from flask.typing import ResponseReturnValue

from tumorscope.imaging.limits import MEBIBYTE
from tumorscope.serving.http_api.base.problems import RefusalError, json_response
from tumorscope.serving.http_api.jobs.service import current_service
from tumorscope.serving.http_api.schemas.openapi import Answered, describe
from tumorscope.serving.http_api.schemas.shapes import Health

blueprint = Blueprint("health", __name__)

_FREE_BYTES: Final = 256 * MEBIBYTE
"""Below this the spool could not take one more file of the largest size."""

_RETRY_AFTER_S: Final = 5


@blueprint.get("/healthz")
@describe("getHealth", Answered(Health), tag="operation")
def get_health() -> ResponseReturnValue:
    """Tell that the process answers."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
@describe("getReadiness", Answered(Health), tag="operation", problems=("not-ready",))
def get_readiness() -> ResponseReturnValue:
    """Tell whether images and jobs can be taken in."""
    reason = _obstacle()
    if reason is not None:
        raise RefusalError("not-ready", reason, retry_after=_RETRY_AFTER_S)
    return json_response({"status": "ready"})


def _obstacle() -> str | None:
    service = current_service()
    if not service.runner.is_alive:
        return "Jobs are not being worked off; the service is stopping."
    try:
        service.store.load()
    except sqlite3.Error:
        return "The list of jobs cannot be read."
    try:
        free = shutil.disk_usage(service.config.spool).free
    except OSError:
        return "The folder of jobs cannot be read."
    if not os.access(service.config.spool, os.W_OK):
        return "The spool cannot be written."
    return "The disk is nearly full." if free < _FREE_BYTES else None
