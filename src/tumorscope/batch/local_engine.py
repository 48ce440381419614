"""Parts answered by processes of this machine."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Final

from tumorscope.batch.answer import Job, PartAnswerer
from tumorscope.batch.units import Unit
from tumorscope.errors import TumorscopeError
from tumorscope.system.own_process import end_with_parent

_AHEAD: Final = 2
"""Parts per worker that are under way: one in work, one waiting."""

_worker: PartAnswerer | None = None


def answer_locally(
    job: Job, parts: Iterable[tuple[int, list[Unit]]], *, workers: int
) -> Iterator[tuple[int, bytes]]:
    """Yield the rows of parts with their numbers, as they are done.

    Raises
    ------
    TumorscopeError
        If a worker was killed.
    """
    if workers == 1:
        answerer = PartAnswerer(job)
        for number, units in parts:
            yield number, answerer.answer(units)
        return
    context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
    with ProcessPoolExecutor(workers, context, _start, (job,)) as pool:
        try:
            yield from _work_off(pool, iter(parts), ahead=_AHEAD * workers)
        except BrokenProcessPool as error:
            raise TumorscopeError(
                "A worker process ended, probably because memory ran out. Finished work is kept; "
                "run the same command again with fewer --workers."
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _work_off(
    pool: ProcessPoolExecutor, parts: Iterator[tuple[int, list[Unit]]], *, ahead: int
) -> Iterator[tuple[int, bytes]]:
    pending: set[Future[tuple[int, bytes]]] = set()
    while True:
        for number, units in islice(parts, ahead - len(pending)):
            pending.add(pool.submit(_answer, number, units))
        if not pending:
            return
        done, pending = wait(pending, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()


def _start(job: Job) -> None:
    global _worker  # noqa: PLW0603 - what an initializer of a process is for
    end_with_parent()
    _worker = PartAnswerer(job)


def _answer(number: int, units: list[Unit]) -> tuple[int, bytes]:
    assert _worker is not None  # noqa: S101 - _start has run
    return number, _worker.answer(units)
