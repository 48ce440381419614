"""The table: its columns, and one answer as a row of it (docs/reference/batch.md)."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import pyarrow as pa

from tumorscope.answer import Failure, ModelIdentity, Prediction
from tumorscope.labels import CLASSES, NOTICE, TUMOR_TYPES

SCHEMA_VERSION: Final = 2

_TEXTS: Final = pa.list_(pa.string())
_PLACES: Final = (
    "peak_row",
    "peak_column",
    "box_row0",
    "box_column0",
    "box_row1",
    "box_column1",
)

SCHEMA: Final = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("content_sha256", pa.string()),
        pa.field("slice_index", pa.int32()),
        pa.field("sop_instance_uid", pa.string()),
        pa.field("series_uid", pa.string()),
        pa.field("position_mm", pa.float64()),
        pa.field("outcome", pa.string()),
        pa.field("operating_point", pa.string()),
        pa.field("threshold", pa.float64()),
        *(pa.field(f"probability_{name}", pa.float64()) for name in (*CLASSES, *TUMOR_TYPES)),
        pa.field("prediction_set", _TEXTS),
        pa.field("reasons", _TEXTS),
        *(pa.field(name, pa.int32()) for name in _PLACES),
        pa.field("error_type", pa.string()),
        pa.field("error_title", pa.string()),
        pa.field("error_detail", pa.string()),
        pa.field("model_id", pa.string(), nullable=False),
        pa.field("model_version", pa.string(), nullable=False),
        pa.field("model_sha256", pa.string(), nullable=False),
        pa.field("notice", pa.string(), nullable=False),
        pa.field("notes", _TEXTS),
    ]
)


def to_row(
    answer: Prediction | Failure, *, content_sha256: str | None, model: ModelIdentity
) -> dict[str, Any]:
    """Return one row; columns that are left out are null."""
    row: dict[str, Any] = {
        "row_id": row_id(content_sha256, answer.source, answer.slice_index),
        "source": answer.source,
        "content_sha256": content_sha256,
        "slice_index": answer.slice_index,
        "model_id": model.id,
        "model_version": model.version,
        "model_sha256": model.sha256,
        "notice": NOTICE,
    }
    if isinstance(answer, Failure):
        error = answer.error
        told = {"error_type": error.type, "error_title": error.title, "error_detail": error.detail}
        return row | {"kind": "error"} | told
    return row | {"kind": "image"} | _answered(answer)


def row_id(content_sha256: str | None, source: str, slice_index: int | None) -> str:
    """Name a row by what it is of: 128 bits in hexadecimal, the same in every run.

    The first half of the SHA-256 of content hash, source and slice, with NUL between them.
    """
    key = "\0".join((content_sha256 or "", source, "" if slice_index is None else str(slice_index)))
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]


def _answered(answer: Prediction) -> dict[str, Any]:
    probabilities = {**(answer.probabilities or {}), **(answer.type_probabilities or {})}
    where = answer.localization
    return {
        "sop_instance_uid": answer.sop_instance_uid,
        "series_uid": answer.series_uid,
        "position_mm": answer.position_mm,
        "outcome": answer.outcome,
        "operating_point": answer.operating_point.name,
        "threshold": answer.operating_point.threshold,
        "prediction_set": list(answer.prediction_set),
        "reasons": list(answer.reasons),
        "notes": list(answer.notes),
        **{f"probability_{name}": value for name, value in probabilities.items()},
        **({} if where is None else dict(zip(_PLACES, (*where.peak, *where.box), strict=True))),
    }
