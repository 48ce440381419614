"""Whether this processor's integers give the answers of floating point, over real scans.

    python -m benchmarks.check_integers --manifest split.csv --root DATA --split test --every 6

Three ways through the same graph: as shipped, with ONNX Runtime's fast integers whatever the
processor, and node by node in float32, which is the reference. Only scans of the given split are
used. The order of the rows is the manifest's; ``--every 6`` takes each sixth.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tumorscope.data.manifest import read_manifest
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import INPUT, Classifier
from tumorscope.model.integer_arithmetic import multiplies_exactly
from tumorscope.recipes.model_inputs import load_examples

OUTPUTS = ["tumor", "novelty"]
Run = Callable[[NDArray[np.uint8]], list[NDArray[np.float32]]]


def open_way(graph: bytes, level: onnxruntime.GraphOptimizationLevel) -> Run:
    """Return a way to run the graph, at one level of optimization and without precautions."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level, options.log_severity_level = level, 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda canvas: session.run(OUTPUTS, {INPUT: canvas[None]})


def compare(canvases: NDArray[np.uint8], model: Path | None) -> dict[str, Any]:
    """Answer all canvases in all ways."""
    artifact = read_artifact(model)
    classifier = Classifier(artifact)
    level = onnxruntime.GraphOptimizationLevel

    def shipped(canvas: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
        logit, _, _, _, *novelty = classifier.run(canvas[None])
        return [logit, *novelty]

    ways: dict[str, Run] = {
        "reference": open_way(artifact.graph, level.ORT_DISABLE_ALL),
        "shipped": shipped,
        "fast": open_way(artifact.graph, level.ORT_ENABLE_ALL),
    }
    answers = {
        name: [_answer(classifier, run(canvas)) for canvas in canvases]
        for name, run in ways.items()
    }
    expected = answers.pop("reference")
    return {name: _difference(expected, given) for name, given in answers.items()}


def _answer(classifier: Classifier, outputs: list[NDArray[np.float32]]) -> tuple[str, float]:
    logit, novelty = outputs
    manifest = classifier.manifest
    probability = float(classifier.calibrate(logit)[0])
    if manifest.input_check is not None and manifest.input_check.rejects(float(novelty[0])):
        return "rejected", probability
    return classifier.rule.decide(probability)[0], probability


def _difference(
    expected: list[tuple[str, float]], given: list[tuple[str, float]]
) -> dict[str, float]:
    pairs = list(zip(expected, given, strict=True))
    apart = np.abs([a[1] - b[1] for a, b in pairs])
    return {
        "scans": len(pairs),
        "same_outcome": round(float(np.mean([a[0] == b[0] for a, b in pairs])), 4),
        "difference_p99": round(float(np.quantile(apart, 0.99)), 4),
        "difference_max": round(float(apart.max()), 4),
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.split == options.split and row.tumor is not None
    ][:: options.every]
    preprocessing = read_artifact(options.model).manifest.preprocessing
    canvases = load_examples(rows, options.root, preprocessing)[0].canvases
    result = {"multiplies_exactly": multiplies_exactly(), **compare(canvases, options.model)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
