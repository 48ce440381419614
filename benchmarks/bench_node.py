"""Answer what is queued in the node, beside bare ``predict``: how fast, in how much memory.

    python -m benchmarks.bench_node --studies 50 --instances 5000 --output runs/bench_node

Made studies of one series each are written to a folder. ``tumorscope predict`` answers the folder;
a node is sent the same over the socket, so that all wait in its store, and is started again: from
then until the last line of answers is its time. Start-up counts in both. The order changes from
round to round, as the pace of a machine does. Seconds are those of the clock and of the processor;
memory is what Linux says of the node, every half second. ``--results sr,sc,pm,seg`` has the node
make results, too, which ``predict`` does not, for a receiver in this process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from benchmarks.kill_node import Journal, free_port, make_series, receiver, send
from tests.serving.dicom.attacks import associated, connect

FLAT_SHARE = 0.1
"""The last fifth of the run may have so much more memory than the second, as a share."""


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--studies", type=int, default=50)
    parser.add_argument("--instances", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--size", type=int, default=256, help="side of a slice, in pixels")
    parser.add_argument("--results", default="", help="kinds that the node makes")
    parser.add_argument("--model", default="", help="artifact, or lite; default the embedded one")
    parser.add_argument("--output", type=Path, default=Path("runs/bench_node"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        account = run(Path(name), options)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(0 if account["held"] else 1)


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure both, in turn."""
    slices = options.instances // options.studies
    series = make_series(options.studies, seed=5, slices=slices, size=options.size)
    scans = folder / "scans"
    for number, one in enumerate(series):
        (scans / f"{number:03d}").mkdir(parents=True)
        for at, ds in enumerate(one):
            ds.save_as(scans / f"{number:03d}" / f"{at:03d}.dcm", enforce_file_format=True)
    model = ["--model", options.model] if options.model else []
    rows: dict[str, list[dict[str, Any]]] = {"predict": [], "node": []}
    for turn in range(options.rounds):
        order = ("predict", "node") if turn % 2 == 0 else ("node", "predict")
        for name in order:
            if name == "predict":
                row = predict(scans, model, len(series) * slices)
            else:
                row = node(folder / f"node{turn}", series, model, options.results)
            print(name, row, file=sys.stderr, flush=True)
            rows[name].append(row)
    ratios = {
        unit: statistics.median(one[unit] for one in rows["predict"])
        / statistics.median(one[unit] for one in rows["node"])
        for unit in ("seconds", "processor seconds")
    }
    grown = max(one["MiB, last fifth over second fifth"] for one in rows["node"])
    flat = all(
        one["MiB, last fifth over second fifth"] <= FLAT_SHARE * one["MiB, peak"]
        for one in rows["node"]
    )
    return {
        "studies": options.studies,
        "instances": options.studies * slices,
        "results": options.results or "none",
        "rounds": rows,
        "throughput of the node, share of predict": round(ratios["seconds"], 3),
        "by processor time": round(ratios["processor seconds"], 3),
        "MiB grown": grown,
        "held": ratios["seconds"] >= 0.9 and flat,
    }


def predict(scans: Path, model: Sequence[str], count: int) -> dict[str, Any]:
    """Answer a folder by the command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    command = [sys.executable, "-m", "tumorscope", "predict", str(scans), "--format", "json"]
    done = subprocess.run([*command, *model], check=True, capture_output=True, text=True)
    seconds = time.monotonic() - begin
    answered = sum('"kind": "image"' in line for line in done.stdout.splitlines())
    if answered != count:
        raise RuntimeError(f"predict answered {answered} of {count}")
    return {"seconds": round(seconds, 1), "processor seconds": _processor_s(before)}


def node(folder: Path, series: Any, model: Sequence[str], results: str) -> dict[str, Any]:
    """Queue all, and take the time from the start of a node to the last answer."""
    folder.mkdir()
    port, count = free_port(), sum(map(len, series))
    command = [sys.executable, "-m", "tumorscope", "node", "--port", str(port), *model]
    command += ["--store", str(folder / "store"), "--output", str(folder / "answers.jsonl")]
    with ExitStack() as stack:
        if results:
            to = free_port()
            journal = Journal(folder / "received")
            stack.enter_context(receiver(to, journal))
            command += ["--send-to", f"PACS@127.0.0.1:{to}", "--results", results]
        log = stack.enter_context((folder / "node.log").open("ab"))
        _queue(subprocess.Popen([*command, "--series-after", "3600"], stderr=log), port, series)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.monotonic()
        process = subprocess.Popen([*command, "--series-after", "0"], stderr=log)
        memory: list[float] = []
        answers = folder / "answers.jsonl"
        try:
            while _answered(answers) < count:
                if process.poll() is not None:
                    raise RuntimeError((folder / "node.log").read_text()[-2000:])
                memory.append(_rss_mib(process.pid))
                time.sleep(0.5)
            seconds = time.monotonic() - begin
        finally:
            process.terminate()
            process.wait(120)
    fifth = max(1, len(memory) // 5)
    grown = statistics.median(memory[-fifth:]) - statistics.median(memory[fifth : 2 * fifth] or [0])
    return {
        "seconds": round(seconds, 1),
        "processor seconds": _processor_s(before),
        "MiB, peak": round(max(memory)),
        "MiB, last fifth over second fifth": round(grown),
    }


def _queue(process: subprocess.Popen[bytes], port: int, series: Any) -> None:
    """Send all to a node that answers nothing yet, and end it."""
    try:
        for _ in range(1200):
            try:
                connect(port).close()
            except OSError:
                time.sleep(0.1)
            else:
                break
        for one in series:
            with closing(associated(port)) as peer:
                for ds in one:
                    if send(peer, ds) != 0:
                        raise RuntimeError("an image was refused")
    finally:
        process.terminate()
        process.wait(120)


def _answered(path: Path) -> int:
    return path.read_bytes().count(b'"kind": "image"') if path.exists() else 0


def _rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _processor_s(before: resource.struct_rusage) -> float:
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime, 1)


if __name__ == "__main__":
    main()
