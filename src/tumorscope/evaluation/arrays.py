"""Checks that every metric makes of its arrays; nothing is changed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError


def check_arrays(**arrays: NDArray[Any]) -> None:
    """Check that arrays are one-dimensional in length, of one length, and hold no NaN.

    Raises
    ------
    UsageError
        If they differ in length, are empty, or a float array holds NaN; names which.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise UsageError(f"All arrays must have one length; received {lengths}.")
    if 0 in lengths.values():
        raise UsageError(f"The arrays {', '.join(lengths)} are empty.")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and np.isnan(array).any():
            raise UsageError(f"{name} holds {int(np.isnan(array).sum())} NaN value(s).")


def check_binary(y_true: NDArray[Any]) -> None:
    """Raise UsageError unless all labels are 0 or 1."""
    strange = np.setdiff1d(np.unique(y_true), (0, 1))
    if strange.size:
        raise UsageError(f"Labels must be 0 or 1; received also {strange[:5].tolist()}.")
