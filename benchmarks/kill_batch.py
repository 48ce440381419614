"""Kill ``tumorscope batch`` at random moments: no row lost, none twice, no half table.

    python -m benchmarks.kill_batch --trials 30 --output runs/kill_batch

A table of made scans is made once without a break. Then, in each trial, the command is started on
the archive and killed (SIGKILL) after a random time, over and over until a run comes to its end;
all runs have the same output. The table must then hold the same rows in the same order. Whenever a
run was killed, the output's name must be either free or that of a whole table. Kills fall into
listing, work, putting together and cleaning up, as chance has it; where they fell is counted. Runs
are forked from this process, which has the modules loaded: starts of the interpreter would take
most of the time. The workers of the run are started anew as always.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from tests.conftest import make_tiny_artifact

from tumorscope.batch import partial_folder
from tumorscope.batch.run import BatchConfig, run_batch
from tumorscope.model.artifact import write_artifact

SCANS = 96
PART_FILES = 4
"""Small parts, so that kills fall between them and not only into them."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/kill_batch"))
    options = parser.parse_args()
    partial_folder.PART_FILES = PART_FILES
    with tempfile.TemporaryDirectory() as folder:
        account = _run_trials(Path(folder), options)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(1 if account["wrong tables"] or account["half tables"] else 0)


def _run_trials(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    scans, model = folder / "scans", folder / "tiny.tumorscope"
    write_artifact(model, make_tiny_artifact())
    draw_scans(scans)
    table = folder / "table.parquet"
    config = BatchConfig(str(scans), table, model=model, workers=options.workers)
    _wait(_start(config))  # warms the file cache
    table.unlink()
    start = time.monotonic()
    _wait(_start(config))
    duration = time.monotonic() - start
    whole = pq.read_table(table)
    chance = random.Random(options.seed)  # noqa: S311 - to be repeated
    kills: Counter[str] = Counter()
    wrong = half = 0
    for _ in range(options.trials):
        table.unlink()
        while True:
            process = _start(config)
            time.sleep(chance.uniform(0, duration))
            if _kill(process):
                kills[state_of(table)] += 1
                half += table.exists() and not pq.read_table(table).equals(whole)
            elif table.exists():
                break
        wrong += not pq.read_table(table).equals(whole)
    return {
        "trials": options.trials,
        "kills": sum(kills.values()),
        "killed while": dict(kills),
        "rows": len(whole),
        "wrong tables": wrong,
        "half tables": half,
        "seconds without a kill": round(duration, 2),
    }


def state_of(table: Path) -> str:
    """Tell how far the run of a table has come."""
    partial = table.with_name(table.name + ".partial")
    if table.exists():
        return "cleaning up" if partial.exists() else "ending"
    if not (partial / "journal.json").exists():
        return "starting and listing"
    return "putting together" if (partial / "table").exists() else "answering"


def _start(config: BatchConfig) -> int:
    process = os.fork()
    if process == 0:
        try:
            run_batch(config, progress=lambda *_: None)
        except Exception as error:
            print(error, file=sys.stderr)
        finally:
            os._exit(0)
    return process


def _kill(process: int) -> bool:
    """Kill a run; false if it had ended by itself."""
    os.kill(process, signal.SIGKILL)
    return os.WIFSIGNALED(_wait(process))


def _wait(process: int) -> int:
    return os.waitpid(process, 0)[1]


def draw_scans(folder: Path) -> None:
    """Make scans, and a few files that are none."""
    folder.mkdir()
    for number in range(SCANS):
        pixels = np.random.default_rng(number).integers(0, 256, (48, 48), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        if number % 16 == 0:
            (folder / f"{number}_empty.png").write_bytes(b"")


if __name__ == "__main__":
    main()
