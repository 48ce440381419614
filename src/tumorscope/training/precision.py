"""Choice of the arithmetic that training computes in."""

from __future__ import annotations

from pathlib import Path

from tumorscope.training.config import Precision


def compute_policy(precision: Precision) -> str:
    """Return the Keras dtype policy for a precision setting.

    bfloat16 halves the memory traffic and, where the processor multiplies it in hardware, makes
    the convolutions several times faster; weights and losses stay float32.
    """
    if precision == "auto":
        precision = "bfloat16" if has_bfloat16() else "float32"
    return "mixed_bfloat16" if precision == "bfloat16" else "float32"


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 in hardware (Linux; elsewhere ``False``)."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "amx_bf16" in flags or "avx512_bf16" in flags
