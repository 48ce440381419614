"""The same scans through every runtime and instruction set that this machine can be limited to.

    python -m benchmarks.bench_same_answer --manifest split.csv --root DATA --output same_answer \
        --every 4 --engines onnxruntime onnxruntime-float qemu-Nehalem

Each engine is a process of its own, which writes ``answers-ENGINE.csv`` into the output folder, a
line a scan, and goes on after its last line when the command is given again. Then every engine is
compared with ``onnxruntime``, the package as shipped, on the scans that both have answered:
``differences.csv`` has the scans whose outcome differs, and a table is printed.

==================== =========================================================================
onnxruntime          as shipped, with the instructions of this machine
onnxruntime-fast     without the setting that keeps 8-bit sums from saturating
onnxruntime-float    graph optimizations off: each integer layer is computed in float32
openvino             OpenVINO as ``TUMORSCOPE_RUNTIME=openvino`` runs it, if it would saturate too
openvino-f32         with its hint for float32
openvino-SSE41 ...   with ONEDNN_MAX_CPU_ISA, which limits oneDNN's part of OpenVINO
qemu-CPU             onnxruntime on an emulated processor (``qemu-x86_64 -cpu CPU``)
exact                the graph in exact integers and float64; seconds an image
==================== =========================================================================
"""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from benchmarks.processor import processor
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.model.classifier import INPUT, NOVELTY, Classifier, load_model
from tumorscope.recipes.model_inputs import LoadedRow, load_rows

BASE: Final = "onnxruntime"
LEVELS: Final = ("SSE41", "AVX", "AVX2", "AVX512_CORE", "AVX512_CORE_VNNI", "AVX512_CORE_AMX")
PLAIN: Final = (BASE, "onnxruntime-fast", "onnxruntime-float", "openvino", "openvino-f32", "exact")
COLUMNS: Final = ("name", "outcome", "probability", "novelty")

Run = Callable[[NDArray[np.uint8]], tuple[float, float]]
"""Canvases (1, size, size) to tumor logit and novelty."""


def main() -> None:
    """Answer and compare; or, as a worker, answer."""
    options = _options()
    if options.worker:
        _work(options.worker, options)
        return
    options.output.mkdir(parents=True, exist_ok=True)
    for engine in options.engines:
        started = time.perf_counter()
        code = subprocess.run(_command(engine), env=_environment(engine), check=False).returncode
        took = time.perf_counter() - started
        note = "" if code == 0 else f", ended with code {code}"
        print(f"{engine}: {took:.0f} s{note}", file=sys.stderr, flush=True)
    _compare(options.output)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in ("manifest", "root", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=1, help="answer every n-th scan")
    parser.add_argument("--engines", nargs="*", default=list(PLAIN[:-1]))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def _command(engine: str) -> list[str]:
    command = [sys.executable, "-m", "benchmarks.bench_same_answer", *sys.argv[1:]]
    command += ["--worker", engine]
    return ["qemu-x86_64", "-cpu", engine[5:], *command] if engine.startswith("qemu-") else command


def _environment(engine: str) -> dict[str, str]:
    environment = dict(os.environ)
    runtime, _, level = engine.partition("-")
    environment["TUMORSCOPE_RUNTIME"] = "openvino" if runtime == "openvino" else "onnxruntime"
    if runtime == "openvino" and level in LEVELS:
        environment["ONEDNN_MAX_CPU_ISA"] = level
    return environment


def _work(engine: str, options: argparse.Namespace) -> None:
    path = options.output / f"answers-{engine}.csv"
    done = {row["name"] for row in _read(path)}
    classifier, run = _open(engine, options.model)
    rows = [row for row in _rows(options) if row.name not in done]
    print(f"{engine}: {len(rows)} scans; {processor()}", file=sys.stderr, flush=True)
    with path.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        if not done:
            writer.writerow(COLUMNS)
        for item in load_rows(rows, options.root, classifier.manifest.preprocessing):
            if isinstance(item, LoadedRow):
                writer.writerow([item.row.name, *_answer(classifier, run, item.canvas)])
                stream.flush()


def _rows(options: argparse.Namespace) -> list[ManifestRow]:
    rows = read_manifest(options.manifest, root=options.root)
    labeled = [row for row in rows if row.split == options.split and row.tumor is not None]
    return labeled[:: options.every]


def _answer(classifier: Classifier, run: Run, canvas: NDArray[np.uint8]) -> tuple[str, str, str]:
    logit, novelty = run(canvas[None])
    probability = float(classifier.calibrate(np.array([logit]))[0])
    outcome, _, _ = classifier.rule.decide(probability)
    check = classifier.manifest.input_check
    is_rejected = check is not None and check.rejects(novelty)
    return "rejected" if is_rejected else outcome, repr(probability), repr(novelty)


def _open(engine: str, model: Path | None) -> tuple[Classifier, Run]:
    from tumorscope.model import classifier as module
    from tumorscope.model import openvino_session
    from tumorscope.model.artifact import read_artifact

    artifact = read_artifact(model)
    outputs = ["tumor", NOVELTY] if artifact.manifest.input_check is not None else ["tumor"]
    # What would saturate is refused otherwise; here it is to be seen.
    openvino_session.multiplies_exactly = lambda *_: True
    if engine == "onnxruntime-fast":
        module.keep_exact = lambda *_: None
    classifier = load_model(model)
    session: Any = classifier._session
    if engine == "onnxruntime-float":
        session = _float_session(artifact.graph)
    elif engine == "exact":
        from benchmarks.exact_graph import open_exact

        session = open_exact(artifact.graph)
    elif engine == "openvino-f32":
        session = _float_openvino(artifact.graph)
    if engine.startswith("openvino"):
        _print_kernels(session)

    def run(canvases: NDArray[np.uint8]) -> tuple[float, float]:
        found = [float(np.ravel(one)[0]) for one in session.run(outputs, {INPUT: canvases})]
        return found[0], found[1] if len(found) > 1 else 0.0

    return classifier, run


def _float_session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _float_openvino(graph: bytes) -> Any:
    import openvino

    from tumorscope.model.openvino_session import OpenVinoSession

    compiled = openvino.Core.compile_model

    def compile_model(core: Any, network: Any, device: str, options: dict[str, Any]) -> Any:
        return compiled(core, network, device, options | {"INFERENCE_PRECISION_HINT": "f32"})

    openvino.Core.compile_model = compile_model
    return OpenVinoSession(graph, os.cpu_count() or 1)


def _print_kernels(session: Any) -> None:
    """Say with which instructions OpenVINO computes: that a limit works is seen here."""
    kinds: Counter[str] = Counter()
    for node in session._network.get_runtime_model().get_ordered_ops():
        info = {
            name: str(node.get_rt_info()[name].astype(str))
            for name in ("layerType", "primitiveType")
        }
        if info["layerType"] in ("Convolution", "MatMul", "FullyConnected"):
            kinds[info["primitiveType"]] += 1
    print(f"kernels: {dict(kinds)}", file=sys.stderr, flush=True)


def _compare(folder: Path) -> None:
    answers = {
        path.stem.removeprefix("answers-"): {row["name"]: row for row in _read(path)}
        for path in sorted(folder.glob("answers-*.csv"))
    }
    base = answers.pop(BASE)
    print(f"{processor()}; compared with {BASE} as shipped")
    print("| engine | scans | outcome equal | largest difference of probability | median |")
    print("|---|---|---|---|---|")
    different: list[list[str]] = []
    for engine, found in answers.items():
        names = [name for name in base if name in found]
        if not names:
            continue
        pairs = [(base[name], found[name]) for name in names]
        apart = np.array([abs(_probability(one) - _probability(two)) for one, two in pairs])
        equal = np.array([one["outcome"] == two["outcome"] for one, two in pairs])
        print(
            f"| {engine} | {len(names):,} | {equal.sum():,} ({equal.mean():.4f}) | "
            f"{apart.max():.4f} | {np.median(apart):.1e} |"
        )
        for (one, two), is_equal in zip(pairs, equal, strict=True):
            if not is_equal:
                told = (one["outcome"], two["outcome"], one["probability"], two["probability"])
                different.append([engine, one["name"], *told])
    header = ["engine", "name", f"outcome_{BASE}", "outcome", f"probability_{BASE}", "probability"]
    with (folder / "differences.csv").open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *different])


def _probability(row: dict[str, str]) -> float:
    return float(row["probability"])


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        return [row for row in csv.DictReader(stream) if row["novelty"]]  # a killed run's last line


if __name__ == "__main__":
    main()
