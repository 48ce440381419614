"""Whether the evidence map hangs on what was learned, and the answer on the evidence.

    python -m benchmarks.bench_evidence --manifest split.csv --root DATA --split test --every 8

Two sanity tests on scans of the split that are called tumor:

- Weight randomization (Adebayo et al., NeurIPS 2018): the weights of the layers are shuffled, from
  the answer down, one stage after another. A map that shows the network and not the picture must
  lose its likeness: Spearman's rank correlation with the map as it was.
- Deletion: the strongest cells of the map are blanked to the grey of their surroundings, and as
  many cells of the same shape elsewhere in the head. The first must move the answer, the second
  must not. ``--record`` puts into ``docs/results/held_out.json``, as ``evidence/``, how often the
  answer falls below the threshold.

The first takes seven passes of each scan, the second three; ``--deletion`` leaves the first out.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnxruntime
from benchmarks.estimate_cell import estimate_cell
from benchmarks.record import check_training, command_line, record_figures
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import spearmanr

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap_mean, bootstrap_share
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import INPUT, Classifier
from tumorscope.recipes.model_inputs import load_examples

STAGES: Final = ("head", "block5", "block4", "block3", "block2", "block1")
AREA: Final = 0.05
"""Share of the cells that is blanked."""

HEAD_GREY: Final = 20
TRIES: Final = 50

Map = NDArray[np.float32]


PLACES: Final = {
    "strongest blanked": "strongest evidence",
    "elsewhere blanked": "same shape elsewhere",
}
"""What is blanked, by the figure of the documents."""


@dataclass(frozen=True, slots=True)
class Called:
    """Scans that are called tumor.

    Attributes
    ----------
    canvases
        Shape (n, size, size), uint8.
    scores
        Shape (n,), calibrated probabilities.
    maps
        Shape (n, cells, cells), evidence logits.
    groups
        Shape (n,).
    """

    canvases: NDArray[np.uint8]
    scores: NDArray[np.float64]
    maps: Map
    groups: NDArray[np.str_]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=8)
    parser.add_argument("--deletion", action="store_true", help="without shuffling weights")
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    if options.record and options.split != "test":
        parser.error("figures of the documents are of the split test")
    artifact = read_artifact(options.model)
    classifier = Classifier(artifact)
    everything = read_manifest(options.manifest, root=options.root)
    if options.record:
        check_training(everything, classifier)
    rows = [row for row in everything if row.split == options.split and row.tumor == 1]
    rows = rows[:: options.every]
    called = _called(rows, options.root, classifier)
    if not options.deletion:
        _randomize(artifact.graph, called.canvases, called.groups)
    figures = report(classifier.threshold, *_delete(classifier, called))
    if options.record:
        record_figures(
            "evidence/",
            figures,
            command=command_line("benchmarks.bench_evidence"),
            rows=rows,
            model_sha256=classifier.identity.sha256,
        )


def _called(rows: Sequence[ManifestRow], root: Path, classifier: Classifier) -> Called:
    examples, _ = load_examples(rows, root, classifier.manifest.preprocessing)
    group_of = {row.name: row.group_id or row.name for row in rows}
    groups = np.array([group_of[name] for name in examples.keys.tolist()])
    answers = [classifier.run(canvas[None])[:2] for canvas in examples.canvases]
    scores = classifier.calibrate(np.concatenate([logits for logits, _ in answers]))
    maps = np.concatenate([evidence for _, evidence in answers])
    called = scores >= classifier.threshold
    print(f"{called.sum()} of {len(called)} scans with tumor are called tumor")
    return Called(examples.canvases[called], scores[called], maps[called], groups[called])


def _randomize(graph: bytes, canvases: NDArray[np.uint8], groups: NDArray[np.str_]) -> None:
    from benchmarks.try_weight_bits import without_rounding  # brings TensorFlow along

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


def _delete(
    classifier: Classifier, called: Called
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
    """Blank the evidence, and as much elsewhere, where there is room for it.

    Returns
    -------
    before, after, groups
        Probabilities, shape (n,) and (n, 2), the latter in the order of :data:`PLACES`, and the
        groups, shape (n,).
    """
    rng = np.random.default_rng(0)
    kept, after = [], []
    for place, (canvas, evidence) in enumerate(zip(called.canvases, called.maps, strict=True)):
        regions = _regions(evidence, canvas, rng)
        if regions is not None:
            kept.append(place)
            after.append([_score(classifier, _blank(canvas, one)) for one in regions])
    return called.scores[kept], np.array(after).reshape(-1, len(PLACES)), called.groups[kept]


def report(
    threshold: float,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    groups: NDArray[np.str_],
) -> dict[str, Estimate]:
    """Print a table of the deletion; return how often the answer falls below the threshold.

    Parameters
    ----------
    before, after, groups
        As of the deletion: probabilities, shape (n,) and (n, 2), and groups, shape (n,).
    """
    print("| blanked | probability falls by | falls below the threshold |\n|---|---|---|")
    figures = {}
    for (figure, name), left in zip(PLACES.items(), after.T, strict=True):
        fall = bootstrap_mean(before - left, groups)
        figures[figure] = bootstrap_share((left < threshold).astype(float), groups)
        print(f"| {name} | {estimate_cell(fall)} | {estimate_cell(figures[figure])} |")
    return figures


def _regions(
    evidence: Map, canvas: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Return where the evidence is strongest and the same shape elsewhere in the head."""
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
