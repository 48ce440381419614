"""Several items in work at one time, answered in their order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Answered = TypeVar("Answered")


def answer_side_by_side(
    answer: Callable[[Item], Answered], items: Iterable[Item], *, workers: int
) -> Iterator[Answered]:
    """Yield the answer to each item, in order, while the next ones are in work.

    What ``items`` or ``answer`` raises is raised here, in its place. When the consumer stops, what
    has not been begun is left.

    Parameters
    ----------
    answer
        Called in another thread.
    items
        Iterated over in the consumer's thread; no more than one beyond the workers' is taken.
    workers
        Items in work at one time.
    """
    waiting: deque[Future[Answered]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in _submitted(pool, answer, items):
                waiting.append(future)
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _submitted(
    pool: ThreadPoolExecutor, answer: Callable[[Item], Answered], items: Iterable[Item]
) -> Iterator[Future[Answered]]:
    """Yield the work on each item; what the source raises is the result of the last one."""
    try:
        for item in items:
            yield pool.submit(answer, item)
    except Exception as error:
        failed: Future[Answered] = Future()
        failed.set_exception(error)
        yield failed
