"""Checks that every metric makes of its arrays; nothing is changed."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError

Floats = NDArray[np.float64]
Labels = NDArray[np.integer[Any]]
Groups = NDArray[Any]

_NAMED_IN_MESSAGE: Final = 5


def check_arrays(**arrays: NDArray[Any]) -> None:
    """Check that arrays have one length, are not empty, and hold finite numbers only.

    Raises
    ------
    UsageError
        Names the array, and where in it the first NaN or infinite value stands.
    """
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise UsageError(f"All arrays must have one length; received {lengths}.")
    if 0 in lengths.values():
        raise UsageError(f"There is nothing to measure: {', '.join(lengths)} have no rows.")
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = np.flatnonzero(~np.isfinite(array).reshape(len(array), -1).all(axis=1))
            raise UsageError(
                f"{name} holds NaN or infinite values in {bad.size} of {len(array)} rows, the "
                f"first at index {bad[0]}; leave these rows out or repair them."
            )


def check_binary(y_true: NDArray[Any]) -> None:
    """Raise UsageError unless all labels are 0 or 1."""
    if y_true.dtype.kind not in "biuf":
        raise UsageError(f"Labels must be the numbers 0 and 1; received dtype {y_true.dtype}.")
    strange = np.setdiff1d(y_true, (0, 1))
    if strange.size:
        raise UsageError(
            f"Labels must be 0 or 1; received also {strange[:_NAMED_IN_MESSAGE].tolist()}."
        )


def check_probabilities(name: str, values: NDArray[Any]) -> None:
    """Raise UsageError unless all values lie in [0, 1]."""
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 1:
        raise UsageError(
            f"{name} must be probabilities in [0, 1]; received values from {low:g} to {high:g}. "
            "Logits must be calibrated first."
        )


def check_groups(groups: Groups) -> None:
    """Raise UsageError unless every row has a group, as a text that is not empty or an integer."""
    if groups.dtype.kind not in "iuU":
        raise UsageError(
            f"groups must be an array of texts or integers; received dtype {groups.dtype}."
        )
    empty = np.flatnonzero(groups == "") if groups.dtype.kind == "U" else np.array([])
    if empty.size:
        raise UsageError(
            f"{empty.size} of {len(groups)} rows have no group, the first at index {empty[0]}; "
            "give rows that depend on no other a group of their own."
        )
