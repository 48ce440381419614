"""Work in a process of its own, which ends with the one that asked for it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait as wait_for
from typing import TypeVar

from tumorscope.errors import TumorscopeError

T = TypeVar("T")
R = TypeVar("R")


def call_in_own_process(function: Callable[[T], R], argument: T) -> R:
    """Call a function of a module in a new process, and return what it returns.

    Raises
    ------
    TumorscopeError
        If the process was killed.
    """
    context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
    with ProcessPoolExecutor(1, context, end_with_parent) as pool:
        try:
            return pool.submit(function, argument).result()
        except BrokenProcessPool as error:
            raise TumorscopeError(
                "The process was killed, probably because memory ran out."
            ) from error


def end_with_parent() -> None:
    """End this process when its parent does, which may be killed and then tells nobody."""
    threading.Thread(target=_wait_and_end, daemon=True).start()


def _wait_and_end() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for([parent.sentinel])
        os._exit(1)


def no_core_dumps() -> None:
    """Let the system write no memory of this process, with scans in it, to the disk."""
    if sys.platform == "win32":
        return
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
