"""Which features of ImageNet's VGG16 tell a brain MR image from another picture.

The features of the train split say what is known, the calibration and val splits set the threshold
(99.5th percentile), and then the share rejected is counted: of the pictures of a set that shows no
brains, by kind, and of the left-out hospital.

    python benchmarks/bench_gate_features.py --manifest split.csv --root DATA --weights FILE
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import bootstrap_share
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.recipes.canvases import LoadedRow, load_rows
from tumorscope.training.checkpoint import layer_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.network import build_network
from tumorscope.training.novelty import fit_novelty
from tumorscope.training.onnx_graph import build_graph

PER_SITE = {"train": 150, "calibration": 40, "val": 40, "external": 100, "other": 1000}
ACCEPTED_SHARE = 0.995
BLOCK4 = 512
"""The graph's features are block 4's 512 means, then block 5's."""

Features = NDArray[np.float64]


def main() -> None:
    """Print the shares rejected with each choice of features."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "weights"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--not-brain", default="not_brain_mr")
    options = parser.parse_args()
    chosen = _choose(read_manifest(options.manifest, root=options.root), options.not_brain)
    features, sides, names = _features(chosen, options)
    known = features[sides == "train"]
    for choice, measure in _choices(known).items():
        novelty = measure(features)
        inside = novelty[np.isin(sides, ("calibration", "val"))]
        rejected = novelty > np.quantile(inside, ACCEPTED_SHARE)
        print(choice)
        for name in np.unique(names[names != ""]):
            hits = rejected[names == name]
            one = bootstrap_share(hits, np.arange(len(hits)))
            print(f"  {name}: {one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}], {len(hits)}")


def _choose(rows: list[ManifestRow], not_brain: str) -> list[tuple[str, ManifestRow]]:
    """Take some rows of each side and site."""
    cells: dict[tuple[str, str], list[ManifestRow]] = {}
    for row in rows:
        side = "other" if row.set == not_brain else str(row.split)
        if side in PER_SITE and (side == "other" or row.tumor is not None):
            cells.setdefault((side, row.site or row.set), []).append(row)
    return [
        (side, row)
        for (side, _), cell in cells.items()
        for row in cell[:: max(1, len(cell) // PER_SITE[side])]
    ]


def _features(
    chosen: list[tuple[str, ManifestRow]], options: argparse.Namespace
) -> tuple[Features, NDArray[np.str_], NDArray[np.str_]]:
    preprocessing, config = Preprocessing(), TrainConfig()
    network = build_network(config, size=preprocessing.size, weights=options.weights)
    weights = layer_arrays(network.stem, network.trunk)
    graph = build_graph(weights, size=preprocessing.size, config=config)
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    features, sides, names = [], [], []
    loaded = load_rows([row for _, row in chosen], options.root, preprocessing)
    for (side, row), item in zip(chosen, loaded, strict=True):
        if not isinstance(item, LoadedRow):
            continue
        features.append(session.run(["features"], {"canvas": item.canvas[None]})[0][0])
        sides.append(side)
        is_judged = side in {"other", "external"}
        names.append(str(row.sequence or row.set) if side == "other" else "left-out hospital")
        names[-1] = names[-1] if is_judged else ""
    return np.array(features, np.float64), np.array(sides), np.array(names)


def _choices(known: Features) -> dict[str, Any]:
    both = fit_novelty(known)
    return {
        "block 5": _full(known[:, BLOCK4:], lambda x: x[:, BLOCK4:]),
        "block 4": _full(known[:, :BLOCK4], lambda x: x[:, :BLOCK4]),
        "blocks 4 and 5": _full(known, lambda x: x),
        "blocks 4 and 5, square roots": _full(np.sqrt(known), np.sqrt),
        "the same, 128 components and an even rest": both.measure,
    }


def _full(known: Features, take: Any) -> Any:
    """Return the Mahalanobis distance under the whole shrunk covariance."""
    mean, deviation = known.mean(axis=0), np.maximum(known.std(axis=0), 1e-6)
    precision = np.linalg.inv(ledoit_wolf((known - mean) / deviation, assume_centered=True)[0])

    def measure(features: Features) -> Features:
        scaled = (take(features) - mean) / deviation
        return np.sqrt(np.einsum("ij,jk,ik->i", scaled, precision, scaled))

    return measure


if __name__ == "__main__":
    main()
