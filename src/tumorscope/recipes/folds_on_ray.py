"""Runs side by side as tasks of Ray; see docs/decisions/0033."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from tumorscope.errors import UsageError
from tumorscope.recipes.fold_run import FoldRun, Outcome, outcome, processor_share, train_fold
from tumorscope.system.ray_cluster import (  # first: it keeps Ray from reporting
    connected,
    first_line,
)

# isort: split

import ray

RETRIES: Final = 3
"""Of a run whose process or machine died; each goes on after the last whole epoch."""


def train_on_ray(
    runs: Sequence[FoldRun],
    *,
    address: str | None,
    train: Callable[[FoldRun], Outcome] = train_fold,
) -> Iterator[Outcome]:
    """Yield what became of each run, as they are done.

    Each has its share of the processors, or as many as its threads.

    Parameters
    ----------
    address
        ``HOST:PORT`` of a cluster; ``None`` starts a Ray of this run's own.

    Raises
    ------
    UsageError
        If no machine has as many processors as a run has threads.
    """
    with connected(address):
        nodes = _processors()
        pending = {}
        for run in runs:
            threads = run.threads or processor_share(len(runs), nodes)
            if threads > max(nodes):
                raise UsageError(
                    f"No machine of the Ray cluster has {threads} processors for a run; the "
                    f"largest has {max(nodes)}. Lower --threads."
                )
            # A process of its own for each: the number of threads is set once in a process.
            task = ray.remote(num_cpus=threads, max_retries=RETRIES, max_calls=1)(train)
            pending[task.remote(replace(run, threads=threads))] = run
        yield from _as_done(pending)


def _as_done(pending: dict[Any, FoldRun]) -> Iterator[Outcome]:
    while pending:
        [done], _ = ray.wait(list(pending), num_returns=1)
        run = pending.pop(done)
        try:
            yield ray.get(done)
        except ray.exceptions.RayError as error:
            yield outcome(run, error=f"Ray could not do the work: {first_line(error)}")


def _processors() -> list[int]:
    alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    nodes = [int(resources.get("CPU", 0)) for resources in alive]
    if not nodes or max(nodes) < 1:
        raise UsageError("The Ray cluster has no processors (its nodes say num_cpus=0).")
    return nodes
