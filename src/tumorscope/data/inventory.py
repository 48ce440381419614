"""What every file of a manifest is, and what looks wrong with it: findings, never deletions.

Each issue has a score from 0 (as bad as can be) to 1 (nothing wrong) that is measured, and a
verdict that follows from a threshold of :class:`InventoryThresholds`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.data.descriptors import is_blank
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_pictures
from tumorscope.errors import ImageError, ManifestError
from tumorscope.imaging.formats.table import GZIP_MAGIC, MAGIC_BYTES, recognize
from tumorscope.imaging.inputs.gzipped import format_inside

ISSUES: Final = ("unreadable", "blank", "low_contrast", "odd_aspect", "clipped")
"""Names of the issues; each has the columns ``<issue>_score`` and ``is_<issue>_issue``."""

INVENTORY_COLUMNS: Final = (
    *("set", "site", "path", "slice_index", "plane", "tumor", "type", "sequence"),
    *("format", "rows", "columns", "bit_depth", "error"),
    *(name for issue in ISSUES for name in (f"{issue}_score", f"is_{issue}_issue")),
)
"""Order of the columns in a written inventory."""

COUNTED: Final = ("set", "tumor", "type", "sequence", "plane", "format")
"""Columns whose values a summary counts."""

_BITS: Final[Mapping[str, int]] = {"1": 1, "I;16": 16, "I;16B": 16, "I": 32, "F": 32}


@dataclass(frozen=True, slots=True)
class InventoryThresholds:
    """Scores below which a picture has an issue.

    Attributes
    ----------
    unreadable, blank
        The score is 0 or 1, so any threshold between them gives one answer.
    low_contrast
        Spread from the 1st to the 99th percentile over the file's range of values; a scan
        with less than a tenth shows hardly anything on a screen.
    odd_aspect
        Shorter over longer side. A head is about 0.75 from any direction; half of a square is
        a strip, a page or a screen.
    clipped
        Share of the pixels that are not at the brightest value; the skull and fat of an ordinary
        scan saturate less than 5 %.
    """

    unreadable: float = 0.5
    blank: float = 0.5
    low_contrast: float = 0.1
    odd_aspect: float = 0.5
    clipped: float = 0.95


def take_inventory(
    rows: Iterable[ManifestRow], root: Path, *, thresholds: InventoryThresholds | None = None
) -> Iterator[dict[str, Any]]:
    """Look at every picture; one that cannot be read is a finding.

    Yields
    ------
    dict
        One a row, with the keys of :data:`INVENTORY_COLUMNS`. Scores of what could not be
        measured are ``None``.
    """
    thresholds = thresholds or InventoryThresholds()
    for row in rows:
        yield _inspect(row, root, thresholds)


def count_findings(findings: Sequence[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """Count the values of the columns in :data:`COUNTED`, and the issues under ``issue``."""
    counts = {column: Counter(_word(finding[column]) for finding in findings) for column in COUNTED}
    counts["issue"] = Counter(
        {issue: sum(finding[f"is_{issue}_issue"] for finding in findings) for issue in ISSUES}
    )
    return counts


def _inspect(row: ManifestRow, root: Path, thresholds: InventoryThresholds) -> dict[str, Any]:
    finding: dict[str, Any] = {column: getattr(row, column, None) for column in INVENTORY_COLUMNS}
    scores: dict[str, float] = {"unreadable": 0.0}
    try:
        pixels = next(read_pictures([row], root))
        finding["format"], finding["bit_depth"] = _format_of(root / row.path)
        finding["rows"], finding["columns"] = pixels.shape
        scores = _score(pixels, finding["bit_depth"])
    except (ImageError, ManifestError, OSError) as error:
        finding["error"] = str(error)
    for issue in ISSUES:
        score = scores.get(issue)
        finding[f"{issue}_score"] = None if score is None else round(score, 4)
        finding[f"is_{issue}_issue"] = score is not None and score < getattr(thresholds, issue)
    return finding


def _format_of(path: Path) -> tuple[str, int | None]:
    with path.open("rb") as stream:
        head = stream.read(MAGIC_BYTES)
    found = format_inside(head) if head.startswith(GZIP_MAGIC) else recognize(head)
    if found is None or found.kind != "picture":
        return "unknown" if found is None else found.name, None
    with Image.open(path) as picture:
        return str(picture.format), _BITS.get(picture.mode, 8)


def _score(pixels: NDArray[np.float32], bit_depth: int | None) -> dict[str, float]:
    rows, columns = pixels.shape
    seen = {"unreadable": 1.0, "odd_aspect": min(rows, columns) / max(rows, columns)}
    if is_blank(pixels):
        return {**seen, "blank": 0.0}
    largest = float(pixels.max())
    low, high = np.percentile(pixels, (1, 99))
    full = float(2**bit_depth - 1) if bit_depth in (8, 16) else max(largest, 1e-9)
    return {
        **seen,
        "blank": 1.0,
        "low_contrast": float(np.clip((high - low) / full, 0, 1)),
        "clipped": float((pixels < largest).mean()),
    }


def _word(value: object) -> str:
    return "(unknown)" if value is None else str(value)
