"""The next file is decoded while the network works on this one."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")

DEPTH: Final = 1
"""Items that wait, besides the one in work: one is enough while reading is the faster part."""

_CHECK_S: Final = 0.1
"""How often a thread that waits looks whether the other side has gone."""


class _End:
    """Stands behind the last item; holds what the source raised, if it did."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def read_ahead(items: Iterable[Item], *, depth: int = DEPTH) -> Iterator[Item]:
    """Yield the items of a source, in order, that a thread of its own goes through.

    What the source raises is raised here, in its place. When the consumer stops, so does the
    thread, after the item that it is at.

    Parameters
    ----------
    items
        Iterated over in another thread, and only there.
    depth
        Number of items that wait at most.
    """
    pipe = _Pipe(items, depth)
    try:
        yield from pipe.received()
    finally:
        pipe.close()


class _Pipe(Generic[Item]):
    """A thread, and what it has read."""

    def __init__(self, items: Iterable[Item], depth: int) -> None:
        self._queue: Queue[Item | _End] = Queue(depth)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(items,), daemon=True)
        self._thread.start()

    def received(self) -> Iterator[Item]:
        """Yield what has been read until there is no more."""
        while True:
            try:
                item = self._queue.get(timeout=_CHECK_S)
            except Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        """Stop the thread and wait for it."""
        self._stopped.set()
        self._thread.join()

    def _read(self, items: Iterable[Item]) -> None:
        error: BaseException | None = None
        try:
            for item in items:
                self._put(item)
                if self._stopped.is_set():
                    break
        # Whatever it is, the thread that asked for the items is to see it.
        except BaseException as raised:
            error = raised
        finally:
            if close := getattr(items, "close", None):
                close()  # archives that a generator holds open
        self._put(_End(error))

    def _put(self, item: Item | _End) -> None:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=_CHECK_S)
            except Full:
                continue
            return
