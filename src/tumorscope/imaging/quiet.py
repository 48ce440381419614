"""Libraries that read for us keep off the terminal: what is wrong with a file, its error says."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_THREAD: Final = threading.local()


class _Warnings:
    """Holds back warnings while any thread wants it.

    Python's filters are those of the process: threads that each put back what they found would
    leave the filters of another one behind.
    """

    def __init__(self) -> None:
        self._lock, self._count = threading.Lock(), 0
        self._before = warnings.catch_warnings()

    def begin(self) -> None:
        with self._lock:
            self._count += 1
            if self._count == 1:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                self._before.__exit__(None, None, None)


_WARNINGS: Final = _Warnings()


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Hold back Python warnings, and the records that this thread sends to some loggers."""
    for name in loggers:
        logging.getLogger(name).addFilter(_is_not_ours)
    _THREAD.depth = _depth() + 1
    _WARNINGS.begin()
    try:
        yield
    finally:
        _WARNINGS.end()
        _THREAD.depth = _depth() - 1


def _depth() -> int:
    return getattr(_THREAD, "depth", 0)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    return _depth() == 0
