"""Parts answered by a pool of actors on a Ray cluster, or on a Ray of this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from tumorscope.batch.answer import Job, PartAnswerer
from tumorscope.batch.units import Unit
from tumorscope.errors import TumorscopeError
from tumorscope.system.ray_cluster import (  # first: it keeps Ray from reporting
    connected,
    first_line,
)

# isort: split

import pyarrow as pa
import ray
import ray.data

WINDOW: Final = 1000
"""Parts that Ray is given at once, so that the driver's memory does not grow with the archive."""


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
    with connected(address, processors=workers):
        _quiet()
        size = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        reference = ray.put(job)
        rest = iter(parts)
        while window := list(islice(rest, WINDOW)):
            try:
                yield from _answer_window(window, reference, min(size, len(window)))
            except ray.exceptions.RayError as error:
                raise TumorscopeError(
                    f"Ray failed: {first_line(error)} Finished work is kept; run the same command "
                    "again."
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


def _quiet() -> None:
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
