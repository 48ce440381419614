"""A load of HTTP clients over real sockets, each answer held against a reference."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

BOUNDARY = "load"
TIMEOUT_S = 60.0
DRAIN_S = 30.0
"""What is under way at the end of a run is waited for this long, and not counted."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One request as bytes, and the test that its answer must pass."""

    content: bytes
    is_right: Callable[[dict[str, Any]], bool]


@dataclass(slots=True)
class Account:
    """What a run came to; times in seconds."""

    seconds: float = 0.0
    answered: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    refused_with: set[int] = field(default_factory=set)
    wrong: int = 0
    broken: int = 0
    without_retry_after: int = 0

    @property
    def goodput(self) -> float:
        """Right answers per second."""
        return len(self.answered) / self.seconds

    def add(self, part: Account) -> None:
        """Count what a part of the run came to; the time is that of the whole."""
        self.answered += part.answered
        self.refused += part.refused
        self.refused_with |= part.refused_with
        self.wrong += part.wrong
        self.broken += part.broken
        self.without_retry_after += part.without_retry_after

    def summary(self) -> dict[str, Any]:
        """Return the numbers that are reported."""
        return {
            "goodput_per_s": round(self.goodput, 2),
            "answers": len(self.answered),
            "answer_ms": _percentiles(self.answered),
            "refusals": len(self.refused),
            "refusal_ms": _percentiles(self.refused),
            "refused_with": sorted(self.refused_with),
            "wrong": self.wrong,
            "broken": self.broken,
            "without_retry_after": self.without_retry_after,
        }


def multipart_post(host: str, path: str, name: str, content: bytes) -> bytes:
    """Return a whole request that uploads one file."""
    part = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    body = f"--{BOUNDARY}\r\n{part}\r\n\r\n".encode() + content + f"\r\n--{BOUNDARY}--\r\n".encode()
    return _post(host, path, f"multipart/form-data; boundary={BOUNDARY}", body)


def json_post(host: str, path: str, values: dict[str, Any]) -> bytes:
    """Return a whole request with a JSON body."""
    return _post(host, path, "application/json", json.dumps(values).encode())


def _post(host: str, path: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def closed_load(host: str, shots: list[Shot], *, clients: int, seconds: float) -> Account:
    """Let a number of clients each send one request after another.

    A client that is refused waits as long as Retry-After says, and up to as long again.
    """
    account = Account(seconds=seconds)
    started = time.perf_counter()

    async def work(number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - to be repeated
        connection = _Connection(host)
        # Real clients do not begin in one instant.
        await asyncio.sleep(chance.random() * min(1.0, seconds / 4))
        while (left := started + seconds - time.perf_counter()) > 0:
            wait = await _exchange(connection, chance.choice(shots), account, started + seconds)
            if wait:
                await asyncio.sleep(min(left, wait * (1 + chance.random())))
        connection.close()

    await _all([asyncio.create_task(work(number)) for number in range(clients)], seconds)
    return account


async def open_load(host: str, shots: list[Shot], *, rate: float, seconds: float) -> Account:
    """Send requests at random times at a rate, whether or not the earlier ones are answered."""
    account = Account(seconds=seconds)
    chance = random.Random(0)  # noqa: S311 - to be repeated
    idle: list[_Connection] = []
    started = time.perf_counter()

    async def work(shot: Shot) -> None:
        connection = idle.pop() if idle else _Connection(host)
        await _exchange(connection, shot, account, started + seconds)
        idle.append(connection)

    tasks, due = [], 0.0
    while due < seconds:
        due += chance.expovariate(rate)
        await asyncio.sleep(max(0.0, started + due - time.perf_counter()))
        tasks.append(asyncio.create_task(work(chance.choice(shots))))
    await _all(tasks, DRAIN_S)
    for connection in idle:
        connection.close()
    return account


async def _all(tasks: list[asyncio.Task[None]], seconds: float) -> None:
    _, late = await asyncio.wait(tasks, timeout=seconds + DRAIN_S)
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _exchange(
    connection: _Connection, shot: Shot, account: Account, end: float
) -> float | None:
    """Send one request and book its answer; return what Retry-After says of a refusal."""
    started = time.perf_counter()
    try:
        async with asyncio.timeout(TIMEOUT_S):
            status, headers, body = await connection.exchange(shot.content)
    except (OSError, EOFError, ValueError, TimeoutError):
        connection.close()
        account.broken += 1
        return 0.1
    ended = time.perf_counter()
    if ended > end:
        return None
    if status == 200 and shot.is_right(json.loads(body)):
        account.answered.append(ended - started)
    elif status in (429, 503):
        account.refused.append(ended - started)
        account.refused_with.add(status)
        account.without_retry_after += "retry-after" not in headers
        return float(headers.get("retry-after", 1))
    else:
        account.wrong += 1
    return None


class _Connection:
    """A kept connection, opened anew where the server has closed it."""

    def __init__(self, host: str) -> None:
        self._host, _, self._port = host.rpartition(":")
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, content: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send a request; return status, headers in lower case and body."""
        if self._streams is None or self._streams[0].at_eof():
            self.close()
            self._streams = await asyncio.open_connection(self._host, int(self._port))
        reader, writer = self._streams
        writer.write(content)
        await writer.drain()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        lines = (line.partition(":") for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return int(head[0].split()[1]), headers, body

    def close(self) -> None:
        """Close it, if it is open."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


def _percentiles(seconds: list[float]) -> dict[str, float] | None:
    if not seconds:
        return None
    ordered = sorted(seconds)
    at = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    last = len(ordered) - 1
    return {name: round(1000 * ordered[round(last * part)], 1) for name, part in at.items()}
