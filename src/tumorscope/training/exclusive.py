"""One process at a time in a folder that is written to for hours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from tumorscope.errors import UsageError


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; it is made if absent.

    The operating system lets go of it when the process ends, however it ends. A thread that
    holds the folder may enter again.

    Raises
    ------
    UsageError
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            f"Another process is writing to {folder}; wait for it, or give another folder."
        ) from error
    try:
        yield
    finally:
        lock.release()
