"""Mutated uploads of every format: no 5xx but 503, no hang, no patient's name in an answer.

    python -m benchmarks.fuzz_uploads --count 100000 --output runs/fuzz

Every mutant is made from its number alone, so a run that was ended goes on where it was, and
``--only NUMBER`` sends one again. Most go to the application within this process, every fiftieth
over a socket to ``tumorscope serve``; both with the small model of the tests, for what happens to a
picture once it is a canvas does not depend on the file it came from. Mutants are edited in their
content (overwritten, cut, repeated, spliced with another format, integers at their bounds), or in
the multipart body around it, or in names and query.
"""

from __future__ import annotations

import argparse
import dataclasses
import faulthandler
import http.client
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from tests.conftest import make_tiny_artifact
from tests.serving.made_requests import Server
from tests.serving.made_scans import FORMATS, PATIENT, made
from werkzeug.test import Client

from tumorscope.model.artifact import write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.app import close_app, create_app
from tumorscope.serving.http_api.base.config import ServerConfig

HANG_S = 5.0
"""Of processor time; where other programs leave no more than a part of the machine, the clock says
nothing."""

WATCHDOG_S = 180
"""By the clock: after this long in one request the program shows where it is and ends."""

SOCKET_SHARE = 50
JOB_SHARE = 20
"""One in so many goes over the socket; one in so many is a job."""

SAVE_EVERY = 250
BOUNDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NAMES = ("", "../../a", "a" * 300, "\x00.png", "ü\u202e.nii", "a/b/../c.zip", "a\r\nB: c")
QUERIES = (
    "heatmap=png",
    "heatmap=png",
    "hold=9",
    "heatmap=%00",
    "operating_point=%ff",
    "hold=-1",
    "x=1&x=2",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Mutant:
    """One request: the seeds it came from, address, body and content type."""

    number: int
    seeds: tuple[str, ...]
    path: str
    body: bytes
    content_type: str


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """What came back; ``seconds`` of processor time."""

    status: int
    content_type: str
    body: bytes
    seconds: float


Send = Callable[[str, str, bytes, str], Reply]


def make_mutant(number: int, *, seed: int, corpus: dict[str, bytes]) -> Mutant:
    """Make one mutant from its number."""
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 - to be repeated
    kinds = [chance.choice(list(corpus)) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    contents = [_mutate(corpus[kind], chance, corpus) for kind in kinds]
    boundary = "mutant"
    names = [chance.choice(NAMES) if chance.random() < 0.1 else "a/b.dcm" for _ in kinds]
    body = (
        b"".join(
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{name}"\r\n\r\n'.encode()
            + content
            + b"\r\n"
            for name, content in zip(names, contents, strict=True)
        )
        + f"--{boundary}--\r\n".encode()
    )
    if chance.random() < 0.1:
        body = _mutate(body, chance, corpus)
    route = "jobs" if number % JOB_SHARE == 0 else "predictions"
    query = chance.choice(QUERIES) if chance.random() < 0.1 else ""
    path = f"/api/v1/{route}" + (f"?{query}" if query else "")
    return Mutant(number, tuple(kinds), path, body, f"multipart/form-data; boundary={boundary}")


def _mutate(content: bytes, chance: random.Random, corpus: dict[str, bytes]) -> bytes:
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        _edit(data, chance, corpus)
    return bytes(data)


def _edit(data: bytearray, chance: random.Random, corpus: dict[str, bytes]) -> None:
    # Headers, where most fields are, get two thirds of the edits.
    reach = len(data) if chance.random() < 0.33 else min(len(data), 700)
    at = chance.randrange(max(1, reach))
    length = chance.choice((1, 2, 4, 16, 256))
    match chance.randrange(8):
        case 0 | 1:
            data[at : at + 1] = bytes([chance.randrange(256)])
        case 2 | 3:
            width, order = chance.choice((2, 4, 8)), chance.choice(("little", "big"))
            value = chance.choice(BOUNDS) & (256**width - 1)
            data[at : at + width] = value.to_bytes(width, order)
        case 4:
            del data[at : at + length]
        case 5:
            data[at:at] = data[at : at + length] * chance.choice((1, 2, 64))
        case 6:
            other = corpus[chance.choice(list(corpus))]
            start = chance.randrange(len(other))
            data[at : at + length] = other[start : start + length]
        case _:
            del data[at if chance.random() < 0.5 else len(data) - length :]


def fault_of(mutant: Mutant, reply: Reply) -> str | None:
    """Return what is wrong with a reply."""
    if reply.status >= 500 and reply.status != 503:
        return f"status {reply.status}"
    if reply.seconds > HANG_S:
        return f"{reply.seconds:.1f} s"
    expected = "application/json" if reply.status < 400 else "application/problem+json"
    if reply.content_type.partition(";")[0] != expected:
        return f"{reply.content_type} with status {reply.status}"
    try:
        json.loads(reply.body)
    except ValueError:
        return "no JSON"
    for word in (PATIENT.encode(), b"Traceback", b"site-packages"):
        # A name that the client itself gave to a file comes back as its source.
        if word in reply.body and word not in mutant.body.partition(b"\r\n\r\n")[0]:
            return f"{word.decode()} in the answer"
    return None


def try_mutant(mutant: Mutant, send: Send) -> tuple[int, float, str | None]:
    """Send a mutant, and see a job through; return status, longest time and fault."""
    reply = send("POST", mutant.path, mutant.body, mutant.content_type)
    fault = fault_of(mutant, reply)
    if fault or reply.status != 202:
        return reply.status, reply.seconds, fault
    job = f"/api/v1/jobs/{json.loads(reply.body)['id']}"
    deadline = time.monotonic() + WATCHDOG_S / 2
    while True:
        looked = send("GET", job, b"", "")
        fault = fault_of(mutant, looked)
        if fault or json.loads(looked.body)["state"] == "finished":
            return reply.status, max(reply.seconds, looked.seconds), fault
        if time.monotonic() > deadline:
            return reply.status, HANG_S, "job not finished"
        time.sleep(0.01)


def sender_within(client: Client) -> Send:
    """Send to the application in this process."""

    def send(method: str, path: str, body: bytes, content_type: str) -> Reply:
        started = processor_s(os.getpid())
        response = client.open(path, method=method, data=body, content_type=content_type or None)
        content = response.get_data()
        response.close()
        seconds = processor_s(os.getpid()) - started
        return Reply(response.status_code, response.content_type or "", content, seconds)

    return send


def sender_over_socket(server: Server) -> Send:
    """Send to a server, each request over a connection of its own."""

    def send(method: str, path: str, body: bytes, content_type: str) -> Reply:
        host = server.url.removeprefix("http://")
        headers = {"Content-Type": content_type} if content_type else {}
        started = processor_s(server.process.pid)
        with closing(http.client.HTTPConnection(host, timeout=WATCHDOG_S)) as connection:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            content = response.read()
        seconds = processor_s(server.process.pid) - started
        return Reply(response.status, response.headers["Content-Type"] or "", content, seconds)

    return send


def processor_s(process: int) -> float:
    """Return the processor time of a process and its descendants, also of those that ended."""
    total, children = 0.0, []
    # A process or thread may end while it is looked at; its parent has its time then.
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
        total = sum(int(one) for one in fields[11:15]) / os.sysconf("SC_CLK_TCK")
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            children += thread.read_text().split()
    return total + sum(processor_s(int(child)) for child in children)


def load_corpus(folder: Path | None) -> dict[str, bytes]:
    """Return the made files, and those of a folder up to 600 kB."""
    corpus = {kind: made(kind) for kind in FORMATS}
    if folder is not None:
        files = sorted(one for one in folder.rglob("*") if one.is_file())
        corpus |= {str(one): one.read_bytes() for one in files if one.stat().st_size < 600_000}
    return corpus


class Run:
    """A run's account, kept in a file."""

    def __init__(self, file: Path, *, seed: int, seeds: int) -> None:
        self._file = file
        fresh: dict[str, Any] = {
            "seed": seed, "seeds": seeds, "done": 0, "over_socket": 0,
            "statuses": {}, "slowest_s": 0.0, "slowest": None, "faults": [],
        }  # fmt: skip
        self.account = json.loads(file.read_text()) if file.exists() else fresh
        if (self.account["seed"], self.account["seeds"]) != (seed, seeds):
            raise SystemExit(f"{file} is of another seed or corpus; give another --output.")
        self._statuses = Counter(self.account["statuses"])

    def note(self, mutant: Mutant, result: tuple[int, float, str | None], *, socket: bool) -> None:
        """Add one result."""
        status, seconds, fault = result
        self._statuses[str(status)] += 1
        self.account["done"] = mutant.number + 1
        self.account["over_socket"] += socket
        if seconds > self.account["slowest_s"]:
            self.account |= {"slowest_s": round(seconds, 3), "slowest": mutant.number}
        self.note_fault(mutant, fault)

    def note_fault(self, mutant: Mutant, fault: str | None) -> None:
        """Add what is wrong, if anything is."""
        if fault:
            print(f"mutant {mutant.number} of {mutant.seeds}: {fault}", file=sys.stderr)
            self.account["faults"].append([mutant.number, list(mutant.seeds), fault])

    def save(self) -> None:
        """Write the account, whole or not at all."""
        self.account["statuses"] = dict(sorted(self._statuses.items()))
        self.account["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(self.account, indent=1) + "\n")
        partial.replace(self._file)


def fuzz(run: Run, numbers: range, *, corpus: dict[str, bytes], within: Send, over: Send) -> None:
    """Send mutants by number, after those again that failed before the run was ended."""
    seed, again = run.account["seed"], [one[0] for one in run.account["faults"]]
    run.account["faults"] = []
    for number in (*again, *numbers):
        mutant = make_mutant(number, seed=seed, corpus=corpus)
        socket = number % SOCKET_SHARE == SOCKET_SHARE - 1
        faulthandler.dump_traceback_later(WATCHDOG_S, exit=True)
        result = try_mutant(mutant, over if socket else within)
        if number in numbers:
            run.note(mutant, result, socket=socket)
        else:
            run.note_fault(mutant, result[2])
        if number % SAVE_EVERY == 0:
            run.save()
    faulthandler.cancel_dump_traceback_later()
    run.save()


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="send this one mutant, within this process")
    parser.add_argument("--corpus", type=Path, help="folder of more files to mutate")
    parser.add_argument("--output", type=Path, default=Path("runs/fuzz"))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the server is ended too
    options.output.mkdir(parents=True, exist_ok=True)
    corpus = load_corpus(options.corpus)
    with tempfile.TemporaryDirectory() as folder:
        artifact, model = make_tiny_artifact(), Path(folder) / "tiny.tumorscope"
        write_artifact(model, artifact)
        config = ServerConfig(spool=Path(folder) / "within")
        app = create_app(config, classifier=Classifier(artifact, threads=1))
        within = sender_within(Client(app))
        if options.only is not None:
            mutant = make_mutant(options.only, seed=options.seed, corpus=corpus)
            print(mutant, try_mutant(mutant, within))
            return
        run = Run(options.output / "account.json", seed=options.seed, seeds=len(corpus))
        server = Server(Path(folder), model, ())
        try:
            numbers = range(run.account["done"], options.count)
            over = sender_over_socket(server)
            fuzz(run, numbers, corpus=corpus, within=within, over=over)
        finally:
            server.kill()
            close_app(app)
    print(json.dumps(run.account, indent=1))
    sys.exit(1 if run.account["faults"] else 0)


if __name__ == "__main__":
    main()
