"""Whether the evidence map hangs on what was learned, and the answer on the evidence.

    python -m benchmarks.bench_evidence --manifest split.csv --root DATA --split test --every 8

Two sanity tests on scans of the split that are called tumor:

- Weight randomization (Adebayo et al., NeurIPS 2018): the weights of the layers are shuffled, from
  the answer down, one stage after another. A map that shows the network and not the picture must
  lose its likeness: Spearman's rank correlation with the map as it was.
- Deletion: the strongest cells of the map are blanked to the grey of their surroundings, and as
  many cells of the same shape elsewhere in the head. The first must move the answer, the second
  must not.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
from benchmarks.estimate_cell import estimate_cell
from benchmarks.try_weight_bits import without_rounding
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import spearmanr

from tumorscope.data.manifest import read_manifest
from tumorscope.evaluation.intervals import bootstrap_mean, bootstrap_share
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import INPUT, Classifier
from tumorscope.recipes.model_inputs import load_examples

STAGES: Final = ("head", "block5", "block4", "block3", "block2", "block1")
AREA: Final = 0.05
"""Share of the cells that is blanked."""

HEAD_GREY: Final = 20
TRIES: Final = 50

Map = NDArray[np.float32]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=8)
    options = parser.parse_args()
    artifact = read_artifact(options.model)
    classifier = Classifier(artifact)
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.split == options.split and row.tumor == 1
    ][:: options.every]
    examples, _ = load_examples(rows, options.root, artifact.manifest.preprocessing)
    group_of = {row.name: row.group_id for row in rows}
    groups = np.array([group_of[name] for name in examples.keys.tolist()])
    scores = np.array([_score(classifier, canvas) for canvas in examples.canvases])
    called = scores >= classifier.threshold
    canvases, groups = examples.canvases[called], groups[called]
    print(f"{called.sum()} of {len(called)} scans with tumor are called tumor")
    _randomize(artifact.graph, canvases, groups)
    _delete(classifier, canvases, groups)


def _randomize(graph: bytes, canvases: NDArray[np.uint8], groups: NDArray[np.str_]) -> None:
    model = without_rounding(graph)
    before = _maps(model, canvases)
    rng = np.random.default_rng(0)
    print("| weights shuffled in | rank correlation of the map with the one as it was |\n|---|---|")
    for stage in STAGES:
        _shuffle(model, stage, rng)
        after = _maps(model, canvases)
        likeness = [
            spearmanr(one.ravel(), other.ravel()).statistic
            for one, other in zip(before, after, strict=True)
        ]
        # A map without any difference between its cells has no ranks: it is unlike.
        found = bootstrap_mean(np.nan_to_num(np.array(likeness)), groups)
        print(f"| {stage} and above | {estimate_cell(found)} |", flush=True)


def _maps(model: onnx.ModelProto, canvases: NDArray[np.uint8]) -> list[Map]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return [session.run(["evidence"], {INPUT: canvas[None]})[0][0] for canvas in canvases]


def _shuffle(model: onnx.ModelProto, stage: str, rng: np.random.Generator) -> None:
    """Shuffle the weights of a stage's convolutions in place."""
    constants = {one.name: one for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Conv" or _stage(node.name) != stage:
            continue
        tensor = constants[node.input[1]]
        values = onnx.numpy_helper.to_array(tensor)
        shuffled = rng.permutation(values.ravel()).reshape(values.shape)
        tensor.CopyFrom(onnx.numpy_helper.from_array(shuffled, tensor.name))


def _stage(name: str) -> str:
    return next((stage for stage in STAGES if stage in name), "head")


def _delete(classifier: Classifier, canvases: NDArray[np.uint8], groups: NDArray[np.str_]) -> None:
    rng = np.random.default_rng(0)
    kept, drops = [], []
    for row, canvas in enumerate(canvases):
        regions = _regions(classifier, canvas, rng)
        if regions is None:
            continue
        before = _score(classifier, canvas)
        kept.append(row)
        drops.append([(before, _score(classifier, _blank(canvas, one))) for one in regions])
    print("| blanked | probability falls by | falls below the threshold |\n|---|---|---|")
    for place, name in enumerate(("strongest evidence", "same shape elsewhere")):
        pairs = np.array([one[place] for one in drops])
        fall = bootstrap_mean(pairs[:, 0] - pairs[:, 1], groups[kept])
        below = (pairs[:, 1] < classifier.threshold).astype(float)
        share = bootstrap_share(below, groups[kept])
        print(f"| {name} | {estimate_cell(fall)} | {estimate_cell(share)} |")


def _regions(
    classifier: Classifier, canvas: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return where the evidence is strongest and the same shape elsewhere in the head."""
    evidence = classifier.run(canvas[None])[1][0]
    cells = evidence >= np.quantile(evidence, 1 - AREA)
    side = canvas.shape[0] // cells.shape[0]
    strongest = np.kron(cells, np.ones((side, side))) > 0
    head = ndimage.binary_fill_holes(canvas > HEAD_GREY)
    for elsewhere in _moved(strongest, rng):
        if not (elsewhere & strongest).any() and (elsewhere & head).sum() >= 0.9 * elsewhere.sum():
            return strongest, elsewhere
    return None


def _moved(region: NDArray[np.bool_], rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
    for _ in range(TRIES):
        moves = rng.integers(0, region.shape[0], 2)
        yield np.roll(region, (int(moves[0]), int(moves[1])), axis=(0, 1))


def _blank(canvas: NDArray[np.uint8], region: NDArray[np.bool_]) -> NDArray[np.uint8]:
    around = canvas[ndimage.binary_dilation(region, iterations=6) & ~region]
    around = around[around > HEAD_GREY]
    grey = float(np.median(around)) if around.size else 0.0
    soft = ndimage.gaussian_filter(region.astype(np.float32), 2)
    soft = np.maximum(soft, region)
    return np.rint(soft * grey + (1 - soft) * canvas).astype(np.uint8)


def _score(classifier: Classifier, canvas: NDArray[np.uint8]) -> float:
    return float(classifier.calibrate(classifier.run(canvas[None])[0])[0])


if __name__ == "__main__":
    main()
