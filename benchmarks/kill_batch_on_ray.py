"""Kill what a batch on Ray consists of at random moments: no row lost, none twice, no half table.

    python -m benchmarks.kill_batch_on_ray --trials 30 --output runs/kill_ray

A real cluster of two raylets. In each trial the command is started on made scans and, after a
random time, one thing is killed (SIGKILL), in turn: the command itself, a worker process that holds
a session, or a whole raylet with all that runs on it. Then the run is let go on, if it can, and
the same command is given until the table is there. It must equal that of a run on this machine
without Ray and without a kill; whenever something was killed, the table's name must be either free
or that of a whole table.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
from benchmarks.kill_batch import PART_FILES, draw_scans, state_of
from tests.batch.raylets import TwoRaylets
from tests.conftest import make_tiny_artifact

from tumorscope.model.artifact import write_artifact

CHECKOUT = Path(__file__).parents[1]
SESSION = "MapBatches(_Actor)"
"""In the title of the processes that hold a session."""

RUN_S = 300
COMMANDS = 5
"""Of one trial; more mean that it does not come to its end."""


def work(scans: str, model: str, output: str, address: str) -> None:
    """Make the table, in this process."""
    from tumorscope.batch import partial_folder
    from tumorscope.batch.run import BatchConfig, run_batch

    partial_folder.PART_FILES = PART_FILES
    config = BatchConfig(
        scans,
        Path(output),
        model=Path(model),
        workers=2,
        engine="ray" if address else "local",
        address=address or None,
    )
    run_batch(config, progress=lambda *_: None)


def main() -> None:
    """Run from the command line."""
    if sys.argv[1:2] == ["work"]:
        work(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/kill_ray"))
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    options.output.mkdir(parents=True, exist_ok=True)
    with (options.output / "cluster.log").open("w") as log:
        cluster = TwoRaylets(log)
        try:
            with tempfile.TemporaryDirectory() as folder:
                account = _run_trials(Path(folder), cluster, options)
        finally:
            cluster.stop()
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(1 if account["wrong tables"] or account["half tables"] else 0)


def _run_trials(
    folder: Path, cluster: TwoRaylets, options: argparse.Namespace
) -> dict[str, object]:
    scans, model, table = folder / "scans", folder / "tiny.tumorscope", folder / "table.parquet"
    write_artifact(model, make_tiny_artifact())
    draw_scans(scans)
    words = [str(scans), str(model), str(table)]
    _wait(_start([*words, ""]))
    whole = pq.read_table(table)
    table.unlink()
    on_ray = [*words, cluster.address]
    durations = []
    for _ in range(2):  # the first warms the cluster
        began = time.monotonic()
        _wait(_start(on_ray))
        durations.append(time.monotonic() - began)
        wrong = int(not pq.read_table(table).equals(whole))
        table.unlink()
    kills: Counter[str] = Counter()
    commands, half = 0, 0
    chance = random.Random(options.seed)  # noqa: S311 - to be repeated
    for trial in range(options.trials):
        name, kill = list(VICTIMS.items())[trial % len(VICTIMS)]
        run = _start(on_ray)
        time.sleep(chance.uniform(0, durations[-1]))
        state = state_of(table)
        if kill(run, cluster):
            kills[f"{name}, {state}"] += 1
        half += table.exists() and not pq.read_table(table).equals(whole)
        _wait(run)
        if name == "raylet":
            cluster.ask("add")
        commands += 1
        for _ in range(COMMANDS):
            if table.exists():
                break
            commands += 1
            _wait(_start(on_ray))
        wrong += not (table.exists() and pq.read_table(table).equals(whole))
        print(trial, name, state, commands, wrong, half, file=sys.stderr, flush=True)
        table.unlink(missing_ok=True)
    return {
        "trials": options.trials,
        "kills": sum(kills.values()),
        "killed while": dict(sorted(kills.items())),
        "commands given": commands,
        "rows": len(whole),
        "wrong tables": wrong,
        "half tables": half,
        "seconds without a kill": round(durations[-1], 2),
    }


def _kill_command(run: subprocess.Popen[bytes], cluster: TwoRaylets) -> bool:
    del cluster
    run.kill()
    return run.wait() == -signal.SIGKILL


def _kill_worker(run: subprocess.Popen[bytes], cluster: TwoRaylets) -> bool:
    """Kill one process that holds a session, as soon as there is one."""
    del cluster
    while run.poll() is None:
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit() and SESSION in _title(folder):
                os.kill(int(folder.name), signal.SIGKILL)
                return True
        time.sleep(0.05)
    return False


def _title(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_bytes().decode(errors="replace")
    except OSError:  # it has ended
        return ""


def _kill_raylet(run: subprocess.Popen[bytes], cluster: TwoRaylets) -> bool:
    cluster.ask("kill")
    return run.poll() is None


VICTIMS: dict[str, Callable[[subprocess.Popen[bytes], TwoRaylets], bool]] = {
    "command": _kill_command,
    "worker": _kill_worker,
    "raylet": _kill_raylet,
}


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.kill_batch_on_ray", "work", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=CHECKOUT,
    )


def _wait(run: subprocess.Popen[bytes]) -> None:
    run.wait(timeout=RUN_S)


if __name__ == "__main__":
    main()
