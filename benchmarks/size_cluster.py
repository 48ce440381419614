"""How long a million slices take on 1 to 1,000 nodes, by a simulation fed with measured rates.

    python -m benchmarks.size_cluster                       # measures here, then simulates
    python -m benchmarks.size_cluster --rates rates.json    # simulates with other rates

Measured on this machine, processor time, made JPEG of 512 x 512: what a worker of one thread needs
for a slice; what the command needs for a part of 64 files besides (hand over, keep on the disk, put
into the table); the bytes of a file. Assumed, and options: the bandwidth of the storage that all
nodes read from, workers in a node.

A part is read from the storage (one at a time gets the whole bandwidth), answered by the worker
that is free first, whose pace varies as measured, and taken by the command, one at a time.
"""

from __future__ import annotations

import argparse
import heapq
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.batch.answer import Job, PartAnswerer
from tumorscope.batch.partial_folder import PART_FILES, Journal, PartialFolder
from tumorscope.batch.units import Unit
from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.artifact import read_artifact

NODES = (1, 2, 10, 30, 100, 300, 1000)
SLICES = 1_000_000
SAMPLES, SAMPLE_FILES = 6, 16
"""How often the pace of a worker is taken, and over how many files."""

MEGABYTE = 1e6


def measure() -> dict[str, Any]:
    """Measure what the simulation is fed with."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        units = [_made(folder, number) for number in range(PART_FILES)]
        answerer = PartAnswerer(Job(str(folder), read_artifact(), "balanced"))
        answerer.answer(units[:2])
        paces, rows = [], b""
        for _ in range(SAMPLES):
            started = time.process_time()
            rows = answerer.answer(units[:SAMPLE_FILES])
            paces.append((time.process_time() - started) / SAMPLE_FILES)
        return {
            "slice_s": paces,
            "part_s": _command_cost(folder, units, rows),
            "slice_bytes": float(np.mean([unit.size for unit in units])),
        }


def _made(folder: Path, number: int) -> Unit:
    file = folder / f"{number}.jpg"
    lesion = Lesion() if number % 2 else None
    buffer = io.BytesIO()
    Image.fromarray(head_phantom(lesion=lesion, seed=number, size=512)).save(buffer, "JPEG")
    file.write_bytes(buffer.getvalue())
    return Unit(str(file), str(file), file.stat().st_size)


def _command_cost(folder: Path, units: list[Unit], rows: bytes, parts: int = 50) -> float:
    """Return what the command needs for a part, besides the answers, by the clock."""
    partial = PartialFolder(folder / "table.parquet")
    journal = Journal(1, str(folder), None, "model", "balanced")
    many = [unit for _ in range(parts) for unit in units]
    partial.begin(many, journal)
    started = time.perf_counter()
    for number, _ in list(partial.missing()):
        partial.save(number, rows)
    partial.finish()
    seconds = time.perf_counter() - started
    partial.remove()
    return seconds / parts


def simulate(
    rates: dict[str, Any], *, nodes: int, workers: int, bandwidth: float, slices: int, seed: int = 0
) -> dict[str, float]:
    """Follow all parts through storage, workers and command.

    Parameters
    ----------
    rates
        As of :func:`measure`.
    nodes, workers
        Number of nodes, and of workers in each.
    bandwidth
        Of the shared storage, bytes per second.

    Returns
    -------
    dict
        Hours, slices per second, and the shares of the time that workers, storage and command are
        busy; the greatest of them is the bottleneck.
    """
    rng = np.random.default_rng(seed)
    paces: NDArray[np.float64] = np.asarray(rates["slice_s"], float)
    parts = -(-slices // PART_FILES)
    answering = PART_FILES * rng.choice(paces, parts)
    reading = PART_FILES * rates["slice_bytes"] / bandwidth
    free = [0.0] * (nodes * workers)
    done, storage = [], 0.0
    for seconds in answering:
        worker = heapq.heappop(free)
        storage = max(storage, worker) + reading
        done.append(storage + float(seconds))
        heapq.heappush(free, done[-1])
    total = 0.0
    for moment in sorted(done):
        total = max(total, moment) + rates["part_s"]
    return {
        "hours": total / 3600,
        "slices_per_s": slices / total,
        "workers": float(answering.sum()) / (nodes * workers * total),
        "storage": parts * reading / total,
        "command": parts * rates["part_s"] / total,
    }


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--rates", type=Path, help="measured before, as printed")
    parser.add_argument("--workers", type=int, default=2, help="in a node")
    parser.add_argument("--bandwidth", type=float, default=1250.0, help="storage, MB/s")
    options = parser.parse_args()
    rates = measure() if options.rates is None else json.loads(options.rates.read_text())
    print(json.dumps(rates))
    print("\n| nodes | hours | slices/s | workers | storage | command | bottleneck | node-hours |")
    print("|---|---|---|---|---|---|---|---|")
    for nodes in NODES:
        one = simulate(
            rates,
            nodes=nodes,
            workers=options.workers,
            bandwidth=options.bandwidth * MEGABYTE,
            slices=SLICES,
        )
        shares = {name: one[name] for name in ("workers", "storage", "command")}
        cells = " | ".join(f"{share:.0%}" for share in shares.values())
        print(
            f"| {nodes:,} | {one['hours']:.2f} | {one['slices_per_s']:,.0f} | {cells} |"
            f" {max(shares, key=shares.__getitem__)} |"
            f" {nodes * one['hours']:.1f} |"
        )


if __name__ == "__main__":
    main()
