"""One process at a time in a folder written to for hours (extras ``[train]``, ``[scale]``)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from tumorscope.errors import UsageError

LOCK_NAME: Final = ".lock"


def hold(folder: Path, *, reentrant: bool = False) -> FileLock:
    """Take a folder that exists for this process; release what is returned.

    The operating system lets go of it when the process ends, however it ends.

    Parameters
    ----------
    reentrant
        Whether a thread that holds the folder so may take it again.

    Raises
    ------
    UsageError
        If another run holds it.
    """
    lock = FileLock(folder / LOCK_NAME, is_singleton=reentrant)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UsageError(
            f"Another run is working in {folder}; wait for it, or give another folder."
        ) from error
    return lock


@contextlib.contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder, made if absent, while inside; see :func:`hold`, a thread may enter again."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = hold(folder, reentrant=True)
    try:
        yield
    finally:
        lock.release()
