"""Faults of the machine under a running service: what the user sees, and what is lost.

    python -m benchmarks.chaos [ROW...] [--output FILE]

Each row starts ``tumorscope serve`` with a small model on a spool of its own, makes one fault, and
checks that what was acknowledged before comes out whole after it. Rows that mount a file
system need root and are left out elsewhere. Exit code 1: a row saw something else than it says.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import nibabel
import numpy as np
from tests.conftest import make_tiny_artifact
from tests.serving.made_requests import Server, encode

from tumorscope.model.artifact import write_artifact

SLICES: Final = 300
DISK_BYTES: Final = 48 * 1024 * 1024
HANDLES: Final = 90
LARGE: Final = (5600, 5600)
"""Nearly as large as an image may be."""
SPARE_BYTES: Final = 96 * 1024 * 1024
"""What a service at rest is left: enough for small images, and not for the large one."""
SYNC_S: Final = 2.0
SYSTEM: Final = "/usr/sbin:/sbin:/usr/bin:/bin"


class LeftOutError(Exception):
    """The machine cannot make this fault."""


class Trial:
    """A service with a folder of its own.

    Attributes
    ----------
    folder, spool, model
        Where its files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.spool = folder, folder / "spool"
        self.model = folder / "tiny.tumorscope"
        write_artifact(self.model, make_tiny_artifact())
        self.servers: list[Server] = []

    def start(self, *options: str) -> Server:
        """Start a service on the spool."""
        self.servers.append(Server(self.folder, self.model, ("--lease", "1", *options)))
        return self.servers[-1]

    def refused_start(self, *options: str) -> str:
        """Start a service that should not; return what it says."""
        words = ["serve", "--port", "0", "--spool", str(self.spool), "--model", str(self.model)]
        done = subprocess.run(
            [sys.executable, "-m", "tumorscope", *words, *options],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        require(done.returncode == 2, f"exit code {done.returncode}: {done.stderr}")
        require(len(done.stderr.splitlines()) == 1, f"more than one line: {done.stderr}")
        return done.stderr.strip()

    def close(self) -> None:
        """End all services."""
        for one in self.servers:
            one.kill()


def full_disk(trial: Trial) -> str:
    """Fill the disk: new jobs 503, images answered; the job at hand ends whole."""
    return _full_disk(trial, audited=False)


def full_disk_audited(trial: Trial) -> str:
    """Fill the disk of an audit log: 503 for images, too, until there is room; the job is whole."""
    return _full_disk(trial, audited=True)


def read_only(trial: Trial) -> str:
    """Make the disk read-only by a fault: jobs 503, images answered; whole after a repair."""
    image = trial.folder / "disk.img"
    with image.open("wb") as stream:
        stream.truncate(DISK_BYTES)
    trial.spool.mkdir()
    tools = [shutil.which(one, path=SYSTEM) for one in ("mkfs.ext4", "e2fsck", "mount")]
    if None in tools or run([str(tools[0]), "-q", str(image)]):
        raise LeftOutError("a file system cannot be made: needs e2fsprogs")
    with mounted(image, trial.spool):
        server = trial.start()
        job = begin(server)
        require(not run(["mount", "-o", "remount,abort", str(trial.spool)]), "it stayed writable")
        jobs, images = post(server, "/api/v1/jobs"), post(server, "/api/v1/predictions")
        ready = server.request("GET", "/readyz")[0]
        server.kill()
    run([str(tools[1]), "-fy", str(image)])
    with mounted(image, trial.spool):
        require((jobs, images, ready) == (503, 200, 503), f"{jobs}, {images}, {ready}")
        server = trial.start()
        said = whole(server, job)
        server.kill()
    return f"jobs {jobs}, images {images}, ready {ready}; repaired and started again: {said}"


def out_of_handles(trial: Trial) -> str:
    """Take all handles: answered again once they are free; the job ends whole."""
    server = trial.start()
    job = begin(server)
    workers = children(server.process.pid)
    for one in workers:
        _, most = resource.prlimit(one, resource.RLIMIT_NOFILE)
        resource.prlimit(one, resource.RLIMIT_NOFILE, (HANDLES, most))
    host, _, port = server.url.removeprefix("http://").rpartition(":")
    idle = []
    for _ in range(2 * HANDLES):
        with suppress(OSError):
            idle.append(socket.create_connection((host, int(port)), timeout=1))
            idle[-1].sendall(b"GET / HTTP/1.1\r\n")
    time.sleep(2)
    for one in idle:
        one.close()
    end = time.monotonic() + 60
    status = 0
    while status != 200 and time.monotonic() < end:
        with suppress(OSError):
            status = post(server, "/api/v1/predictions")
    require(status == 200, f"images {status} after the handles were free")
    return f"images {status} afterwards; {whole(server, job)}"


def corrupt_artifact(trial: Trial) -> str:
    """Cut the artifact: no start, one line, code 2; a running service goes on from memory."""
    server = trial.start()
    job = begin(server)
    content = trial.model.read_bytes()
    trial.model.write_bytes(content[: len(content) // 2])
    images = post(server, "/api/v1/predictions")
    require(images == 200, f"images {images}")
    said = whole(server, job)
    cut = trial.refused_start()
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 1
    trial.model.write_bytes(changed)
    trial.refused_start()
    return f"running: images 200, {said}; start: {cut[:70]}..."


def damaged_store(trial: Trial) -> str:
    """Damage the store: no start, one line, code 2; a restored backup has the jobs of its time."""
    server = trial.start()
    job = begin(server, slices=20)
    server.wait_for_job(job)
    backup = trial.folder / "backup.tar"
    keys = ("--api-keys", str(trial.folder / "keys"))
    command(["backup", str(backup), "--spool", str(trial.spool), *keys])
    server.terminate()
    store = trial.spool / "jobs.sqlite3"
    store.write_bytes(os.urandom(4096) + store.read_bytes()[4096:])
    said = trial.refused_start()
    shutil.move(trial.spool, trial.folder / "damaged")
    command(["restore", str(backup), "--spool", str(trial.spool), *keys])
    return f"{said[:60]}...; restored: {whole(trial.start(), job, slices=20)}"


def two_services(trial: Trial) -> str:
    """Kill one of two services on one spool: its jobs go on in the other."""
    first, second = trial.start(), trial.start()
    jobs = [begin(first), begin(second)]
    first.kill()
    return "; ".join(whole(second, job) for job in jobs)


def killed_worker(trial: Trial) -> str:
    """Kill a worker: the service starts another, and jobs go on."""
    server = trial.start("--workers", "2")
    jobs = [begin(server), begin(server)]
    os.kill(children(server.process.pid)[0], signal.SIGKILL)
    return "; ".join(whole(server, job) for job in jobs)


def memory_cap(trial: Trial) -> str:
    """Cap the memory: what needs more ends its worker, and in a job is an error; all else holds."""
    with memory_group() as group:
        with group.joined():
            server = trial.start()
        group.limit(group.used() + SPARE_BYTES)
        large = np.random.default_rng(0).integers(0, 200, LARGE).astype(np.uint8)
        files = [("a.png", encode(large[:64, :64])), ("b.png", encode(large))]
        files.append(("c.png", encode(large[-64:, -64:])))
        broken = ""
        try:
            server.request("POST", "/api/v1/predictions", files[1])
        except (OSError, HTTPException) as error:
            broken = type(error).__name__
        require(bool(broken), "the large image was answered")
        job = again(lambda: server.json("POST", "/api/v1/jobs", *files))["id"]
        path = f"/api/v1/jobs/{job}"
        while (body := again(lambda: server.json("GET", path)))["state"] != "finished":
            time.sleep(0.1)
        kinds = [one["kind"] for one in body["predictions"]]
        images = again(lambda: post(server, "/api/v1/predictions"))
        server.kill()
    require(kinds == ["image", "error", "image"] and images == 200, f"{kinds}, images {images}")
    return f"large image: {broken}; job: {', '.join(kinds)}; images {images}"


def slow_disk(trial: Trial) -> str:
    """Have each wait for the disk take long: a job's 202 waits, images do not; the job is whole."""
    server = trial.start()
    post(server, "/api/v1/predictions")
    with slow_writes([server.process.pid, *children(server.process.pid)]):
        begun = time.monotonic()
        job = begin(server)
        accepted = time.monotonic()
        images = post(server, "/api/v1/predictions")
        answered = time.monotonic()
        said = whole(server, job)
    waits = (accepted - begun, answered - accepted)
    require(waits[0] >= SYNC_S > waits[1], f"job {waits[0]:.1f} s, image {waits[1]:.1f} s")
    return f"202 after {waits[0]:.1f} s, images {images} after {waits[1]:.1f} s; {said}"


ROWS: Final[dict[str, Callable[[Trial], str]]] = {
    one.__name__: one
    for one in (
        full_disk,
        full_disk_audited,
        read_only,
        out_of_handles,
        corrupt_artifact,
        damaged_store,
        two_services,
        killed_worker,
        memory_cap,
        slow_disk,
    )
}


def _full_disk(trial: Trial, *, audited: bool) -> str:
    with small_disk(trial.spool):
        options = ("--audit-log", str(trial.spool / "audit.jsonl")) if audited else ()
        server = trial.start(*options)
        job = begin(server)
        filler = trial.spool / "filler"
        fill(filler)
        jobs = post(server, "/api/v1/jobs")
        # The last page of the log has room for some entries.
        tries = [post(server, "/api/v1/predictions") for _ in range(15 if audited else 1)]
        images = tries[-1]
        filler.unlink()
        expected = (503, 503) if audited else (503, 200)
        require((jobs, images) == expected, f"jobs {jobs}, images {images}")
        if audited:
            command(["audit", "verify", "--audit-log", options[1]])
        return f"jobs {jobs}, images {images}; {whole(server, job)}"


def require(holds: bool, said: str) -> None:
    """Raise AssertionError with what was seen instead."""
    if not holds:
        raise AssertionError(said)


def begin(server: Server, *, slices: int = SLICES) -> str:
    """Send a job; return its id when it is being answered."""
    voxels = np.random.default_rng(0).integers(0, 200, (48, 64, slices)).astype(np.uint8)
    image = nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 4.0, 1.0]))
    job: str = server.json("POST", "/api/v1/jobs", ("v.nii", image.to_bytes()))["id"]
    return job


def whole(server: Server, job: str, *, slices: int = SLICES) -> str:
    """Wait for a job; require each slice once, in order."""
    body = server.wait_for_job(job)
    found = [one.get("slice_index") for one in body["predictions"] if one["kind"] != "series"]
    require(found == list(range(slices)), f"{len(found)} of {slices} slices")
    return f"job whole, {len(found)} of {slices} slices"


def post(server: Server, path: str) -> int:
    """Send one image; return the status."""
    head = np.random.default_rng(0).integers(0, 200, (64, 64)).astype(np.uint8)
    return server.request("POST", path, ("a.png", encode(head)))[0]


def again(ask: Callable[[], Any]) -> Any:
    """Ask until no worker dies in the middle of it, as clients do."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with suppress(OSError, HTTPException):
            return ask()
        time.sleep(0.2)
    raise AssertionError("no answer within a minute")


def children(process: int) -> list[int]:
    """Return the workers of a service."""
    return [
        int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()
    ]


def command(words: list[str]) -> None:
    """Run tumorscope; it must succeed."""
    subprocess.run(
        [sys.executable, "-m", "tumorscope", *words], check=True, capture_output=True, timeout=120
    )


def fill(path: Path) -> None:
    """Leave no room."""
    with path.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))


@dataclass(frozen=True)
class MemoryGroup:
    """A control group of the kernel, version 1 or 2."""

    folder: Path

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Be in it for a while, so that what is started is in it, too."""
        (self.folder / "cgroup.procs").write_text(str(os.getpid()))
        try:
            yield
        finally:
            (self.folder.parent / "cgroup.procs").write_text(str(os.getpid()))

    def limit(self, count: int) -> None:
        """Set how many bytes its processes may have together."""
        (self.folder / self._file("memory.max", "memory.limit_in_bytes")).write_text(str(count))

    def used(self) -> int:
        """Return how many bytes they have."""
        return int(
            (self.folder / self._file("memory.current", "memory.usage_in_bytes")).read_text()
        )

    def _file(self, new: str, old: str) -> str:
        return new if (self.folder / new).exists() else old


@contextmanager
def memory_group() -> Iterator[MemoryGroup]:
    """Make a group whose memory is counted."""
    parents = [Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")]
    parent = next((one for one in parents if (one / "cgroup.procs").exists()), None)
    if parent is None:
        raise LeftOutError("there are no control groups")
    group = MemoryGroup(parent / f"chaos-{os.getpid()}")
    try:
        group.folder.mkdir()
        group.used()
    except OSError as error:
        raise LeftOutError(f"no group for the memory can be made: {error}") from error
    try:
        yield group
    finally:
        with suppress(OSError):  # a process that was killed a moment ago still counts
            group.folder.rmdir()


@contextmanager
def slow_writes(processes: list[int]) -> Iterator[None]:
    """Delay all that waits for the disk by :data:`SYNC_S`."""
    words = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync,fdatasync"]
    words += ["-e", f"inject=fsync,fdatasync:delay_enter={int(SYNC_S * 1e6)}"]
    words += [word for one in processes for word in ("-p", str(one))]
    try:
        tracer = subprocess.Popen(words, stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise LeftOutError("needs strace") from None
    try:
        time.sleep(2)
        if tracer.poll() is not None:
            raise LeftOutError("strace cannot be attached")
        yield
    finally:
        tracer.terminate()
        tracer.wait(60)


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Mount a file system of a few megabytes."""
    folder.mkdir()
    with mounted("tmpfs", folder, "-t", "tmpfs", "-o", f"size={DISK_BYTES}"):
        yield


@contextmanager
def mounted(what: object, folder: Path, *options: str) -> Iterator[None]:
    """Mount a file system, by default from a file."""
    if run(["mount", *(options or ("-o", "loop")), str(what), str(folder)]):
        raise LeftOutError("a file system cannot be mounted: needs root")
    try:
        yield
    finally:
        unmount(folder)


def unmount(folder: Path) -> None:
    """Wait for killed processes to let go: until then another mount would be the same one."""
    end = time.monotonic() + 60
    while run(["umount", str(folder)]):
        if time.monotonic() > end:
            run(["umount", "--lazy", str(folder)])
            return
        time.sleep(0.1)


def run(words: list[str]) -> int:
    """Run a program of the system; return its exit code."""
    try:
        return subprocess.run(words, capture_output=True, timeout=120, check=False).returncode
    except FileNotFoundError:
        return 127


def run_row(name: str) -> dict[str, Any]:
    """Make one fault."""
    row, started = ROWS[name], time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        trial = Trial(Path(folder))
        try:
            outcome, seen = "as said", row(trial)
        except LeftOutError as error:
            outcome, seen = "left out", str(error)
        except Exception as error:
            outcome, seen = "OTHER", f"{type(error).__name__}: {error}"
        finally:
            trial.close()
    says = (row.__doc__ or "").strip()
    seconds = round(time.monotonic() - started, 1)
    return {"row": name, "says": says, "outcome": outcome, "seen": seen, "seconds": seconds}


def main() -> int:
    """Run the rows; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}")
    parser.add_argument("--output", type=Path, help="JSON file of what was seen")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(unknown)}; there are {', '.join(ROWS)}")
    results = []
    for name in arguments.rows or ROWS:
        results.append(run_row(name))
        print(json.dumps(results[-1]), flush=True)
    if arguments.output is not None:
        arguments.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return int(any(one["outcome"] == "OTHER" for one in results))


if __name__ == "__main__":
    raise SystemExit(main())
