"""Answer what is queued in the node, beside bare ``predict``: how fast, in how much memory.

    python -m benchmarks.bench_node --studies 50 --instances 5000 --output runs/bench_node
    python -m benchmarks.bench_node --studies 50 --instances 5000 --model lite --output runs/lite

Made studies of one series each are written to a folder. ``tumorscope predict`` answers the folder;
a node is sent the same over the socket, so that all wait in its store, and is started again: from
then until the last line of answers is its time. Start-up counts in both. Both are at work at the
same time and take turns of a few seconds: one is stopped by a signal while the other runs, and only
the time of its own turns counts. So what else the machine does meets both alike, and the ratio is
that of one run. Seconds are those of the clock and of the processor; memory is what Linux says of
the node, at the end of each tenth of the studies. The small model is the harder test: of its 50 ms,
what the node adds is the larger share. ``--results sr,sc,pm,seg`` has the node make results, too,
which ``predict`` does not, for a receiver in this process.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks.kill_node import Journal, free_port, make_series, receiver, send
from benchmarks.record import run_of_node
from tests.serving.dicom.attacks import associated, connect

LEAST_SHARE: Final = 0.9
"""Of the throughput of ``predict``."""
FLAT_SHARE: Final = 0.1
"""The end of the run may have so much more memory than its second fifth, as a share."""
TURN_S: Final = 5.0
_STEP_S: Final = 0.05
_TICKS: Final = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--studies", type=int, default=50)
    parser.add_argument("--instances", type=int, default=5000)
    parser.add_argument("--turn", type=float, default=TURN_S, help="seconds")
    parser.add_argument("--size", type=int, default=256, help="side of a slice, in pixels")
    parser.add_argument("--results", default="", help="kinds that the node makes")
    parser.add_argument("--model", default="", help="artifact, or lite; default the embedded one")
    parser.add_argument("--output", type=Path, default=Path("runs/bench_node"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        account = run(Path(name), options)
    account["run"] = run_of_node("benchmarks.bench_node", __file__)
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(0 if account["held"] else 1)


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure both, in turns."""
    slices = options.instances // options.studies
    count = options.studies * slices
    series = make_series(options.studies, seed=5, slices=slices, size=options.size)
    scans = folder / "scans"
    for number, one in enumerate(series):
        (scans / f"{number:03d}").mkdir(parents=True)
        for at, ds in enumerate(one):
            ds.save_as(scans / f"{number:03d}" / f"{at:03d}.dcm", enforce_file_format=True)
    model = ["--model", options.model] if options.model else []
    with queued(folder, series, model, options.results) as command:
        with (folder / "predict.jsonl").open("wb") as stdout:
            lines = folder / "predict.jsonl"
            predict = Run("predict", [*_predict(scans), *model], lines, slices, stdout)
        node = Run("node", command, folder / "answers.jsonl", slices)
        try:
            take_turns([predict, node], count, options.turn)
        finally:
            predict.end()
            node.end()
    memory = node.memory_of_studies(options.studies, slices)
    grown = memory[-1] - memory[len(memory) // 5]
    share = predict.seconds / node.seconds
    return {
        "studies": options.studies,
        "instances": count,
        "model": options.model or "embedded",
        "results": options.results or "none",
        "seconds": {one.name: round(one.seconds, 1) for one in (predict, node)},
        "processor seconds": {one.name: round(one.processor_s, 1) for one in (predict, node)},
        "seconds, processor seconds after the first study": {
            one.name: [round(part, 1) for part in one.after_first()] for one in (predict, node)
        },
        "throughput of the node, share of predict": round(share, 3),
        "by processor time": round(predict.processor_s / node.processor_s, 3),
        "after the first study, by the clock and by the processor": [
            round(ours / theirs, 3)
            for ours, theirs in zip(predict.after_first(), node.after_first(), strict=True)
        ],
        "MiB of the node by tenths of the studies": [round(one) for one in memory],
        "MiB, peak": round(max(mib for _, mib in node.memory)),
        "MiB grown": round(grown),
        "held": share >= LEAST_SHARE and grown <= FLAT_SHARE * max(memory),
    }


@dataclass
class Run:
    """A process that answers, as it is given its turns.

    Attributes
    ----------
    answers
        File that it writes its lines to.
    slices
        Of a study.
    seconds, processor_s
        Of its turns, until the last line.
    begun
        The same when the first study was answered.
    memory
        Number of answers, and MiB.
    """

    name: str
    command: Sequence[str]
    answers: Path
    slices: int
    stdout: Any = None
    seconds: float = 0.0
    processor_s: float = 0.0
    begun: tuple[float, float] = (0.0, 0.0)
    answered: int = 0
    memory: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._at = 0
        self._log = self.answers.with_suffix(".log").open("w+b")
        self._process = subprocess.Popen(
            self.command, stdout=self.stdout, stderr=self._log, start_new_session=True
        )
        self._signal(signal.SIGSTOP)

    def turn(self, count: int, seconds: float) -> bool:
        """Let it run; tell whether all is answered.

        Raises
        ------
        RuntimeError
            If it ended without an answer to all.
        """
        begin = time.monotonic()
        self._signal(signal.SIGCONT)
        while (now := time.monotonic()) - begin < seconds:
            has_ended = self._process.poll() is not None
            if not has_ended:
                self.processor_s = _processor_s(self._process.pid)
                self.memory.append((self.answered, _rss_mib(self._process.pid)))
            self._count()
            if self.answered >= self.slices and not self.begun[0]:
                self.begun = self.seconds + now - begin, self.processor_s
            if self.answered >= count:
                break
            if has_ended:
                self._log.seek(0)
                raise RuntimeError(self._log.read()[-2000:].decode())
            time.sleep(_STEP_S)
        self.seconds += time.monotonic() - begin
        self._signal(signal.SIGSTOP)
        return self.answered >= count

    def after_first(self) -> tuple[float, float]:
        """Return seconds and processor seconds from the first study to the last line."""
        return self.seconds - self.begun[0], self.processor_s - self.begun[1]

    def memory_of_studies(self, studies: int, slices: int) -> list[float]:
        """Return the median MiB during each tenth of the studies."""
        tenths = min(10, studies)
        found = []
        for tenth in range(tenths):
            first, last = (studies * slices * part / tenths for part in (tenth, tenth + 1))
            during = [mib for answered, mib in self.memory if first <= answered < last]
            found.append(statistics.median(during or found[-1:] or [0.0]))
        return found

    def end(self) -> None:
        """End it, stopped as it is."""
        if self._process.poll() is None:
            self._process.terminate()
            self._signal(signal.SIGCONT)
            self._process.wait(300)
        self._log.close()

    def _count(self) -> None:
        if self.answers.exists():
            with self.answers.open("rb") as file:
                file.seek(self._at)
                new = file.read()
            whole = new[: new.rfind(b"\n") + 1]
            self._at += len(whole)
            self.answered += whole.count(b'"kind": "image"')

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)


def take_turns(runs: Sequence[Run], count: int, seconds: float) -> None:
    """Let one run after the other until all have answered all."""
    left, told = list(runs), time.monotonic()
    while left:
        left = [one for one in left if not one.turn(count, seconds)]
        if time.monotonic() - told > 60:
            told = time.monotonic()
            said = ", ".join(f"{one.name} {one.answered} in {one.seconds:.0f} s" for one in runs)
            print(f"of {count}: {said}", file=sys.stderr, flush=True)


def _predict(scans: Path) -> list[str]:
    return [sys.executable, "-m", "tumorscope", "predict", str(scans), "--format", "json"]


@contextmanager
def queued(folder: Path, series: Any, model: Sequence[str], results: str) -> Iterator[list[str]]:
    """Queue all in the store of a node, and give the command of the node that answers it."""
    port = free_port()
    command = [sys.executable, "-m", "tumorscope", "node", "--port", str(port), *model]
    command += ["--store", str(folder / "store"), "--output", str(folder / "answers.jsonl")]
    with ExitStack() as stack:
        if results:
            to = free_port()
            stack.enter_context(receiver(to, Journal(folder / "received")))
            command += ["--send-to", f"PACS@127.0.0.1:{to}", "--results", results]
        log = stack.enter_context((folder / "queue.log").open("ab"))
        _queue(subprocess.Popen([*command, "--series-after", "3600"], stderr=log), port, series)
        yield [*command, "--series-after", "0"]


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


def _rss_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


if __name__ == "__main__":
    main()
