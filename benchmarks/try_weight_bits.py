"""What integers of 7 and 8 bits do to the embedded model's answers and to its speed.

    python -m benchmarks.try_weight_bits --manifest split.csv --root DATA --every 20

The float weights of the embedded model are not in the repository; those that its integers stand for
take their place here, computed in float32 without any rounding. Ranges are set by training scans,
answers are compared on the split ``val``. Times are processor times of one thread.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray

from tumorscope.data.manifest import read_manifest
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import INPUT
from tumorscope.model.evidence import sigmoid
from tumorscope.model.integer_arithmetic import keep_exact
from tumorscope.recipes.export import RANGE_SCANS
from tumorscope.recipes.model_inputs import load_examples
from tumorscope.training.onnx_graph import quantize


def without_rounding(graph: bytes) -> onnx.ModelProto:
    """Return a quantized graph with float weights and no rounding of activations."""
    model = onnx.load_from_string(graph)
    constants = {one.name: one for one in model.graph.initializer}
    alias: dict[str, str] = {}
    kept = []
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in constants:
            values, step = (onnx.numpy_helper.to_array(constants[n]) for n in node.input[:2])
            step = step.reshape((-1,) + (1,) * (values.ndim - 1)) if step.ndim else step
            name = node.output[0]
            floats = onnx.numpy_helper.from_array((values * step).astype(np.float32), name)
            constants[name] = floats
        elif node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            alias[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    for node in kept:
        node.input[:] = [_unaliased(name, alias) for name in node.input]
    used = {name for node in kept for name in node.input}
    for field, values in (
        (model.graph.node, kept),
        (model.graph.initializer, [one for name, one in constants.items() if name in used]),
        (model.graph.value_info, []),
    ):
        del field[:]
        field.extend(values)
    return model


def _unaliased(name: str, alias: dict[str, str]) -> str:
    while name in alias:
        name = alias[name]
    return name


def answer(graph: bytes, canvases: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
    """Return logits and the median processor time in milliseconds."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 3
    keep_exact(options, graph)
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    logits, times = [], []
    for canvas in canvases:
        started = time.process_time()
        logits.append(session.run(["tumor"], {INPUT: canvas[None]})[0][0])
        times.append(time.process_time() - started)
    return np.array(logits), 1000 * float(np.median(times))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--every", type=int, default=20)
    options = parser.parse_args()
    artifact = read_artifact()
    rows = [
        row for row in read_manifest(options.manifest, root=options.root) if row.tumor is not None
    ]
    preprocessing = artifact.manifest.preprocessing

    def canvases(split: str, count: int | None) -> NDArray[np.uint8]:
        some = [row for row in rows if row.split == split]
        some = some[:: options.every] if count is None else some[:: max(1, len(some) // count)]
        return load_examples(some, options.root, preprocessing)[0].canvases

    ranges, judged = canvases("train", RANGE_SCANS), canvases("val", None)
    floats = without_rounding(artifact.graph)
    graphs = {"float32": floats.SerializeToString(), "as embedded": artifact.graph}
    for bits in (8, 7):
        with tempfile.TemporaryDirectory() as folder:
            integers = quantize(floats, ranges, folder=Path(folder), weight_bits=bits)
        graphs[f"{bits} bits, ReLU rounded in"] = integers.SerializeToString()
    calibration = artifact.manifest.calibration
    report: dict[str, Any] = {"scans": len(judged)}
    expected = None
    for name, graph in graphs.items():
        logits, milliseconds = answer(graph, judged)
        scores = sigmoid(calibration.slope * logits + calibration.intercept)
        expected = scores if expected is None else expected
        apart = np.abs(scores - expected)
        report[name] = {
            "processor_ms": round(milliseconds, 1),
            "difference_mean": round(float(apart.mean()), 4),
            "difference_p99": round(float(np.quantile(apart, 0.99)), 4),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
