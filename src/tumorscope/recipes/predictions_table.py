"""The answers by scan, beside the truth and whatever the manifest says of it, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from tumorscope.columns import in_cell
from tumorscope.data.manifest import ManifestRow
from tumorscope.evaluation.evaluation_data import EvaluationData
from tumorscope.labels import TUMOR_TYPES
from tumorscope.recipes.training_scans import Known

_OF_ROW: Final = (
    *("set", "site", "slice_index", "plane", "sequence", "patient_id", "group_id", "split"),
    *("tumor", "type"),
)


def predictions_table(
    rows: Sequence[ManifestRow], data: EvaluationData, known: Known | None
) -> str:
    """Return a CSV with a line per scan, in the order of the rows.

    ``source`` and ``probability_tumor`` are named as in the answers, so that ``data leakage`` reads
    the table; columns that the manifest has beside ours follow.
    """
    others = list(dict.fromkeys(name for row in rows for name in row.extra))
    types = [f"probability_{name}" for name in TUMOR_TYPES]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(
        ["source", *_OF_ROW, "outcome", "probability_tumor", *types, "training_scan", *others]
    )
    for index, row in enumerate(rows):
        outcome = "" if data.outcome is None else data.outcome[index]
        cells: list[Any] = [row.path, *(getattr(row, name) for name in _OF_ROW)]
        cells += [outcome, float(data.y_score[index]), *map(float, data.type_prob[index])]
        cells += [_kind(known, index), *(row.extra.get(name, "") for name in others)]
        writer.writerow([in_cell(cell) for cell in cells])
    return text.getvalue()


def _kind(known: Known | None, index: int) -> str:
    if known is None:
        return ""
    if known.is_copy[index]:
        return "copy"
    return "similar" if known.is_neighbor[index] else "no"
