"""Which processor a measurement was made on."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Return its name and those of its instruction sets that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    known = ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8")
    return f"{names[0] if names else '?'} ({', '.join(one for one in known if one in flags)})"
