"""Two models on the same scans: each set's AUROC of both, and the difference with its interval.

    python -m benchmarks.compare_models --manifest split.csv --root DATA --split test \
        --model one.tumorscope --other other.tumorscope

The difference is taken on the same resamples of whole groups, so what makes a group easy or hard
for both does not widen its interval. Without ``--other`` the other is the embedded model.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.print_difference import print_difference
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.statistic import roc_auc, share
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.model_inputs import SkippedRow, load_rows, type_index

Answers = tuple[NDArray[np.float64], NDArray[np.bool_]]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "model"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--other", type=Path)
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.tumor is not None and row.split == options.split
    ]
    models = [load_model(path) for path in (options.model, options.other)]
    kept, answers = _answer(rows, options.root, models)
    print(f"{len(kept)} images; one: {models[0].identity.sha256[:8]}, ", end="")
    print(f"other: {models[1].identity.sha256[:8]}")
    print("| | metric | images; groups | one | other | one less other |\n|---|---|---|---|---|---|")
    everything = np.ones(len(kept), np.bool_)
    names = sorted({row.set for row in kept})
    parts = {"all": everything} | {
        name: np.array([row.set == name for row in kept]) for name in names
    }
    for name, of_part in parts.items():
        _report(name, kept, answers, of_part)


def _answer(
    rows: Sequence[ManifestRow], root: Path, models: Sequence[Classifier]
) -> tuple[list[ManifestRow], list[Answers]]:
    """Ask both for probabilities, and whether the type is right."""
    preprocessing = models[0].manifest.preprocessing
    if models[1].manifest.preprocessing != preprocessing:
        raise SystemExit("The two models prepare scans differently; compare their reports.")
    kept: list[ManifestRow] = []
    scores: list[list[float]] = [[], []]
    types: list[list[bool]] = [[], []]
    for item in load_rows(rows, root, preprocessing):
        if isinstance(item, SkippedRow):
            print(f"left out: {item.name}: {item.reason}")
            continue
        kept.append(item.row)
        for at, model in enumerate(models):
            logits, _, of_types, *_ = model.run(item.canvas[None])
            scores[at].append(float(model.calibrate(logits)[0]))
            types[at].append(int(of_types[0].argmax()) == type_index(item.row))
    return kept, [(np.array(one), np.array(two)) for one, two in zip(scores, types, strict=True)]


def _report(
    name: str, rows: Sequence[ManifestRow], answers: Sequence[Answers], chosen: NDArray[np.bool_]
) -> None:
    kept = [row for row, is_chosen in zip(rows, chosen, strict=True) if is_chosen]
    groups = np.array([row.group_id for row in kept])
    tumor = np.array([row.tumor for row in kept])
    typed = np.array([type_index(row) >= 0 for row in kept])
    everything = np.ones(len(kept), np.bool_)
    if len(set(tumor)) > 1:
        pair = [roc_auc(tumor, scores[chosen], groups, rows=everything) for scores, _ in answers]
        print_difference(name, "AUROC", pair, groups)
    if typed.any():
        pair = [share(hits[chosen], groups, rows=typed) for _, hits in answers]
        print_difference(name, "type, accuracy", pair, groups)


if __name__ == "__main__":
    main()
