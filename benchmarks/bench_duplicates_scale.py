"""Measure how time and memory of the search for copies grow, on made pictures.

    python -m benchmarks.bench_duplicates_scale --sizes 12500 25000 50000 100000

Nine tenths of the pictures are made heads, one tenth are changed copies of some of these; nothing
is stored. Every size runs in a process of its own. Processor time is what is compared: other
programs on the machine lengthen the time on the clock. The peer compares all pairs of thumbnails
in eight orientations (``tumorscope.data.duplicates.find_pairs``); it is left out above
``--peer-up-to`` pictures.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 128
COPIED = 10
"""One picture in this many is a copy."""


def make_head(seed: int) -> NDArray[np.uint8]:
    """Make a textured ellipse with a dark ring, shape (128, 128), another for every seed."""
    rng = np.random.default_rng(seed)
    texture = np.zeros((SIDE, SIDE), np.float32)
    for cells in (5, 10, 20, 40):
        grid = rng.uniform(-1, 1, (cells, cells)).astype(np.float32) / cells**0.5
        texture += cv2.resize(grid, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    radius = np.hypot(rows / rng.uniform(0.75, 0.9), columns / rng.uniform(0.6, 0.75))
    grey = np.where(radius < 1, np.clip(110 + 130 * texture, 20, 230), 0)
    return np.where((radius > 0.9) & (radius < 1), grey * 0.3, grey).astype(np.uint8)


def change(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn, perhaps mirror, and change the gamma."""
    picture = np.ascontiguousarray(picture[:, ::-1]) if rng.random() < 0.5 else picture
    middle = ((SIDE - 1) / 2, (SIDE - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, rng.uniform(-180, 180), rng.uniform(0.8, 1.0))
    turned = cv2.warpAffine(picture, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC)
    return np.rint(255 * (turned / 255.0) ** rng.uniform(0.7, 1.4)).astype(np.uint8)


def make_pictures(count: int) -> Iterator[NDArray[np.float32]]:
    """Yield ``count`` pictures; the last tenth are copies of the first ones, in their order."""
    originals = count - count // COPIED
    for seed in range(originals):
        yield make_head(seed).astype(np.float32)
    for seed in range(count - originals):
        yield change(make_head(seed), np.random.default_rng((seed, 1))).astype(np.float32)


def measure(count: int) -> dict[str, Any]:
    """Search among made pictures; the making is not part of the time."""
    from tumorscope.audit.duplicates.copies import CopyThresholds, find_copies
    from tumorscope.audit.duplicates.perceptual_descriptors import take_look

    cv2.setNumThreads(1)
    looks, looking = [], 0.0
    for picture in make_pictures(count):
        began = time.process_time()
        looks.append(take_look(picture))
        looking += time.process_time() - began
    began, clock = time.process_time(), time.perf_counter()
    pairs = find_copies(looks, workers=1)  # so that all of its processor time is counted
    searching, clock = time.process_time() - began, time.perf_counter() - clock
    same = {
        (pair.first, pair.second)
        for pair in pairs
        if pair.placement.score >= CopyThresholds().same_picture
    }
    originals = count - count // COPIED
    right = sum((at - originals, at) in same for at in range(originals, count))
    return {
        "pictures": count,
        "looking_s": looking,
        "searching_s": searching,
        "searching_clock_s": clock,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "recall": right / (count - originals),
        "wrong": len(same) - right,
    }


def measure_all_pairs(count: int) -> dict[str, Any]:
    """Compare all thumbnails with all others, as the peer."""
    from tumorscope.data.descriptors import describe
    from tumorscope.data.duplicates import DuplicateThresholds, find_pairs

    described = describe(make_pictures(count))
    began = time.process_time()
    pairs = find_pairs(described)
    same = pairs.is_same_image(DuplicateThresholds())
    found = set(zip(pairs.first[same].tolist(), pairs.second[same].tolist(), strict=True))
    originals = count - count // COPIED
    right = sum((at - originals, at) in found for at in range(originals, count))
    return {
        "pictures": count,
        "searching_s": time.process_time() - began,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "recall": right / (count - originals),
    }


def _in_own_process(kind: str, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bench_duplicates_scale", "--child", kind]
    run = subprocess.run(
        [*command, "--sizes", str(count)], check=True, capture_output=True, text=True
    )
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def _growth(before: dict[str, Any] | None, now: dict[str, Any], *keys: str) -> str:
    if before is None:
        return ""
    ratio = sum(now[key] for key in keys) / max(sum(before[key] for key in keys), 1e-9)
    return f"n^{math.log(ratio) / math.log(now['pictures'] / before['pictures']):.2f}"


def main() -> None:
    """Run the benchmark and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[12_500, 25_000, 50_000, 100_000])
    parser.add_argument("--peer-up-to", type=int, default=25_000)
    parser.add_argument("--child", choices=("copies", "all-pairs"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run = measure if options.child == "copies" else measure_all_pairs
        print(json.dumps(run(options.sizes[0])))
        return
    print("| pictures | looking | searching | grows | peak | recall | wrong | all pairs | grows |")
    print("|---|---|---|---|---|---|---|---|---|")
    last: dict[str, dict[str, Any] | None] = {"copies": None, "all-pairs": None}
    for size in options.sizes:
        ours = _in_own_process("copies", size)
        peer = _in_own_process("all-pairs", size) if size <= options.peer_up_to else None
        growth = _growth(last["copies"], ours, "looking_s", "searching_s")
        cells = [
            f"{size:,}",
            f"{ours['looking_s']:.0f} s",
            f"{ours['searching_s']:.0f} s",
            growth,
            f"{ours['peak_gib']:.2f} GiB",
            f"{ours['recall']:.4f}",
            str(ours["wrong"]),
            "" if peer is None else f"{peer['searching_s']:.0f} s, recall {peer['recall']:.3f}",
            "" if peer is None else _growth(last["all-pairs"], peer, "searching_s"),
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
        last = {"copies": ours, "all-pairs": peer}


if __name__ == "__main__":
    main()
