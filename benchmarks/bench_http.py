"""Load on the HTTP service over loopback: goodput, refusals, memory; every answer is checked.

    python -m benchmarks.bench_http load        # 1, 8, 64 and 512 clients, and 8 x overload
    python -m benchmarks.bench_http memory --requests 10000
    python -m benchmarks.bench_http soak --seconds 3600     # at 70 % of what the machine answers
    python -m benchmarks.bench_http baseline    # the tutorials' Flask service under the same load
    python -m benchmarks.bench_http cost        # processor time of a refusal and of an answer

The pictures are made up, or 40 real ones with ``--scans FOLDER``. On a machine that does other work
too, compare numbers of one run only.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.bench_http_client import (
    Account,
    Shot,
    closed_load,
    json_post,
    multipart_post,
    open_load,
)
from tests.conftest import make_tiny_artifact
from tests.serving.made_requests import Server, encode, multipart
from werkzeug.test import Client

from tumorscope import load_model
from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.artifact import write_artifact
from tumorscope.serving.http_api.app import close_app, create_app
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.logs import LOGGER
from tumorscope.serving.http_api.jobs.service import EXTENSION

CHECKOUT = Path(__file__).parents[1]
CLIENTS = (1, 8, 64, 512)
OVERLOAD = 8
PICTURES = 40
WARM_UP = 0.1
"""Part of the requests of a memory run that is not in the slope: pools and caches fill."""

SOAK_SHARE = 0.7
"""Of the goodput of eight clients."""

SOAK_PARTS = 60
"""At the end of each, memory and open files are looked at."""


def pictures(folder: Path | None) -> list[tuple[str, bytes]]:
    """Return names and contents of the pictures that are sent."""
    if folder is not None:
        files = sorted(one for one in folder.rglob("*") if one.is_file())
        step = max(1, len(files) // PICTURES)
        return [(one.name, one.read_bytes()) for one in files[::step][:PICTURES]]
    lesions = [Lesion() if number % 2 else None for number in range(PICTURES)]
    return [
        (f"{number}.png", encode(head_phantom(lesion=lesion, seed=number)))
        for number, lesion in enumerate(lesions)
    ]


def product_shots(host: str, folder: Path | None, artifact: Path | None) -> list[Shot]:
    """Return requests to the service, each with what Python answers for the same bytes."""
    model = load_model(artifact, threads=1)

    def shot(name: str, content: bytes) -> Shot:
        expected = model.predict(content).to_dict() | {"source": name}

        def is_right(body: dict[str, Any]) -> bool:
            (answer,) = body["predictions"]
            close = np.isclose(
                answer["probabilities"]["tumor"], expected["probabilities"]["tumor"], atol=1e-6
            )
            return bool(close) and all(
                answer[key] == expected[key] for key in ("source", "outcome", "model")
            )

        return Shot(multipart_post(host, "/api/v1/predictions", name, content), is_right)

    return [shot(name, content) for name, content in pictures(folder)]


def baseline_shots(host: str, folder: Path | None) -> list[Shot]:
    """Return requests to the tutorials' service, each with its own first answer."""
    return [
        Shot(
            json_post(host, "/predict", {"image": base64.b64encode(content).decode()}),
            lambda body: 0 <= body["tumor"] <= 1,
        )
        for _, content in pictures(folder)
    ]


async def settle(host: str) -> None:
    """Wait until what a run has left behind in the service is worked off."""
    for _ in range(600):
        connection = HTTPConnection(host, timeout=60)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read()
        connection.close()
        # The tutorials' service has no such address; it is given a moment.
        if b"tumorscope_in_flight" not in text or b"tumorscope_in_flight 0.0" in text:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)


async def measure_load(host: str, shots: list[Shot], *, seconds: float) -> dict[str, Any]:
    """Measure each number of clients, then the overload against the best of them."""
    await closed_load(host, shots, clients=2, seconds=3)
    result: dict[str, Any] = {"seconds_each": seconds, "clients": {}}
    peak = 0.0
    for clients in CLIENTS:
        await settle(host)
        account = await closed_load(host, shots, clients=clients, seconds=seconds)
        result["clients"][clients] = account.summary()
        peak = max(peak, account.goodput)
        _show(f"{clients} clients", account)
    await settle(host)
    overload = await open_load(host, shots, rate=OVERLOAD * peak, seconds=seconds)
    # The machine's other work comes and goes: the peak is taken again on the other side.
    await settle(host)
    again = await closed_load(host, shots, clients=8, seconds=seconds)
    _show(f"{OVERLOAD * peak:.0f} requests per second", overload)
    _show("8 clients again", again)
    return result | {
        "peak_per_s": round(peak, 2),
        "overload": overload.summary() | {"offered_per_s": round(OVERLOAD * peak, 1)},
        "8_clients_again": again.summary(),
        "overload_over_peak": round(overload.goodput / peak, 3),
        "overload_over_8_clients_again": round(overload.goodput / max(again.goodput, 1e-9), 3),
    }


def _show(what: str, account: Account) -> None:
    print(what, json.dumps(account.summary()), file=sys.stderr, flush=True)


async def measure_memory(
    host: str, shots: list[Shot], *, requests: int, process: int
) -> dict[str, Any]:
    """Send a number of requests by 8 clients; fit a line through the resident memory."""
    done, samples, account = 0, [], Account()
    started = time.perf_counter()
    while done < requests:
        part = await closed_load(host, shots, clients=8, seconds=5)
        done += len(part.answered) + part.wrong + part.broken
        account.wrong += part.wrong
        account.broken += part.broken
        samples.append((done, resident_mb(process)))
        print(done, samples[-1][1], file=sys.stderr, flush=True)
    return {
        "requests": done,
        "seconds": round(time.perf_counter() - started),
        "wrong": account.wrong,
        "broken": account.broken,
        "first_mb": samples[0][1],
        "last_mb": samples[-1][1],
        "slope_mb_per_1000": slope_per_1000(samples),
    }


async def measure_soak(
    host: str, shots: list[Shot], *, seconds: float, process: int
) -> dict[str, Any]:
    """Keep the service at 70 % of its goodput; fit lines through its memory and open files."""
    peak = (await closed_load(host, shots, clients=8, seconds=20)).goodput
    memory, files, whole = [], [], Account(seconds=seconds)
    done, rate = 0, SOAK_SHARE * peak
    for _ in range(SOAK_PARTS):
        part = await open_load(host, shots, rate=rate, seconds=seconds / SOAK_PARTS)
        whole.add(part)
        done += len(part.answered)
        memory.append((done, resident_mb(process)))
        files.append((done, float(open_files(process))))
        _show(f"{memory[-1][1]} MB, {files[-1][1]:.0f} open files", part)
    return whole.summary() | {
        "seconds": seconds,
        "offered_per_s": round(rate, 2),
        "first_mb": memory[0][1],
        "last_mb": memory[-1][1],
        "slope_mb_per_1000": slope_per_1000(memory),
        "first_open_files": files[0][1],
        "last_open_files": files[-1][1],
        "slope_open_files_per_1000": slope_per_1000(files),
    }


def slope_per_1000(samples: list[tuple[int, float]]) -> float:
    """Return how much a value grows in a thousand requests, once pools and caches are full."""
    warm = [one for one in samples if one[0] >= WARM_UP * samples[-1][0]]
    counts, values = np.array(warm).T
    return round(float(np.polyfit(counts / 1000, values, 1)[0]), 3)


def measure_cost(*, repeats: int = 300) -> dict[str, float]:
    """Measure the application alone, without server and socket, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        app = create_app(ServerConfig(spool=Path(folder), max_in_flight=1, threads=1))
        log, LOGGER.disabled = LOGGER.disabled, True
        client, admission = Client(app), app.extensions[EXTENSION].admission
        body, kind = multipart(*pictures(None)[:1])

        def milliseconds(times: int, status: int) -> float:
            started = time.process_time()
            for _ in range(times):
                with client.post("/api/v1/predictions", data=body, content_type=kind) as response:
                    if response.status_code != status:
                        raise SystemExit(f"{response.status_code} in place of {status}")
            return round(1000 * (time.process_time() - started) / times, 2)

        milliseconds(1, 200)
        answer = milliseconds(repeats // 10, 200)
        with admission.enter():
            refusal = milliseconds(repeats, 429)
        LOGGER.disabled = log
        close_app(app)
    return {"refusal_ms": refusal, "answer_ms": answer}


def resident_mb(process: int) -> float:
    """Return the resident memory of a process and all its descendants."""
    return round(sum(_resident_mb(one) for one in _family(process)), 1)


def open_files(process: int) -> int:
    """Return how many descriptors a process and all its descendants hold."""
    return sum(len(list(Path(f"/proc/{one}/fd").iterdir())) for one in _family(process))


def _family(process: int) -> Iterator[int]:
    yield process
    for one in Path(f"/proc/{process}/task").glob("*/children"):
        for child in one.read_text().split():
            yield from _family(int(child))


def _resident_mb(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def running_service(*, small_model: bool) -> Iterator[tuple[Server, Path | None]]:
    """Run ``tumorscope serve``; yields it and its model, ``None`` for the embedded one."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny.tumorscope" if small_model else None
        if model is not None:
            write_artifact(model, make_tiny_artifact())
        server = Server(Path(folder), model, ())
        try:
            yield server, model
        finally:
            server.terminate()


@contextmanager
def running_baseline(python: Path | str = sys.executable) -> Iterator[str]:
    """Run the tutorials' service with some Python; yields host and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(python), "-m", "benchmarks.bench_http_baseline", str(port)]
    paths = [str(CHECKOUT), str(CHECKOUT / "src"), os.environ.get("PYTHONPATH", "")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    with subprocess.Popen(command, env=environment, **quiet) as process:
        try:
            _wait_for(port)
            yield f"127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGTERM)


def _wait_for(port: int) -> None:
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the service did not start")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Make one of the measurements."""
    if options.what == "cost":
        return measure_cost()
    if options.what == "baseline":
        with running_baseline() as host:
            shots = baseline_shots(host, options.scans)
            return asyncio.run(measure_load(host, shots, seconds=options.seconds))
    with running_service(small_model=options.small_model) as (server, model):
        host = server.url.removeprefix("http://")
        shots = product_shots(host, options.scans, model)
        if options.what == "load":
            return asyncio.run(measure_load(host, shots, seconds=options.seconds))
        process = server.process.pid
        if options.what == "soak":
            soak = measure_soak(host, shots, seconds=options.seconds, process=process)
            return asyncio.run(soak)
        return asyncio.run(measure_memory(host, shots, requests=options.requests, process=process))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("what", choices=["load", "memory", "soak", "baseline", "cost"])
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="of each number of clients, or of the soak"
    )
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--scans", type=Path, help="folder of pictures to send")
    parser.add_argument(
        "--small-model", action="store_true", help="the tests' model: what is not the network"
    )
    parser.add_argument("--output", type=Path, default=Path("runs/http"))
    options = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    result = measure(options)
    options.output.mkdir(parents=True, exist_ok=True)
    name = options.what + ("-small" if options.small_model else "")
    (options.output / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
