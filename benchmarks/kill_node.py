"""Kill ``tumorscope node`` at random moments while series come and results go.

    python -m benchmarks.kill_node --kills 200 --instances 1000 --senders 4 --output runs/kill_node

Senders send made series over real sockets, and send again what was not acknowledged. Meanwhile the
node is killed (SIGKILL) and started again, over and over: half of the times after a random time,
half of the times in a phase drawn by lot from those that were met the least, as soon as the node is
in it. Most phases last milliseconds, and a random moment hardly ever finds them. Which phases were
under way at each death the node itself has written, into memory that outlives it. A receiver takes
its results by C-STORE. In the end each acknowledged instance must have one line of answers, each
series one, and the receiver must have those results that the same answers give in this process:
their identifiers are hashes of what they were made of. Two more trials follow: the disk of the node
is full for a while (a file system of a few megabytes, needs root), and 32 senders are slow (a byte
every tenth of a second) while another sends; blocks with and without them alternate, so that their
ratio is that of one machine in one state.

How far it came is printed. A run that ended early goes on where it was, given the same words: what
was acknowledged, received, killed and compared stands in files of the output folder. The node is
forked from a server that has the modules loaded: starts of the interpreter would take most of the
time. No line depends on what the model sees, so it is one made for tests, which answers at once.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import json
import mmap
import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import pydicom
from benchmarks.record import run_of_node
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage
from pynetdicom import AE, evt
from pynetdicom.presentation import AllStoragePresentationContexts
from tests.conftest import make_tiny_artifact
from tests.serving.dicom.attacks import (
    associated,
    connect,
    listening,
    read_pdu,
    session,
    slow_datasets,
)

from tumorscope.answer import SeriesPrediction
from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.artifact import read_artifact, write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom.calls import Caller
from tumorscope.serving.dicom.results.collector import ResultCollector
from tumorscope.serving.dicom.results.make import Result, parse_kinds
from tumorscope.serving.dicom.results.source import hashed_uid

KINDS: Final = "sr,sc,pm,seg"
SERIES_AFTER_S: Final = 2.0
"""A sender that pauses for longer has its series answered twice, as is documented: on a slow
machine, ``--series-after`` must be more."""

SLICES: Final = 5
SIZE: Final = 96
SMALL_DISK: Final = 12 * 1024 * 1024
STATUS: Final = struct.pack("<HHL", 0, 0x0900, 2)
"""Tag and length of the status in an encoded command set; its value follows."""

PHASES: Final = (
    "starting",
    "receiving an instance",
    "reading it",
    "storing it",
    "answering a series",
    "making its results",
    "writing a result",
    "committing the series",
    "writing answers",
    "forgetting answers",
    "sending results",
    "marking a result as sent",
)
"""What the node may be at; of several threads, at several."""

TOLD_EVERY: Final = 10
RAREST: Final = 5
KILLED_AT_START: Final = 0.05
"""Share of the kills that do not wait until the node listens, but as long at most:"""
START_S: Final = 3.0
SLOW_BLOCKS: Final = 6

_FORKS: Final = multiprocessing.get_context("forkserver")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--life", type=float, default=10.0, help="seconds it listens, at most")
    parser.add_argument("--series-after", type=float, default=SERIES_AFTER_S, help="of the node")
    parser.add_argument("--results", default=KINDS, help="kinds; a report takes the most time")
    parser.add_argument("--seconds", type=float, default=3600.0, help="end then; go on next time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", type=Path, help="artifact; default one made for tests")
    parser.add_argument("--trials", default="killed,full disk,slow senders", help="which of them")
    parser.add_argument("--output", type=Path, default=Path("runs/kill_node"))
    options = parser.parse_args()
    account = run(options) | {"run": run_of_node("benchmarks.kill_node", __file__)}
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(0 if account["held"] else 1)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Run the three trials."""
    options.output.mkdir(parents=True, exist_ok=True)
    model = options.model or options.output / "tiny.tumorscope"
    if not model.exists():
        write_artifact(model, make_tiny_artifact())
    # That the module is run and loaded is as it should be here.
    os.environ.setdefault("PYTHONWARNINGS", "ignore::RuntimeWarning:runpy")
    _FORKS.set_forkserver_preload(["benchmarks.kill_node", "tumorscope.cli.node",
                                   "tumorscope.serving.dicom.store_and_forward"])  # fmt: skip
    trials: dict[str, Callable[[], dict[str, Any]]] = {
        "killed": lambda: killed(options, model),
        "full disk": lambda: full_disk(options.output / "full", model),
        "slow senders": lambda: slow_senders(options.output / "slow", model),
    }
    account: dict[str, Any] = {}
    for name in options.trials.split(","):
        account[name] = trials[name]()
        print(name, account[name], file=sys.stderr, flush=True)
    return account | {"held": all(one["held"] for one in account.values())}


# --- killed -------------------------------------------------------------------------------------


def killed(options: argparse.Namespace, model: Path) -> dict[str, Any]:
    """Kill the node while all series come; see the module."""
    folder = options.output / "killed"
    folder.mkdir(exist_ok=True)
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    state = _state(folder / "state.json")
    series = make_series(options.instances // SLICES, options.seed)
    acknowledged, received = Journal(folder / "acknowledged"), Journal(folder / "received")
    kills = Journal(folder / "kills")
    end = time.monotonic() + options.seconds
    receiver_name = f"PACS@127.0.0.1:{state['receiver']}"
    phases = Phases(folder / "phases")
    node = Node(
        folder,
        model,
        state["node"],
        receiver_name,
        phases=phases,
        kinds=options.results,
        series_after_s=options.series_after,
        environment={"TMPDIR": str(temporary)},
    )
    ended = threading.Event()
    shares = [series[number :: options.senders] for number in range(options.senders)]
    senders = [
        threading.Thread(
            target=_send_share,
            args=(state["node"], share, acknowledged, lambda: _progress(kills, options), ended),
            kwargs={"seed": f"{options.seed} {number}"},
        )
        for number, share in enumerate(shares)
    ]
    chance = random.Random(f"{options.seed} {len(kills)}")  # noqa: S311
    with receiver(state["receiver"], received), node.running():
        for one in senders:
            one.start()
        while len(kills) < options.kills and time.monotonic() < end:
            _wait_for_moment(phases, kills, chance, options.life)
            node.kill()
            kills.add(", ".join(phases.under_way()) or "idle")
            node.start()
            if len(kills) % TOLD_EVERY == 0:
                _tell(kills, acknowledged, received)
        while any(one.is_alive() for one in senders) and time.monotonic() < end:
            time.sleep(0.2)
        ended.set()
        for one in senders:
            one.join()
        _wait_until_quiet(folder, end, 4 * options.series_after)
    expected = _expected(folder, series, model, options.results)
    return _judge(folder, series, expected, acknowledged, received, kills) | {
        "complete": len(kills) >= options.kills
    }


def _wait_for_moment(phases: Phases, kills: Journal, chance: random.Random, life: float) -> None:
    """Wait for a random time, or until the node is in a phase drawn by lot, but not for long."""
    if chance.random() < KILLED_AT_START:
        time.sleep(chance.uniform(0, START_S))
        return
    begin = time.monotonic()
    while phases.is_in("starting") and time.monotonic() < begin + 60:
        time.sleep(0.005)
    if chance.random() < 0.5:
        time.sleep(chance.uniform(0, life))
        return
    met = _count_phases(kills)
    rarest = sorted(PHASES[1:], key=lambda phase: (met[phase], chance.random()))[:RAREST]
    phase, end = chance.choice(rarest), time.monotonic() + 2 * life
    # Of a phase of fsyncs the beginning is not all: some get a little further.
    further = chance.choice((0.0, chance.uniform(0, 0.03)))
    while not phases.is_in(phase) and time.monotonic() < end:
        time.sleep(0.002)
    time.sleep(further)


def _tell(kills: Journal, acknowledged: Journal, received: Journal) -> None:
    said = f"{len(kills)} kills, {len(acknowledged)} acknowledged, {len(received)} received"
    print(f"{said}; {_count_phases(kills)}", file=sys.stderr, flush=True)


def _count_phases(kills: Journal) -> dict[str, int]:
    """Return how many kills met each phase; one may meet several."""
    count = Counter(phase for line in kills for phase in line.split(", "))
    return {phase: count[phase] for phase in (*PHASES, "idle")}


def _progress(kills: Journal, options: argparse.Namespace) -> float:
    """Return the share of the kills that are done; the series come as evenly as these."""
    return len(kills) / options.kills if options.kills else 1.0


def _send_share(
    port: int,
    share: Sequence[list[FileDataset]],
    acknowledged: Journal,
    progress: Callable[[], float],
    ended: threading.Event,
    *,
    seed: str = "",
) -> None:
    """Send series one by one until all is acknowledged; the next when its time has come."""
    chance = random.Random(seed)  # noqa: S311
    times = [(number + chance.random()) / len(share) for number in range(len(share))]
    for moment, series in zip(times, share, strict=True):
        while progress() < moment:
            if ended.wait(0.1):
                return
        left = [ds for ds in series if str(ds.SOPInstanceUID) not in acknowledged]
        while left and not ended.is_set():
            with suppress(OSError, AssertionError), closing(associated(port)) as peer:
                while left and send(peer, left[0], pause_s=chance.uniform(0, 0.05)) == 0:
                    acknowledged.add(str(left.pop(0).SOPInstanceUID))
            if left:
                time.sleep(0.05)


def _judge(
    folder: Path,
    series: list[list[FileDataset]],
    expected: set[str],
    acknowledged: Journal,
    received: Journal,
    kills: Journal,
) -> dict[str, Any]:
    lines = (folder / "answers.jsonl").read_text().splitlines()
    answers = [json.loads(line) for line in lines]
    sent = {str(ds.SOPInstanceUID) for one in series for ds in one}
    images = Counter(one["source"] for one in answers if one["kind"] == "image")
    whole = Counter(one["source"] for one in answers if one["kind"] == "series")
    told = set(acknowledged)
    got = Counter(line.split()[0] for line in received.lines)
    account = {
        "kills": len(kills),
        "killed while": _count_phases(kills),
        "instances": len(sent),
        "acknowledged": len(told),
        "acknowledged and not analyzed": len(told - set(images)),
        "analyzed more than once": sum(count > 1 for count in images.values()),
        "files of evidence left behind": sum(1 for _ in folder.rglob("*.npy")),
        "series": len(series),
        "series answered other than once": len(series) - sum(n == 1 for n in whole.values()),
        "lines twice": len(lines) - len(set(lines)),
        "results expected": len(expected),
        "results missing": len(expected - set(got)),
        "results unexpected": len(set(got) - expected),
        "results sent again, same identifier": sum(got.values()) - len(got),
        "of them with other content": len(set(received.lines)) - len(got),
    }
    bad = ("acknowledged and not analyzed", "analyzed more than once", "lines twice",
           "files of evidence left behind",
           "series answered other than once", "results missing", "results unexpected",
           "of them with other content")  # fmt: skip
    held = account["acknowledged"] == len(sent) and not any(account[name] for name in bad)
    return account | {"held": held}


def _expected(folder: Path, series: list[list[FileDataset]], model: Path, kinds: str) -> set[str]:
    """Return the identifiers of all results, those of an earlier run from its file."""
    known = Journal(folder / "expected")
    rest = expected_results(series[len(known) :], model, kinds)
    for number, uids in enumerate(rest, len(known) + 1):
        known.add(" ".join(uids))
        if number % (2 * TOLD_EVERY) == 0:
            print(f"{number} series compared", file=sys.stderr, flush=True)
    return {uid for line in known for uid in line.split()}


def expected_results(
    series: list[list[FileDataset]], model: Path, kinds: str = KINDS
) -> Iterator[list[str]]:
    """Yield the identifiers of the results of each series, made in this process."""
    if not series:
        return
    classifier = Classifier(read_artifact(model), threads=1)
    for one in series:
        with (
            tempfile.TemporaryDirectory() as name,
            ResultCollector(parse_kinds(kinds)) as collector,
        ):
            paths = [Path(name) / f"{number}.dcm" for number in range(len(one))]
            for path, ds in zip(paths, one, strict=True):
                ds.save_as(path, enforce_file_format=True)
            found = []
            for answer in classifier.predict_many(paths, heatmap=True):
                collector.add(answer)
                if isinstance(answer, SeriesPrediction):
                    results = collector.results(str(answer.series_instance_uid), answer)
                    found += [str(made.dataset.SOPInstanceUID) for made in results
                              if isinstance(made, Result)]  # fmt: skip
            yield found


def is_idle(store: Path) -> bool:
    """Tell, by a copy of the store, whether nothing in it waits."""
    with tempfile.TemporaryDirectory() as name:
        for file in store.glob("node.sqlite*"):
            shutil.copy(file, name)
        with suppress(sqlite3.Error), closing(sqlite3.connect(Path(name) / "node.sqlite")) as db:
            waits = ("series WHERE state = 'open'", "lines", "outbox WHERE sent IS NULL")
            return not any(db.execute(f"SELECT 1 FROM {one}").fetchone() for one in waits)  # noqa: S608
    return False


def _wait_until_quiet(folder: Path, end: float, still_s: float = 4 * SERIES_AFTER_S) -> None:
    """Wait until nothing waits in the store, nor comes out of it."""
    files = [folder / "answers.jsonl", folder / "received"]
    before, since = None, time.monotonic()
    while time.monotonic() < end:
        sizes = [one.stat().st_size if one.exists() else 0 for one in files]
        if sizes != before:
            before, since = sizes, time.monotonic()
        if time.monotonic() - since > still_s:
            if is_idle(folder / "store"):
                return
            since = time.monotonic()
        time.sleep(0.2)


# --- full disk ----------------------------------------------------------------------------------


def full_disk(folder: Path, model: Path) -> dict[str, Any]:
    """Fill the disk of the node while a sender sends, then make room again."""
    folder.mkdir(exist_ok=True)
    with small_disk(folder / "disk") as disk:
        if disk is None:
            return {"skipped": "a small file system cannot be mounted: needs root", "held": True}
        node = Node(disk, model, free_port(), environment={"TMPDIR": str(disk)})
        statuses: Counter[str] = Counter()
        told: set[str] = set()
        with node.running():
            node.wait_until_open()
            one, *rest = make_series(6, seed=9)
            _send_all(node.port, one, told, statuses)
            filler = disk / "filler"
            fill(filler)
            _send_all(node.port, rest[0] + rest[1], told, statuses)
            alive = node.is_alive and _answers_echo(node.port)
            refused = sum(count for status, count in statuses.items() if status != "0000")
            filler.unlink()
            again = [ds for series in rest for ds in series if str(ds.SOPInstanceUID) not in told]
            _send_all(node.port, again, told, after := Counter())
            _wait_until_quiet(disk, time.monotonic() + 60)
        answered = images_of(disk / "answers.jsonl")
        said = set(answered.elements())
        return {
            "statuses while full": dict(statuses),
            "statuses after": dict(after),
            "alive while full": alive,
            "acknowledged": len(told),
            "acknowledged and not analyzed": len(told - said),
            "analyzed and not acknowledged": len(said - told),
            "held": alive
            and refused > 0
            and set(statuses) <= {"0000", "A700"}
            and set(after) == {"0000"}
            and said == told,
        }


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """Mount a file system of a few megabytes; ``None`` where that is not allowed."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, check=False).returncode != 0:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(filler: Path) -> None:
    """Leave no room."""
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        for size in (1 << 20, 4096):
            with suppress(OSError):
                while True:
                    stream.write(bytes(size))


# --- slow senders -------------------------------------------------------------------------------


def slow_senders(folder: Path, model: Path, blocks: int = SLOW_BLOCKS) -> dict[str, Any]:
    """Send series, in turn with nobody and with 32 slow senders beside."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    node = Node(folder, model, free_port())
    series = iter(make_series(8 * blocks, seed=20))
    alone: list[dict[str, Any]] = []
    beside: list[dict[str, Any]] = []
    with node.running():
        node.wait_until_open()
        _timed(node.port, [next(series)])
        for _ in range(blocks):
            alone.append(_timed(node.port, [next(series) for _ in range(3)]))
            with _slow_peers(node.port):
                beside.append(_timed(node.port, [next(series) for _ in range(3)]))
        _wait_until_quiet(folder, time.monotonic() + 120)
    answered = images_of(folder / "answers.jsonl")
    told: set[str] = set().union(*(one["told"] for one in alone + beside))
    sent = 2 * 3 * blocks * SLICES
    medians = [_median(alone), _median(beside)]
    account: dict[str, Any] = {
        "instances in each": sent // 2,
        "seconds an instance, alone": medians[0],
        "seconds an instance, beside": medians[1],
        "slowest alone": _slowest(alone),
        "slowest beside": _slowest(beside),
        "ratio of the medians": round(medians[1] / medians[0], 2),
        "ratios of the blocks": [
            round(_median([slow]) / _median([fast]), 2)
            for fast, slow in zip(alone, beside, strict=True)
        ],
        "sent": sent,
        "acknowledged": len(told),
        "acknowledged and not analyzed": sum(answered[uid] == 0 for uid in told),
        "analyzed more than once": sum(answered[uid] > 1 for uid in told),
        "attempts that failed": sum(one["faults"] for one in alone + beside),
    }
    held = len(told) == sent and all(answered[uid] == 1 for uid in told)
    held = held and account["attempts that failed"] == 0
    return account | {"held": held and _slowest(beside) < 2.0 + 5 * _slowest(alone)}


@contextmanager
def _slow_peers(port: int) -> Iterator[None]:
    """Let 32 send slowly, from a process of their own: they must not take turns with the timing."""
    process = _FORKS.Process(target=slow_datasets, args=(port, 3600.0))
    process.start()
    time.sleep(1.0)
    try:
        yield
    finally:
        process.kill()
        process.join()


def _median(blocks: Sequence[Mapping[str, Any]]) -> float:
    return round(statistics.median(one for block in blocks for one in block["seconds"]), 4)


def _slowest(blocks: Sequence[Mapping[str, Any]]) -> float:
    return round(max(one for block in blocks for one in block["seconds"]), 3)


def _timed(port: int, series: list[list[FileDataset]]) -> dict[str, Any]:
    """Send series, an association each, and take the time of each instance."""
    seconds, told, faults = [], set(), 0
    for one in series:
        left = list(one)
        while left and faults < 20:
            begin = time.monotonic()
            try:
                with closing(associated(port)) as peer:
                    while left:
                        begin = time.monotonic()
                        if send(peer, left[0]) == 0:
                            told.add(str(left[0].SOPInstanceUID))
                        left.pop(0)
                        seconds.append(time.monotonic() - begin)
            except (OSError, AssertionError):
                faults += 1
                seconds.append(time.monotonic() - begin)
    return {"told": told, "faults": faults, "seconds": seconds}


# --- parts --------------------------------------------------------------------------------------


class Journal:
    """Lines that are in a file before anybody is told; those of an earlier run come first."""

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        content = path.read_text() if path.exists() else ""
        # A line without its end was not told to anybody.
        self.lines = content[: content.rfind("\n") + 1].splitlines()
        path.write_text("".join(f"{line}\n" for line in self.lines))
        self._known = set(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __contains__(self, line: str) -> bool:
        return line in self._known

    def add(self, line: str) -> None:
        """Return when the line is with the operating system: this process is not killed."""
        with self._lock:
            with self._path.open("a") as file:
                file.write(f"{line}\n")
            self.lines.append(line)
            self._known.add(line)


class Phases:
    """How many threads of the node are in each phase, in memory that a file holds.

    Parameters
    ----------
    path
        Of the file; what the node of another process wrote there is read.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._lock = path, threading.Lock()
        with path.open("a+b") as file:
            file.truncate(len(PHASES))
            self._counts = mmap.mmap(file.fileno(), len(PHASES))
        self._here = threading.local()

    def clear(self) -> None:
        """Be a node that is about to start."""
        self._counts[:] = bytes([1, *[0] * (len(PHASES) - 1)])

    def is_in(self, phase: str) -> bool:
        """Tell whether a thread is in the phase."""
        return self._counts[PHASES.index(phase)] > 0

    def under_way(self) -> list[str]:
        """Return the phases that threads are in."""
        return [phase for phase in PHASES if self.is_in(phase)]

    def add(self, phase: str, change: int) -> None:
        """Count a thread that enters or leaves."""
        with self._lock:
            self._counts[PHASES.index(phase)] += change

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Be in a phase, and not in the one around it."""
        around = getattr(self._here, "phase", None)
        self._move(around, name)
        try:
            yield
        finally:
            self._move(name, around)

    def _move(self, old: str | None, new: str | None) -> None:
        # Never in neither: who is killed here was in one of them.
        if new is not None:
            self.add(new, 1)
        if old is not None:
            self.add(old, -1)
        self._here.phase = new

    def watch(self, owner: Any, method: str, name: str) -> None:
        """Have a function or method count as a phase."""
        original = getattr(owner, method)

        @functools.wraps(original)
        def watched(*words: Any, **options: Any) -> Any:
            with self.phase(name):
                return original(*words, **options)

        setattr(owner, method, watched)


def watch_node(phases: Phases) -> None:
    """Have the node of this process write down its phases."""
    from tumorscope.serving.dicom import store_and_forward
    from tumorscope.serving.dicom.answer_file import AnswerFile
    from tumorscope.serving.dicom.delivery import StoreReceiver
    from tumorscope.serving.dicom.messages import BoundedMessages
    from tumorscope.serving.dicom.node import DicomNode
    from tumorscope.serving.dicom.series_store import SeriesStore
    from tumorscope.serving.dicom.store_and_forward import StoreAndForward

    phases.watch(DicomNode, "_store", "reading it")
    phases.watch(SeriesStore, "keep", "storing it")
    phases.watch(StoreAndForward, "_answer", "answering a series")
    phases.watch(StoreAndForward, "_keep_results", "making its results")
    phases.watch(store_and_forward.pydicom, "dcmwrite", "writing a result")
    phases.watch(SeriesStore, "answer", "committing the series")
    phases.watch(AnswerFile, "write_once", "writing answers")
    phases.watch(SeriesStore, "forget_lines", "forgetting answers")
    phases.watch(StoreReceiver, "send", "sending results")
    phases.watch(SeriesStore, "sent", "marking a result as sent")
    begin, take, start = BoundedMessages._begin, DicomNode._store, DicomNode.start

    def begin_message(self: BoundedMessages) -> None:
        phases.add("receiving an instance", 1)
        begin(self)

    def take_message(self: DicomNode, event: evt.Event) -> int:
        phases.add("receiving an instance", -1)
        return take(self, event)

    def start_node(self: DicomNode) -> int:
        port = start(self)
        phases.add("starting", -1)
        return port

    BoundedMessages._begin = begin_message  # type: ignore[method-assign]
    DicomNode._store = take_message  # type: ignore[method-assign]
    DicomNode.start = start_node  # type: ignore[method-assign]


@dataclass
class Node:
    """``tumorscope node --store``, which is killed and started."""

    folder: Path
    model: Path
    port: int
    receiver: str | None = None
    environment: dict[str, str] | None = None
    phases: Phases | None = None
    kinds: str = KINDS
    series_after_s: float = SERIES_AFTER_S
    process: BaseProcess | None = None

    def start(self) -> None:
        """Start it, and do not wait."""
        words = ["node", "--port", str(self.port), "--series-after", str(self.series_after_s)]
        words += ["--store", str(self.folder / "store"), "--model", str(self.model)]
        words += ["--output", str(self.folder / "answers.jsonl")]
        if self.receiver:
            words += ["--send-to", self.receiver, "--results", self.kinds]
        log = str(self.folder / "node.log")
        path = None
        if self.phases is not None:
            self.phases.clear()
            path = str(self.phases.path)
        self.process = _FORKS.Process(target=_node, args=(words, log, self.environment or {}, path))
        self.process.start()

    def kill(self) -> None:
        """Send SIGKILL, and wait for its end."""
        if self.process is not None and self.process.pid is not None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.join()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start it, and end it as a user would."""
        self.start()
        try:
            yield
            if self.process is not None:
                self.process.terminate()
                self.process.join(60)
        finally:
            if self.is_alive:
                self.kill()

    @property
    def is_alive(self) -> bool:
        """Tell whether it runs."""
        return self.process is not None and self.process.is_alive()

    def wait_until_open(self, seconds: float = 60) -> None:
        """Return when it listens."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with suppress(OSError):
                connect(self.port).close()
                return
            if not self.is_alive:
                raise AssertionError((self.folder / "node.log").read_text()[-2000:])
            time.sleep(0.02)
        raise AssertionError("the node does not listen")


def _node(words: list[str], log: str, environment: dict[str, str], phases: str | None) -> None:
    """Be the node."""
    if phases is not None:
        watch_node(Phases(Path(phases)))
    os.environ.update(environment)
    tempfile.tempdir = None
    with Path(log).open("ab") as stream:
        os.dup2(stream.fileno(), 2)
    from tumorscope.cli.main import main as command

    sys.argv = ["tumorscope", *words]
    sys.exit(command())


@contextmanager
def receiver(port: int, received: Journal) -> Iterator[None]:
    """Be a PACS: take results, and write down identifier and content."""

    def store(event: evt.Event) -> int:
        content = hashlib.sha256(event.request.DataSet.getvalue()).hexdigest()
        received.add(f"{event.request.AffectedSOPInstanceUID} {content}")
        return 0

    ae = AE(ae_title="PACS")
    ae.supported_contexts = AllStoragePresentationContexts
    with listening(ae, port, [(evt.EVT_C_STORE, store)]):
        yield


def send(peer: Any, ds: FileDataset, pause_s: float = 0.0) -> int:
    """Send one instance over an association, with a pause before its end; return the status.

    Raises
    ------
    OSError
        If the connection ends before the answer.
    """
    *parts, last = session(ds)[2:-1]
    peer.sendall(b"".join(parts))
    if pause_s:
        time.sleep(pause_s)
    peer.sendall(last)
    answer = read_pdu(peer)
    at = answer.find(STATUS)
    if at < 0:
        raise ConnectionError("no answer")
    return int(struct.unpack_from("<H", answer, at + len(STATUS))[0])


def _send_all(
    port: int, datasets: Sequence[FileDataset], told: set[str], statuses: Counter[str]
) -> None:
    with closing(associated(port)) as peer:
        for ds in datasets:
            status = send(peer, ds)
            statuses[f"{status:04X}"] += 1
            if status == 0:
                told.add(str(ds.SOPInstanceUID))


def _answers_echo(port: int) -> bool:
    ae = Caller(ae_title="SENDER")
    ae.add_requested_context("1.2.840.10008.1.1")
    association = ae.associate("127.0.0.1", port, ae_title="TUMORSCOPE")
    said = association.is_established and association.send_c_echo().get("Status") == 0
    association.release()
    return bool(said)


def images_of(path: Path) -> Counter[str]:
    """Return how often each image was answered."""
    lines = map(json.loads, path.read_text().splitlines())
    return Counter(one["source"] for one in lines if one["kind"] == "image")


def make_series(
    count: int, seed: int, slices: int = SLICES, size: int = SIZE
) -> list[list[FileDataset]]:
    """Draw series whose identifiers follow from the seed, a study each."""
    pictures = [head_phantom(lesion=Lesion(), seed=number, size=size) for number in range(slices)]
    return [
        [_image(pictures[at], f"{seed} {number}", at) for at in range(slices)]
        for number in range(count)
    ]


def _image(pixels: Any, name: str, number: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = hashed_uid("instance", name, str(number))
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = (
        hashed_uid(kind, name) for kind in ("study", "series")
    )
    ds.FrameOfReferenceUID = hashed_uid("frame", name)
    ds.PatientName, ds.PatientID, ds.Modality = "Doe^Jane", "1", "MR"
    ds.InstanceNumber = number + 1
    ds.ImagePositionPatient = [-80, -95, 30 + 5 * number]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [1, 1], 5
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB"
    return ds


def _state(path: Path) -> dict[str, int]:
    """Return the ports, which stay the same in all runs: the store names the receiver by it."""
    if not path.exists():
        path.write_text(json.dumps({"node": free_port(), "receiver": free_port()}))
    state: dict[str, int] = json.loads(path.read_text())
    return state


def free_port() -> int:
    """Return a port that is free now."""
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


if __name__ == "__main__":
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    main()
