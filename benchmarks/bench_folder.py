"""A folder of scans in a process of its own: throughput against bare forward passes, peak memory.

    python -m benchmarks.bench_folder FOLDER [--model FILE]

Prints one JSON object. The forward passes are measured in blocks between the answers, so that what
else the machine does hits both alike.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from itertools import islice
from pathlib import Path

import numpy as np

from tumorscope import load_model
from tumorscope.imaging.phantom import head_phantom

BLOCK = 25


def measure(folder: Path, model: Path | None) -> dict[str, float]:
    """Answer a folder; return what it took."""
    classifier = load_model(model)
    pixels = head_phantom().astype(np.float32)
    canvas = classifier.manifest.preprocessing.apply(pixels)[0][None]
    classifier.run(canvas)
    answers = classifier.predict_many([folder])
    answering, forward, count = 0.0, 0.0, 0
    blocks = []
    while True:
        started = time.perf_counter()
        done = len(list(islice(answers, BLOCK)))
        answering += (seconds := time.perf_counter() - started)
        if not done:
            break
        count += done
        started = time.perf_counter()
        for _ in range(BLOCK):
            classifier.run(canvas)
        forward += (bare := time.perf_counter() - started)
        blocks.append(bare / BLOCK * done / seconds)
    return {
        "scans": count,
        "scan_ms": 1000 * answering / count,
        "forward_ms": 1000 * forward / (BLOCK * -(-count // BLOCK)),
        "throughput": float(np.median(blocks)),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    print(json.dumps(measure(options.folder, options.model)))


if __name__ == "__main__":
    main()
