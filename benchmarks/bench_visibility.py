"""Whether a tumor shows on its slice, and what is found of those that do and do not.

    python -m benchmarks.bench_visibility --manifest split.csv --root DATA

A mask drawn on one sequence is the label of all sequences of that slice. Here the grey of each
outlined tumor is compared with that around it, on the canvas that the network sees; a tumor shows
where the two medians lie at least :data:`VISIBLE_CONTRAST` apart. The tumors that show, and those
that do not, each stand against all tumor-free slices of the same sequence. All groups that
took no part in the training: ``val``, ``calibration`` and ``test``. An analysis, not a test.
``--record`` puts the table into ``docs/results/held_out.json`` as ``visibility/``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.estimate_cell import estimate_cell
from benchmarks.record import check_training, command_line, record_figures
from numpy.typing import NDArray
from scipy import ndimage

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap
from tumorscope.evaluation.statistic import roc_auc, share
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.model_inputs import LoadedRow, SkippedRow, load_rows

HELD_OUT = ("val", "calibration", "test")

VISIBLE_CONTRAST = 18.0
"""Grey levels of 255 between the medians of a tumor and of its surroundings: masks drawn on FLAIR
lie on T1, too."""

MARGIN, RING = 3, 7
"""Model-input pixels around a mask that are left out, since masks are drawn tightly, and those
beyond, which a tumor is told from."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a slice and what the model says."""

    row: ManifestRow
    probability: float
    shows: bool


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--set", dest="of_set", default="lgg")
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    model = load_model(options.model)
    everything = read_manifest(options.manifest, root=options.root)
    if options.record:
        check_training(everything, model)
    rows = [
        row
        for row in everything
        if row.set == options.of_set
        and row.split in HELD_OUT
        and (row.tumor == 0 or (row.tumor == 1 and row.mask))
    ]
    figures = report(_answer(rows, options.root, model))
    if options.record:
        record_figures(
            "visibility/",
            figures,
            command=command_line("benchmarks.bench_visibility"),
            rows=rows,
            model_sha256=model.identity.sha256,
        )


def _answer(rows: Sequence[ManifestRow], root: Path, model: Classifier) -> list[Answer]:
    answers = []
    for item in load_rows(rows, root, model.manifest.preprocessing):
        if isinstance(item, SkippedRow):
            print(f"left out: {item.name}: {item.reason}")
            continue
        logits = model.run(item.canvas[None])[0]
        probability = float(model.calibrate(logits)[0])
        answers.append(Answer(item.row, probability, _shows(item, model)))
    return answers


def _shows(item: LoadedRow, model: Classifier) -> bool:
    if item.mask is None:
        return False
    covered = model.manifest.preprocessing.apply_mask(item.mask, item.geometry)
    return contrast(item.canvas, covered > 0.5) >= VISIBLE_CONTRAST


def contrast(canvas: NDArray[np.uint8], tumor: NDArray[np.bool_]) -> float:
    """Return how far the grey of a tumor is from that around it, in levels of 255."""
    around = _widened(tumor, MARGIN + RING) & ~_widened(tumor, MARGIN)
    if not tumor.any() or not around.any():
        return 0.0
    return float(abs(np.median(canvas[tumor]) - np.median(canvas[around])))


def _widened(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    widened: NDArray[np.bool_] = ndimage.distance_transform_edt(~region) <= pixels
    return widened if region.any() else region


def report(answers: Sequence[Answer]) -> dict[str, Estimate]:
    """Print a table; return its cells by their name in the documents."""
    header = ("sequence", "tumors; tumor-free; groups", "tumors that show")
    print(f"| {' | '.join(header)} | AUROC, those that show | AUROC, those that do not |")
    print("|---|---|---|---|---|")
    figures = {}
    for name in ("all", *sorted({one.row.sequence or "unknown" for one in answers})):
        part = [one for one in answers if name in {"all", one.row.sequence or "unknown"}]
        found = _measure(part)
        tumors = sum(one.row.tumor == 1 for one in part)
        counts = f"{tumors}; {len(part) - tumors}; {len({one.row.group_id for one in part})}"
        print(f"| {name} | {counts} | {' | '.join(map(estimate_cell, found.values()))} |")
        figures |= {f"{name}/{metric}": one for metric, one in found.items()}
    return figures


def _measure(answers: Sequence[Answer]) -> dict[str, Estimate]:
    groups = np.array([one.row.group_id for one in answers])
    tumor = np.array([one.row.tumor for one in answers])
    score = np.array([one.probability for one in answers])
    shows = np.array([one.shows for one in answers])
    metrics = {
        "share": share(shows.astype(float), groups, rows=tumor == 1),
        "auroc_visible": roc_auc(tumor, score, groups, rows=(tumor == 0) | shows),
        "auroc_hidden": roc_auc(tumor, score, groups, rows=(tumor == 0) | ~shows),
    }
    return bootstrap(metrics, groups)


if __name__ == "__main__":
    main()
