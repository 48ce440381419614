"""What every server of the application needs to know of listening."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

SPARE_THREADS: Final = 16
"""Threads beside those that image requests may hold, for everything else and for refusals."""

Announce = Callable[[str], None]
"""Called with the address once requests are answered."""


def address(host: str, port: int) -> str:
    """Return an address as ``host:port``, with brackets around IPv6."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
