"""A Ray cluster, or a Ray of this machine, while work is given to it (extra ``[scale]``)."""

from __future__ import annotations

import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, Final

from tumorscope.errors import MissingExtraError, TumorscopeError, UsageError

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # read when ray is loaded: docs/decisions/0005
# Ray warns on the terminal that restarted actors need the job from this run's memory, as they may.
os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")

try:
    import ray
except ModuleNotFoundError as missing:
    raise MissingExtraError(feature="The engine ray", extra="scale") from missing

_PROBE_S: Final = 5.0
_OBJECT_STORE_BYTES: Final = 512 * 1024 * 1024
"""Of a Ray of our own. What is under way is far less: a part has some ten kilobytes."""


def check_address(address: str) -> None:
    """Refuse an address at which nothing answers, before any work.

    Raises
    ------
    UsageError
        If it is not HOST:PORT or nothing listens there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        raise UsageError(
            f"--address needs HOST:PORT, as 'ray start --head' prints it; received {address!r}."
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PROBE_S).close()
    except (OSError, OverflowError) as error:
        raise UsageError(
            f"No Ray cluster answers at {address} ({error}); check the address, or remove "
            "--address to use this machine."
        ) from error


@contextmanager
def connected(address: str | None, *, processors: int | None = None) -> Iterator[None]:
    """Be connected to a cluster while inside.

    Parameters
    ----------
    address
        ``HOST:PORT``; ``None`` starts a Ray of this run's own and stops it.
    processors
        Of a Ray of our own; by default those of the machine.

    Raises
    ------
    TumorscopeError
        If there is no such cluster, or Ray cannot be started.
    """
    # Ray tells of dead workers, up to its end, on the stream that answers go to.
    with redirect_stdout(sys.stderr):
        _start(address, processors)
        try:
            yield
        finally:
            ray.shutdown()


def first_line(error: Exception) -> str:
    """Return what Ray says first; the rest is of its inside."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def _start(address: str | None, processors: int | None) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        own: dict[str, Any] = {"num_cpus": processors, "object_store_memory": _OBJECT_STORE_BYTES}
        own |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
        _connect("local", "Ray cannot be started here", quiet | own)  # whatever RAY_ADDRESS says
    else:
        check_address(address)
        _connect(address, f"The Ray cluster at {address} refuses", quiet)


def _connect(address: str, failure: str, options: dict[str, Any]) -> None:
    try:
        ray.init(address, **options)
    # Ray raises classes of many kinds, Exception itself among them.
    except Exception as error:
        ray.shutdown()
        raise TumorscopeError(f"{failure}: {first_line(error)}") from error
