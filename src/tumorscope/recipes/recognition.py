"""Artifact and manifest in, the same network that also names sequence and plane out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import onnx
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public_sets import set_named
from tumorscope.evaluation.calibration import fit_temperature
from tumorscope.labels import PLANES, SEQUENCE_NAMES, Split
from tumorscope.model.artifact import Artifact
from tumorscope.model.recognition import RECOGNIZED, Recognition
from tumorscope.recipes.cells import cell_of
from tumorscope.recipes.layouts import layouts, side_of
from tumorscope.recipes.model_inputs import SkippedRow, load_rows
from tumorscope.system.progress import progress
from tumorscope.training.augmentation import Augmentation
from tumorscope.training.lines import Line, fit_line
from tumorscope.training.onnx_graph import add_recognition, without_recognition

MOST_OF_CELL: Final[dict[Split, int]] = {"train": 80, "calibration": 15}
"""Scans of each source, sequence and plane."""

FEWEST_CLASSES: Final = 2

FEWEST_OF_CLASS: Final = 20
"""With fewer scans of a sequence or plane, it is not named."""

CHANGES: Final = Augmentation(inversion_chance=0.0, gamma=(0.75, 1.35), skull_chance=0.3)
"""Of the second copy of each training scan: what makes a T1 of a T2 is not among them."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Rows, and the layouts of their scans, shape (n, d)."""

    rows: list[ManifestRow]
    layouts: NDArray[np.float32]


def with_recognition(artifact: Artifact, rows: Sequence[ManifestRow], root: Path) -> Artifact:
    """Teach a network to name sequence and plane by where its maps are active.

    The lines are fitted on the train split, where every scan is also seen in a changed copy, and
    their temperatures on the calibration split. The artifact is returned as it is where the
    manifest names fewer than two sequences, or fewer than two planes, often enough.

    Parameters
    ----------
    rows
        With splits.
    root
        Folder that the manifest's paths are relative to.
    """
    taken = {split: spread_cells(rows, split, most) for split, most in MOST_OF_CELL.items()}
    classes = {name: classes_of(taken["train"], name) for name in RECOGNIZED}
    if min(map(len, classes.values())) < FEWEST_CLASSES:
        return artifact
    graph = without_recognition(onnx.load_from_string(artifact.graph)).SerializeToString()
    digest = hashlib.sha256(graph).hexdigest()
    bare = replace(artifact.manifest, recognition=None, graph_sha256=digest)
    train = see(taken["train"], root, Artifact(bare, graph), changed=True)
    calibration = see(taken["calibration"], root, Artifact(bare, graph))
    lines = {name: fit_lines(name, of, train, calibration) for name, of in classes.items()}
    side = side_of(bare.preprocessing)
    content = add_recognition(onnx.load_from_string(graph), lines, side=side).SerializeToString()
    manifest = replace(
        bare,
        recognition=Recognition.from_dict(classes),
        graph_sha256=hashlib.sha256(content).hexdigest(),
    )
    return Artifact(manifest, content)


def spread_cells(rows: Sequence[ManifestRow], split: Split, most: int) -> list[ManifestRow]:
    """Take rows of a split whose sequence or plane is known, evenly within each cell."""
    cells: dict[str, list[ManifestRow]] = {}
    for row in rows:
        is_known = row.sequence is not None or row.plane is not None
        if row.split == split and is_known and set_named(row.set).has_brains:
            cells.setdefault(cell_of(row), []).append(row)
    return [row for cell in cells.values() for row in cell[:: max(1, len(cell) // most)][:most]]


def see(
    rows: Sequence[ManifestRow], root: Path, artifact: Artifact, *, changed: bool = False
) -> Seen:
    """Return the layouts of scans; with ``changed``, of a changed copy of each as well."""
    kept: list[ManifestRow] = []
    canvases: list[NDArray[np.uint8]] = []
    loaded = load_rows(rows, root, artifact.manifest.preprocessing)
    for index, item in enumerate(progress(loaded, total=len(rows), what="reading")):
        if isinstance(item, SkippedRow):
            continue
        copies = [item.canvas]
        if changed:
            copies.append(CHANGES.apply(item.canvas, None, np.random.default_rng(index))[0])
        kept += [item.row] * len(copies)
        canvases += copies
    if not kept:
        return Seen([], np.zeros((0, 0), np.float32))
    return Seen(kept, layouts(artifact, np.stack(canvases), what="sequence and plane"))


def fit_lines(name: str, classes: Sequence[str], train: Seen, calibration: Seen) -> Line:
    """Fit the line of one output, and its temperature where calibration scans are there."""
    found = labels_of(train.rows, name, classes)
    known = found >= 0
    line = fit_line(
        train.layouts[known],
        found[known],
        _weights([row for row, is_known in zip(train.rows, known, strict=True) if is_known], name),
        count=len(classes),
    )
    labels = labels_of(calibration.rows, name, classes)
    judged = labels >= 0
    if judged.sum() < FEWEST_OF_CLASS:
        return line
    logits = line.logits(calibration.layouts[judged])
    return line.cooled(fit_temperature(logits, labels[judged]))


def _value(row: ManifestRow, name: str) -> str | None:
    """Return what is to be recognized in a row: its plane, or its sequence in an answer's words."""
    if name == "plane" or row.sequence is None:
        return row.plane if name == "plane" else None
    return row.sequence if row.sequence in SEQUENCE_NAMES else "other"


def classes_of(rows: Sequence[ManifestRow], name: str) -> list[str]:
    """Return the sequences or planes that occur often enough to be named, in their order."""
    counts = Counter(_value(row, name) for row in rows)
    order: tuple[str, ...] = SEQUENCE_NAMES if name == "sequence" else PLANES
    return [one for one in order if counts[one] >= FEWEST_OF_CLASS]


def labels_of(rows: Sequence[ManifestRow], name: str, classes: Sequence[str]) -> NDArray[np.intp]:
    """Return the class of each row, -1 where it is unknown or rare."""
    places = {one: place for place, one in enumerate(classes)}
    return np.array([places.get(_value(row, name) or "", -1) for row in rows], np.intp)


def _weights(rows: Sequence[ManifestRow], name: str) -> NDArray[np.float64]:
    """Weigh rows so that each class counts the same, and within it each source by its root."""
    sources = Counter((_value(row, name), row.set) for row in rows)
    weights = np.array([sources[_value(row, name), row.set] ** -0.5 for row in rows])
    values = np.array([_value(row, name) for row in rows])
    for value in np.unique(values):
        weights[values == value] /= weights[values == value].sum()
    return weights
