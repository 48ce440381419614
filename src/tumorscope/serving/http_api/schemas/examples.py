"""Examples, headers and limits for the OpenAPI document; the tests hold them against the shapes."""

from __future__ import annotations

from typing import Any, Final

from tumorscope.imaging.formats.table import why_unread
from tumorscope.imaging.limits import MEBIBYTE
from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.base.config import ServerConfig, service_limits
from tumorscope.serving.http_api.base.problems import KINDS, RefusalError, problem_body

_ID: Final = "5b9ff0b4-2f0e-4ed6-9a4a-0d3c8f7f1a11"
_JOB: Final = "qJ3m0c1Zr8yT5vXw2LkPfA9d"
_RETRY_AFTER_S: Final = 4
_MODEL: Final = {"id": "vgg16-stem", "version": "2026.1", "sha256": "6f" * 32}
_POINT: Final = {"name": "balanced", "threshold": 0.61}
_IMAGE: Final[dict[str, Any]] = {
    "kind": "image",
    "source": "scan.dcm",
    "slice_index": None,
    "sop_instance_uid": "1.2.826.0.1.3680043.8.498.1",
    "series_instance_uid": "1.2.826.0.1.3680043.8.498.2",
    "study_instance_uid": "1.2.826.0.1.3680043.8.498.3",
    "outcome": "tumor",
    "probabilities": {"tumor": 0.973, "no_tumor": 0.027},
    "type_probabilities": {"glioma": 0.91, "meningioma": 0.06, "pituitary": 0.03},
    "prediction_set": ["tumor"],
    "reasons": [],
    "operating_point": _POINT,
    "sequence": {"name": "T1+C", "probability": 0.98, "from": "header"},
    "plane": "axial",
    "localization": {"peak": [88, 131], "box": [70, 112, 109, 150]},
    "notes": [],
    "model": _MODEL,
    "notice": NOTICE,
}
_SERIES: Final[dict[str, Any]] = {
    "kind": "series",
    "source": "volume.nii.gz",
    "series_instance_uid": None,
    "study_instance_uid": None,
    "series_description": None,
    "outcome": "tumor",
    "probabilities": {"tumor": 0.948, "no_tumor": 0.052},
    "type_probabilities": {"glioma": 0.88, "meningioma": 0.08, "pituitary": 0.04},
    "prediction_set": ["tumor"],
    "reasons": [],
    "operating_point": _POINT,
    "sequence": {"name": "FLAIR", "probability": 0.94, "from": "pixels"},
    "plane": "axial",
    "slices": 1,
    "failed_slices": 0,
    "most_suspicious": [
        {
            "source": "volume.nii.gz",
            "slice_index": 0,
            "sop_instance_uid": None,
            "probability": 0.973,
        }
    ],
    "volumes": [],
    "notes": [],
    "model": _MODEL,
    "notice": NOTICE,
}
_SLICE: Final = _IMAGE | {
    "source": "volume.nii.gz",
    "slice_index": 0,
    "sop_instance_uid": None,
    "series_instance_uid": None,
    "study_instance_uid": None,
}
_FAILED: Final = {
    "kind": "error",
    "source": "notes.txt",
    "error": {
        "type": "unsupported-format",
        "title": "The file is not in a format that tumorscope reads.",
        "detail": why_unread(b"Notes of the ward", "notes.txt"),
    },
    "slice_index": None,
    "notice": NOTICE,
}
_SUMMARY: Final[dict[str, Any]] = {
    "id": _JOB,
    "state": "finished",
    "created": "2026-03-02T09:30:00.000+00:00",
    "expires": "2026-03-02T10:30:04.000+00:00",
    "operating_point": "balanced",
    "hold": 0,
    "progress": {"files": 1, "files_done": 1, "slices_done": 1, "failed": 0},
}
_VIEW: Final = {
    "index": 0,
    "series": 0,
    "rows": 256,
    "columns": 256,
    "spacing_mm": [0.9, 0.9],
    "position_mm": 12.0,
    "plane": "axial",
    "study_instance_uid": None,
    "series_description": None,
    "sides": ["R", "A"],
    "value_range": [0.0, 4095.0],
    "window": [12.0, 1804.0],
    "image": None,
    "evidence": None,
}
_EMPTY: Final = {"predictions": [], "slices": [], "next": 0, "notice": NOTICE}
_QUEUED: Final = (
    _SUMMARY
    | _EMPTY
    | {
        "state": "queued",
        "expires": None,
        "progress": {"files": None, "files_done": 0, "slices_done": 0, "failed": 0},
    }
)


def _mebibytes(size: int) -> str:
    return f"{size // MEBIBYTE:,} MiB"


def _limits() -> dict[str, str]:
    config, more = ServerConfig(), "``limits`` of ``GET /api/v1/model`` says what holds here."
    return {
        "createPredictions": (
            f"Unless the service was told otherwise: {_mebibytes(config.max_upload_bytes)}, "
            f"{config.max_upload_files} files, {config.max_slices} slices. {more}"
        ),
        "createJob": (
            f"Unless the service was told otherwise: {_mebibytes(config.max_job_bytes)}, "
            f"{config.max_job_files:,} files, {config.max_job_slices:,} slices. {more}"
        ),
    }


BODY_LIMITS: Final = _limits()
"""By operation."""

FORM_EXAMPLE: Final = {"file": ["scan.dcm"]}

REQUEST_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Idempotency-Key": {
        "description": "Chosen by the client, new for each job: the same key with the same files "
        "and query gives the same job, and with others is refused. Forgotten with the job.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
    }
}
RESPONSE_HEADERS: Final[dict[str, dict[str, Any]]] = {
    "Location": {
        "description": "Path of the job.",
        "required": True,
        "schema": {"type": "string"},
        "example": f"/api/v1/jobs/{_JOB}",
    },
    "Retry-After": {
        "description": "Seconds after which another try makes sense.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
        "example": _RETRY_AFTER_S,
    },
    "WWW-Authenticate": {
        "description": "How the key is sent.",
        "required": True,
        "schema": {"type": "string"},
        "example": 'Bearer realm="tumorscope"',
    },
    "X-Request-ID": {
        "description": "Finds the request in the log. One that is sent is kept if it is a UUID.",
        "schema": {"type": "string"},
        "example": _ID,
    },
}
EXAMPLES: Final[dict[str, Any]] = {
    "createPredictions": {"predictions": [_IMAGE, _FAILED]},
    "createJob": _QUEUED,
    "getJob": _SUMMARY
    | {"predictions": [_SLICE, _SERIES], "slices": [_VIEW], "next": 2, "notice": NOTICE},
    "listJobs": {"jobs": [_SUMMARY | {"url": f"/api/v1/jobs/{_JOB}"}], "next_cursor": None},
    "getModel": {
        "model": _MODEL,
        "labels": ["tumor", "no_tumor"],
        "tumor_types": ["glioma", "meningioma", "pituitary"],
        "operating_points": {"balanced": 0.61, "rule_in": 0.9, "rule_out": 0.12},
        "default_operating_point": "balanced",
        "preprocessing": {},
        "calibration": {"slope": 1.1, "intercept": -0.2},
        "conformal": {"coverage": 0.95, "tumor": 0.31, "no_tumor": 0.42},
        "input_check": None,
        "card": {},
        "limits": service_limits(ServerConfig()),
        "formats": ["PNG", "DICOM", "NIfTI"],
        "notice": NOTICE,
    },
    "listSamples": {
        "samples": [
            {
                "name": "with-lesion",
                "title": "Made-up slice with a lesion",
                "kind": "image",
                "file_name": "phantom_with_lesion.png",
                "media_type": "image/png",
                "url": "/api/v1/samples/with-lesion",
            }
        ]
    },
    "getHealth": {"status": "ok"},
    "getReadiness": {"status": "ready"},
}
"""Good answers by operation."""


def problem_example(kind: str) -> dict[str, Any]:
    """Return a problem as it is answered."""
    status, title = KINDS[kind]
    wait = _RETRY_AFTER_S if status in (429, 503) else None
    return problem_body(RefusalError(kind, title, retry_after=wait), _ID)
