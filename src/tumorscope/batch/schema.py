"""The table: its columns, and one answer as a row of it (docs/reference/batch.md)."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import pyarrow as pa

from tumorscope.answer import ErrorAnswer, Failure, ImageAnswer, ModelIdentity, Prediction
from tumorscope.columns import Column, Kind, columns_of, flatten

SCHEMA_VERSION: Final = 5

ANSWER_COLUMNS: Final = columns_of(ImageAnswer, ErrorAnswer)
OWN_COLUMNS: Final = (
    Column(
        "row_id",
        (),
        "text",
        "First 128 bits, in hexadecimal, of the SHA-256 of `content_sha256`, `source` and "
        "`slice_index` joined by NUL: the same in every run on the same files under the same "
        "names.",
    ),
    Column(
        "content_sha256",
        (),
        "text",
        "Of the file or archive member; null if it could not be read.",
    ),
    Column(
        "series_key",
        (),
        "text",
        "The same for all slices of a series: `series_instance_uid`, or what stands in for it in "
        "files without one. The table has no rows for whole series.",
    ),
    Column("position_mm", (), "number", "Along the slice normal; null where unknown."),
)
"""What a row says beside the answer."""

_TYPES: Final[dict[Kind, pa.DataType]] = {
    "text": pa.string(),
    "integer": pa.int32(),
    "number": pa.float64(),
    "list of text": pa.list_(pa.string()),
}
_NEVER_NULL: Final = (
    "row_id",
    "kind",
    "source",
    "model_id",
    "model_version",
    "model_sha256",
    "notice",
)
SCHEMA: Final = pa.schema(
    pa.field(one.name, _TYPES[one.kind], nullable=one.name not in _NEVER_NULL)
    for one in (*ANSWER_COLUMNS, *OWN_COLUMNS)
)


def to_row(
    answer: Prediction | Failure, *, content_sha256: str | None, model: ModelIdentity
) -> dict[str, Any]:
    """Return one row; columns that are left out are null."""
    own: dict[str, Any] = {
        "row_id": row_id(content_sha256, answer.source, answer.slice_index),
        "content_sha256": content_sha256,
    }
    if isinstance(answer, Prediction):
        own |= {
            "series_key": answer.series_key,
            "position_mm": answer.position_mm,
        }
    return flatten(answer.to_dict() | {"model": model.to_dict()}, ANSWER_COLUMNS) | own


def row_id(content_sha256: str | None, source: str, slice_index: int | None) -> str:
    """Name a row by what it is of: 128 bits in hexadecimal, the same in every run.

    The first half of the SHA-256 of content hash, source and slice, with NUL between them.
    """
    key = "\0".join((content_sha256 or "", source, "" if slice_index is None else str(slice_index)))
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]
