"""Libraries that read for us keep off the terminal: what is wrong with a file, its error says."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_THREAD: Final = threading.local()


@contextmanager
def quiet(*loggers: str) -> Iterator[None]:
    """Hold back Python warnings, and the records that this thread sends to some loggers."""
    for name in loggers:
        logging.getLogger(name).addFilter(_is_not_ours)
    _THREAD.depth = _depth() + 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        _THREAD.depth = _depth() - 1


def _depth() -> int:
    return getattr(_THREAD, "depth", 0)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    return _depth() == 0
