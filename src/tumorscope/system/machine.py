"""What kind of machine a measurement was made on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

_INSTRUCTIONS: Final = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8")
"""That change how fast, or how exactly, integers are multiplied."""


def describe_machine() -> str:
    """Return processor, its instruction sets that matter here, usable cores and system.

    Names a kind of machine and no machine: no host, no user, no address.
    """
    return f"{describe_processor()}, {usable_cores()} cores, {platform.system()}"


def describe_processor() -> str:
    """Return the processor's name and those of its instruction sets that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    found = ", ".join(one for one in _INSTRUCTIONS if one in flags)
    return f"{names[0] if names else platform.machine()} ({found})"


def usable_cores() -> int:
    """Return the processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
