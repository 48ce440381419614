"""``tumorscope batch``: Ray against this machine's processes, one worker against two, memory.

    python -m benchmarks.bench_batch --scans FOLDER [--repeats 3]    # real files
    python -m benchmarks.bench_batch --scans FOLDER --most 5000 --runs "local 2" "ray 2" --rows
    python -m benchmarks.bench_batch                                 # 400 made ones
    python -m benchmarks.bench_batch --inputs MANIFEST FOLDER --runs "local 2" "ray 2" --rows

Engines and workers take turns. Each run is a process of its own, and its time counts from the start
of the work to the whole table, a Ray of its own included. A tenth of the files is answered, too:
the difference is what a scan costs, free of the start. Rows of both engines are compared; inputs
named with ``--inputs`` are answered whole, once by each, for their rows. Memory is that of the
command's process, over made volumes with the tests' small model.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from statistics import median
from typing import Any

import nibabel
import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from tests.conftest import make_tiny_artifact

from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.artifact import write_artifact

CHECKOUT = Path(__file__).parents[1]
MADE = 400
SLICES = 500
"""Of a made volume."""

HEAD_STEP = 50
"""One slice of so many shows a head; the others are blank and rejected unseen, so that a million
rows take minutes."""

ROWS = (10_000, 100_000)
RUNS = {"local 1": ("local", 1), "local 2": ("local", 2), "ray 2": ("ray", 2)}
RATIOS = {
    "ray 2 / local 2": ("ray 2", "local 2"),
    "local 1 / local 2": ("local 1", "local 2"),
}


def work(words: list[str]) -> None:
    """Make a table in this process; print seconds, rows and peak memory."""
    from tumorscope.batch.run import BatchConfig, run_batch

    place, output, engine, workers, model = words
    config = BatchConfig(
        place=place,
        output=Path(output),
        engine="ray" if engine == "ray" else "local",
        workers=int(workers),
        model=Path(model) if model else None,
    )
    started = time.perf_counter()
    summary = run_batch(config, progress=lambda *_: None)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "rows": summary.rows, "peak_mb": peak}))


def run(place: Path, output: Path, engine: str, workers: int, model: str = "") -> dict[str, float]:
    """Make a table in a process of its own."""
    words = [str(place), str(output), engine, str(workers), model]
    command = [sys.executable, "-m", "benchmarks.bench_batch", "work", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)
    if done.returncode:
        raise SystemExit(f"{words} failed: {done.stderr[-1000:]}")
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def measure_engines(
    manifests: dict[str, Path], repeats: int, names: Sequence[str]
) -> dict[str, Any]:
    """Measure engines on a tenth and on all of the files, in turns."""
    seconds: dict[str, dict[str, list[float]]] = {
        name: {size: [] for size in manifests} for name in names
    }
    rows = {}
    for turn in range(repeats):
        for name in names:
            engine, workers = RUNS[name]
            for size, manifest in manifests.items():
                output = manifest.with_name(f"{turn}-{name}-{size}.parquet".replace(" ", "-"))
                result = run(manifest, output, engine, workers)
                seconds[name][size].append(result["seconds"])
                if size == "all":
                    rows[name] = _rows(output)
                print(turn, name, size, result, file=sys.stderr, flush=True)
    scans = {size: len(one.read_text().splitlines()) - 1 for size, one in manifests.items()}
    costs = {name: _cost(one, scans) for name, one in seconds.items()}
    both = {ratio: pair for ratio, pair in RATIOS.items() if set(pair) <= set(names)}
    return {
        "scans": scans,
        "seconds": seconds,
        "costs": costs,
        "rows_that_differ": sum(_differing(rows[names[0]], one) for one in rows.values()),
        "ratios": {
            ratio: median(
                a / b for a, b in zip(seconds[one]["all"], seconds[other]["all"], strict=True)
            )
            for ratio, (one, other) in both.items()
        },
        "ratios of a scan's cost": {
            ratio: costs[one]["scan_s"] / costs[other]["scan_s"]
            for ratio, (one, other) in both.items()
        },
    }


def _cost(seconds: dict[str, list[float]], scans: dict[str, int]) -> dict[str, float]:
    whole, tenth = median(seconds["all"]), median(seconds["tenth"])
    scan = (whole - tenth) / (scans["all"] - scans["tenth"])
    return {"scan_s": scan, "start_s": tenth - scan * scans["tenth"]}


def compare_inputs(
    places: Sequence[Path], folder: Path, names: Sequence[str]
) -> list[dict[str, Any]]:
    """Answer each input once by each engine, and compare the rows."""
    results = []
    for number, place in enumerate(places):
        seconds, tables = {}, []
        for name in names:
            output = folder / f"input-{number}-{name}.parquet".replace(" ", "-")
            seconds[name] = run(place.absolute(), output, *RUNS[name])["seconds"]
            tables.append(_rows(output))
            print(place, name, seconds[name], file=sys.stderr, flush=True)
        results.append(
            {
                "input": str(place),
                "rows": len(tables[0]),
                "errors": sum(row["kind"] == "error" for row in tables[0]),
                "rows_that_differ": sum(_differing(tables[0], other) for other in tables[1:]),
                "seconds": seconds,
            }
        )
    return results


def _rows(table: Path) -> list[dict[str, Any]]:
    return sorted(pq.read_table(table).to_pylist(), key=lambda row: str(row["row_id"]))


def _differing(rows: list[dict[str, Any]], others: list[dict[str, Any]]) -> int:
    return sum(one != other for one, other in zip_longest(rows, others))


def measure_memory(folder: Path, rows: tuple[int, ...]) -> list[dict[str, float]]:
    """Measure the memory of the command over made volumes."""
    model = folder / "small.tumorscope"
    write_artifact(model, make_tiny_artifact())
    one = head_phantom(size=64).astype(np.uint8)
    volume = np.zeros((*one.shape, SLICES), np.uint8)
    volume[..., ::HEAD_STEP] = one[..., None]
    original = folder / "volume.nii"
    nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), original)
    results = []
    for count in rows:
        place = folder / f"rows-{count}"
        place.mkdir()
        for number in range(count // SLICES):
            os.link(original, place / f"{number}.nii")
        results.append(run(place, folder / f"{count}.parquet", "local", 2, str(model)))
        print(results[-1], file=sys.stderr, flush=True)
    return results


def main() -> None:
    """Run from the command line."""
    if sys.argv[1:2] == ["work"]:
        work(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--scans", type=Path, help="folder of real pictures")
    parser.add_argument("--inputs", type=Path, nargs="+", help="whole, in place of timed files")
    parser.add_argument("--most", type=int, default=MADE, help="pictures of the folder")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--runs", nargs="*", choices=RUNS, default=list(RUNS))
    parser.add_argument("--rows", type=int, nargs="*", default=ROWS, help="of the memory's tables")
    parser.add_argument("--output", type=Path, default=Path("runs/batch"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result: dict[str, Any] = {}
        if options.inputs:
            result["inputs"] = compare_inputs(options.inputs, folder, options.runs)
        elif options.runs:
            places = _manifests(_files(options, folder), folder)
            result["engines"] = measure_engines(places, options.repeats, options.runs)
        result["memory"] = measure_memory(folder, tuple(options.rows))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "batch.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def _manifests(files: list[Path], folder: Path) -> dict[str, Path]:
    places = {}
    for size, some in {"tenth": files[::10], "all": files}.items():
        places[size] = folder / f"{size}.csv"
        places[size].write_text("path\n" + "".join(f"{one}\n" for one in some))
    return places


def _files(options: argparse.Namespace, folder: Path) -> list[Path]:
    if options.scans is not None:
        kinds = (".jpg", ".jpeg", ".png")
        found = sorted(one for one in options.scans.rglob("*") if one.suffix.lower() in kinds)
        step = max(1, len(found) // options.most)
        return [one.absolute() for one in found[::step][: options.most]]
    files = [folder / f"{number}.jpg" for number in range(MADE)]
    for number, file in enumerate(files):
        lesion = Lesion() if number % 2 else None
        Image.fromarray(head_phantom(lesion=lesion, seed=number % 40)).save(file)
    return files


if __name__ == "__main__":
    main()
