"""A folder of scans in a process of its own: throughput against bare forward passes, peak memory.

    python -m benchmarks.bench_folder FOLDER [--model FILE]

Prints one JSON object. The folder is answered once as a whole, for time and memory. Then blocks of
its files take turns with as many forward passes, one after another on all cores and side by side on
one core each; whichever is faster in the median is what the blocks are held against.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from tumorscope import load_model
from tumorscope.imaging.phantom import head_phantom
from tumorscope.model.classifier import Classifier, available_cores

BLOCK = 100
BLOCKS = 10


def measure(folder: Path, model: Path | None) -> dict[str, float]:
    """Answer a folder; return what it took."""
    classifier = load_model(model)
    whole, count = _timed(lambda: sum(1 for _ in classifier.predict_many([folder])))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    files = sorted(folder.iterdir())[: BLOCK * BLOCKS]
    passes = _passes(classifier, load_model(model, threads=1))
    blocks = [files[start : start + BLOCK] for start in range(0, len(files), BLOCK)]
    rounds = [
        (
            _timed(lambda block=block: list(classifier.predict_many(block)))[0],
            *(_timed(lambda run=run, block=block: run(len(block)))[0] for run in passes),
        )
        for block in blocks
    ]
    answering, *bare = np.array(rounds).T
    faster = min(bare, key=np.median)
    return {
        "scans": count,
        "scan_ms": 1000 * whole / count,
        "forward_ms": 1000 * float(np.median(faster / [len(block) for block in blocks])),
        "throughput": float(np.median(faster / answering)),
        "peak_mb": peak,
    }


def _passes(together: Classifier, alone: Classifier) -> list[Callable[[int], object]]:
    """Return two ways to make some forward passes."""
    pixels = head_phantom().astype(np.float32)
    canvas = together.manifest.preprocessing.apply(pixels)[0][None]

    def one_by_one(count: int) -> None:
        for _ in range(count):
            together.run(canvas)

    def side_by_side(count: int) -> None:
        with ThreadPoolExecutor(available_cores()) as pool:
            list(pool.map(lambda _: alone.run(canvas), range(count)))

    one_by_one(2)
    side_by_side(2)
    return [one_by_one, side_by_side]


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    print(json.dumps(measure(options.folder, options.model)))


if __name__ == "__main__":
    main()
