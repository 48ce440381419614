"""Eight-bit integers give the same answers on every processor.

x86 processors without VNNI instructions multiply unsigned activations by signed weights with
``vpmaddubsw``, which adds two products in 16 bits and saturates: 255 * 127 + 255 * 127 becomes
32,767. A graph is safe from that if its weights have 7 bits, for 2 * 255 * 64 fits. With others,
ONNX Runtime can be told to use slower instructions that do not saturate.

See docs/decisions/0040.
"""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import onnxruntime

SAFE_KEY: Final = "tumorscope_weight_bits"
SAFE_VALUE: Final = "7"
"""Entry of a graph's metadata by which it says that it cannot saturate."""

_EXACT_FLAGS: Final = frozenset({"avx512_vnni", "avx_vnni"})
_X86: Final = frozenset({"x86_64", "amd64", "i386", "i686", "x86"})
_METADATA_BYTES: Final = 4096
"""Metadata come last in a serialized graph, behind its weights."""

_CPU_INFO: Final = Path("/proc/cpuinfo")


def keep_exact(options: onnxruntime.SessionOptions, graph: bytes) -> None:
    """Tell ONNX Runtime not to saturate, where this processor would and the graph could."""
    if not (cannot_saturate(graph) or multiplies_exactly()):
        options.add_session_config_entry("session.x64quantprecision", "1")


def cannot_saturate(graph: bytes) -> bool:
    """Tell whether a graph says that its weights are small enough for any processor."""
    end = graph[-_METADATA_BYTES:]
    return SAFE_KEY.encode() in end


def multiplies_exactly(machine: str | None = None, cpu_info: Path = _CPU_INFO) -> bool:
    """Tell whether ONNX Runtime's fast integers are exact on this processor.

    They are with VNNI, and on anything but x86. Where the system does not tell, they are taken
    for inexact: the answers are right, only slower.
    """
    if (machine or platform.machine()).lower() not in _X86:
        return True
    try:
        text = cpu_info.read_text()
    except OSError:
        return False
    flags = next((line for line in text.splitlines() if line.startswith("flags")), "")
    return not _EXACT_FLAGS.isdisjoint(flags.split())
