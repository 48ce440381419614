"""Two models on the same scans: how far each is right for the right place.

    python -m benchmarks.compare_places --manifest split.csv --root DATA --split val \
        --model one.tumorscope --other other.tumorscope

Of scans whose tumor is outlined, the evidence is pooled over the cells of the mask and their
neighbors (inside), and over all others (outside), each as the network pools all of it. A model
that tells an archive of tumors by its looks is right with evidence outside. ``right inside`` is the
AUROC of what lies inside, in scans with an outlined tumor, against all of the evidence, in scans
without one. Differences are taken on the same resamples of whole groups. Without ``--other`` the
other is the embedded model.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.print_difference import print_difference
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.statistic import mean, roc_auc, share
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.model_inputs import LoadedRow, SkippedRow, load_rows
from tumorscope.training.config import TrainConfig

Floats = NDArray[np.float64]
SHARPNESS = TrainConfig().pooling_sharpness
NOTHING = -1e3


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "model"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--other", type=Path)
    parser.add_argument("--split", default="val")
    options = parser.parse_args()
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.split == options.split and (row.tumor == 0 or (row.tumor == 1 and row.mask))
    ]
    models = [load_model(path) for path in (options.model, options.other)]
    kept, answers = _answer(rows, options.root, models)
    print(f"{len(kept)} images; one: {models[0].identity.sha256[:8]}, ", end="")
    print(f"other: {models[1].identity.sha256[:8]}")
    print("| | metric | images; groups | one | other | one less other |\n|---|---|---|---|---|---|")
    names = np.array([row.set for row in kept])
    for name in ("all", *sorted(set(names))):
        chosen = np.ones(len(kept), np.bool_) if name == "all" else names == name
        _report(
            name, [row for row, is_in in zip(kept, chosen, strict=True) if is_in], answers, chosen
        )


def _answer(
    rows: Sequence[ManifestRow], root: Path, models: Sequence[Classifier]
) -> tuple[list[ManifestRow], list[Floats]]:
    """Return the scans and, per model, (n, 3): pooled inside, outside, peak in the mask.

    Of scans without tumor all evidence counts as inside and as outside.
    """
    kept: list[ManifestRow] = []
    found: list[list[list[float]]] = [[] for _ in models]
    for item in load_rows(rows, root, models[0].manifest.preprocessing):
        if isinstance(item, SkippedRow):
            print(f"left out: {item.name}: {item.reason}")
            continue
        kept.append(item.row)
        for at, model in enumerate(models):
            evidence = model.run(item.canvas[None])[1][0].astype(np.float64)
            found[at].append(_places(evidence, item, model))
    return kept, [np.array(one) for one in found]


def _places(evidence: Floats, item: LoadedRow, model: Classifier) -> list[float]:
    everything = np.ones(evidence.shape, np.bool_)
    if not item.row.tumor or item.mask is None:
        pooled = _pool(evidence, everything)
        return [pooled, pooled, float("nan")]
    cells, side = len(evidence), model.manifest.preprocessing.size // len(evidence)
    covered = model.manifest.preprocessing.apply_mask(item.mask, item.geometry)
    blocks = covered.reshape(cells, side, cells, side)
    inside = maximum_filter(blocks.max(axis=(1, 3)) > 0, 3)
    row, column = np.unravel_index(int(evidence.argmax()), evidence.shape)
    center = covered[int((row + 0.5) * side), int((column + 0.5) * side)]
    return [_pool(evidence, inside), _pool(evidence, ~inside), float(center > 0.5)]


def _pool(evidence: Floats, chosen: NDArray[np.bool_]) -> float:
    cells = np.where(chosen, evidence, NOTHING).ravel() * SHARPNESS
    return float((np.logaddexp.reduce(cells) - np.log(cells.size)) / SHARPNESS)


def _report(
    name: str, rows: Sequence[ManifestRow], answers: Sequence[Floats], chosen: NDArray[np.bool_]
) -> None:
    groups = np.array([row.group_id for row in rows])
    tumor = np.array([row.tumor for row in rows])
    has_tumor, everything = tumor == 1, np.ones(len(rows), np.bool_)
    parts = [one[chosen] for one in answers]
    if len(set(tumor)) > 1:
        pair = [roc_auc(tumor, one[:, 0], groups, rows=everything) for one in parts]
        print_difference(name, "right inside, AUROC", pair, groups)
    if has_tumor.any():
        pair = [share(one[:, 1] > one[:, 0], groups, rows=has_tumor) for one in parts]
        print_difference(name, "more evidence outside than inside", pair, groups)
        pair = [mean(one[:, 1], rows=has_tumor) for one in parts]
        print_difference(name, "pooled logit outside, mean", pair, groups)
        pair = [share(one[:, 2] == 1, groups, rows=has_tumor) for one in parts]
        print_difference(name, "peak in the mask", pair, groups)


if __name__ == "__main__":
    main()
