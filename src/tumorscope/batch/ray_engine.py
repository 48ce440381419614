"""Parts answered by a pool of actors on a Ray cluster, or on a Ray of this machine."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from tumorscope.batch.answer import Job, PartAnswerer
from tumorscope.batch.units import Unit
from tumorscope.errors import MissingExtraError, TumorscopeError, UsageError

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when ray is loaded: docs/decisions/0005
# Ray warns on the terminal that restarted actors need the job from this run's memory, as they may.
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")

try:
    import pyarrow as pa
    import ray
    import ray.data
except ModuleNotFoundError as missing:
    raise MissingExtraError(feature="The engine ray", extra="scale") from missing

WINDOW: Final = 1000
"""Parts that Ray is given at once, so that the driver's memory does not grow with the archive."""

_PROBE_S: Final = 5.0
_OBJECT_STORE_BYTES: Final = 512 * 1024 * 1024
"""Of a Ray of our own. What is under way is far less: a part has some ten kilobytes."""


class _Actor:
    """Holds the session; a part in, its rows out as the bytes of a Parquet file."""

    def __init__(self, job: Any) -> None:
        self._answerer = PartAnswerer(ray.get(job["reference"]))

    def __call__(self, parts: pa.Table) -> pa.Table:
        rows = [
            self._answerer.answer([Unit.from_json(line) for line in units])
            for units in parts.column("units").to_pylist()
        ]
        return pa.table({"number": parts.column("number"), "rows": pa.array(rows, pa.binary())})


def answer_on_ray(
    job: Job,
    parts: Iterable[tuple[int, list[Unit]]],
    *,
    workers: int | None,
    address: str | None,
) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of parts with their numbers, as they are done.

    Parameters
    ----------
    workers
        Actors, of one thread each; by default one for each processor that Ray has.
    address
        ``HOST:PORT`` of a cluster; ``None`` starts a Ray of this run's own.

    Raises
    ------
    TumorscopeError
        If Ray cannot do the work; what is done stays done.
    """
    with _connected(address, workers):
        size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        reference = ray.put(job)
        rest = iter(parts)
        while window := list(islice(rest, WINDOW)):
            try:
                yield from _answer_window(window, reference, min(size, len(window)))
            except ray.exceptions.RayError as error:
                raise TumorscopeError(
                    f"Ray could not do the work: {_first_line(error)} What is done is kept: run "
                    "the same command again."
                ) from error


def check_address(address: str) -> None:
    """Refuse an address at which nothing answers, before any work.

    Raises
    ------
    UsageError
        If it is not HOST:PORT or nothing listens there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise UsageError(
            f"--address needs HOST:PORT, as 'ray start --head' prints it; received {address!r}."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"No Ray cluster answers at {address} ({error}); check the address, or leave "
            "--address out to use this machine."
        ) from error


def _answer_window(
    window: list[tuple[int, list[Unit]]], reference: Any, actors: int
) -> Iterator[tuple[int, bytes]]:
    items = [
        {"number": number, "units": [unit.to_json() for unit in units]} for number, units in window
    ]
    answered = ray.data.from_items(items, override_num_blocks=len(items)).map_batches(
        _Actor,
        batch_size=1,
        batch_format="pyarrow",
        fn_constructor_kwargs={"job": {"reference": reference}},
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=1,
    )
    for done in answered.iter_batches(batch_size=None, batch_format="pyarrow"):
        numbers, rows = done.column("number").to_pylist(), done.column("rows").to_pylist()
        yield from zip(numbers, rows, strict=True)


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[None]:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        own: dict[str, Any] = {"num_cpus": workers, "object_store_memory": _OBJECT_STORE_BYTES}
        own |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        _connect("local", "Ray cannot be started here", quiet | own)  # whatever RAY_ADDRESS says
    else:
        check_address(address)
        _connect(address, f"The Ray cluster at {address} refuses", quiet)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


def _connect(address: str, failure: str, options: dict[str, Any]) -> None:
    try:
        ray.init(address, **options)
    # Ray raises classes of many kinds, Exception itself among them.
    except Exception as error:
        ray.shutdown()
        raise TumorscopeError(f"{failure}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
