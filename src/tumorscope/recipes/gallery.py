"""A page of the scans behind a report: some of each cell, the hardest first.

It is made from the user's own copies and holds them, so it belongs where the scans are kept. No
command publishes it, and a report has it only if it was asked for.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.data.manifest import ManifestRow
from tumorscope.evaluation.document import render_page
from tumorscope.evaluation.evaluation_data import EvaluationData
from tumorscope.imaging.overlay import draw_overlay
from tumorscope.imaging.png import encode_png
from tumorscope.labels import NOTICE
from tumorscope.model.classifier import Classifier
from tumorscope.recipes.model_inputs import LoadedRow, load_rows

CELLS: Final[Mapping[str, tuple[int, str]]] = {
    "Tumors that were missed": (1, "no_tumor"),
    "False alarms": (0, "tumor"),
    "Tumors that were left open": (1, "abstain"),
    "Tumor-free images that were left open": (0, "abstain"),
    "Tumors that were rejected as not a brain MR image": (1, "rejected"),
    "Tumor-free images that were rejected as not a brain MR image": (0, "rejected"),
    "Tumors that were found": (1, "tumor"),
    "Tumor-free images that were called tumor-free": (0, "no_tumor"),
}
"""Truth and outcome of each cell, errors first."""

SIDE: Final = 192
"""Pixels of the longer side: enough to see what it is about, and no copy of the scan."""

OUTLINE: Final = (0, 255, 255)


@dataclass(frozen=True, slots=True)
class Card:
    """One scan of a cell: PNG files in base 64, and what is said below."""

    scan: str
    evidence: str
    lines: Sequence[str]


@dataclass(frozen=True, slots=True)
class Cell:
    """Some scans of a cell, and how many there are."""

    title: str
    count: int
    cards: Sequence[Card]


def make_gallery(
    rows: Sequence[ManifestRow],
    data: EvaluationData,
    root: Path,
    classifier: Classifier,
    *,
    title: str,
    most: int,
) -> str:
    """Return a page of HTML that needs nothing else.

    Parameters
    ----------
    rows
        Those of ``data``, in its order.
    most
        Scans of each cell.
    """
    if data.outcome is None:
        return ""
    cells = []
    for name, (truth, outcome) in CELLS.items():
        of_cell = np.flatnonzero((data.y_true == truth) & (data.outcome == outcome))
        shown = choose(of_cell, data, most=most)
        cards = [_card(int(at), rows[at], data, root, classifier) for at in shown]
        cells.append(Cell(name, len(of_cell), [card for card in cards if card is not None]))
    return render_page(
        "tumorscope.evaluation", "gallery.html", title=title, notice=NOTICE, cells=cells
    )


def choose(of_cell: NDArray[np.intp], data: EvaluationData, *, most: int) -> list[int]:
    """Return the hardest of each group, then the hardest of the rest.

    Slices of one patient are nearly alike; a page of them would show one error many times.
    """
    wrong = np.abs(data.y_true - data.y_score)
    order = sorted(of_cell.tolist(), key=lambda at: (-wrong[at], at))
    first: dict[str, int] = {}
    for at in order:
        first.setdefault(str(data.groups[at]), at)
    leading = set(first.values())
    return [*first.values(), *(at for at in order if at not in leading)][:most]


def _card(
    at: int, row: ManifestRow, data: EvaluationData, root: Path, classifier: Classifier
) -> Card | None:
    item = next(iter(load_rows([row], root, classifier.manifest.preprocessing)))
    if not isinstance(item, LoadedRow):
        return None  # it was there when it was measured
    evidence = classifier.run(item.canvas[None])[1][0]
    on_image = classifier.evidence_on_image(evidence, item.geometry)
    known = (row.set, row.site, row.sequence, row.plane, row.type, row.patient_id)
    return Card(
        scan=_picture(item, np.zeros_like(on_image), with_mask=True),
        evidence=_picture(item, on_image, with_mask=False),
        lines=(
            row.name,
            f"probability of tumor {data.y_score[at]:.3f}",
            ", ".join(str(one) for one in dict.fromkeys(known) if one),
        ),
    )


def _picture(item: LoadedRow, evidence: NDArray[np.float32], *, with_mask: bool) -> str:
    pixels = np.array(draw_overlay(item.pixels, evidence))
    if with_mask and item.mask is not None:
        pixels[_edge(item.mask)] = OUTLINE
    picture = Image.fromarray(pixels)
    picture.thumbnail((SIDE, SIDE))
    return base64.b64encode(encode_png(np.asarray(picture))).decode("ascii")


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the pixels of a mask that have a neighbor outside it."""
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: NDArray[np.bool_] = mask & ~inside
    return edge
