"""Whether the evidence lies on the tumor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import Floats

THRESHOLDS: Final = tuple(float(one) for one in np.linspace(-6, 6, 49))
"""Evidence logits that are tried: probabilities of 0.0025 to 0.9975, in steps of a quarter."""

_Masks = NDArray[np.bool_]


def peak(evidence: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Return row and column of the largest value of each map, shape (n, 2).

    Of equal values the uppermost, then the leftmost, counts.
    """
    _check_finite(evidence)
    flat = evidence.reshape(len(evidence), -1).argmax(axis=1)
    return np.stack(np.unravel_index(flat, evidence.shape[1:]), axis=1)


def dice(predicted: _Masks, masks: _Masks) -> Floats:
    """Return the overlap of each pair (Dice 1945), shape (n,); 1 where both are empty.

    Examples
    --------
    >>> dice(np.array([[[True, True]]]), np.array([[[True, False]]])).round(3).tolist()
    [0.667]
    """
    _check_pairs(predicted, masks)
    axes = tuple(range(1, masks.ndim))
    total = predicted.sum(axis=axes) + masks.sum(axis=axes)
    overlap = 2 * (predicted & masks).sum(axis=axes)
    return np.where(total == 0, 1.0, overlap / np.maximum(total, 1))


def best_threshold(
    evidence: NDArray[np.floating[Any]],
    masks: _Masks,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
) -> float:
    """Return the threshold whose ``evidence >= threshold`` has the highest mean Dice.

    Choose it on val or calibration, never on test. Of equal thresholds the lowest is returned.
    Empty masks, such as of tumors smaller than a cell of the map, are left out.

    Parameters
    ----------
    evidence
        Shape (n, rows, columns).
    masks
        Same shape.
    thresholds
        Candidates, in the unit of ``evidence``; by default logits.

    Raises
    ------
    UsageError
        If shapes differ, there are no maps, or all masks are empty.
    """
    _check_pairs(evidence, masks)
    _check_finite(evidence)
    marked = masks.any(axis=(1, 2))
    if not marked.any():
        raise UsageError(f"All {len(masks)} masks are empty; there is nothing to overlap with.")
    evidence, masks = evidence[marked], masks[marked]
    means = [float(dice(evidence >= threshold, masks).mean()) for threshold in thresholds]
    return float(thresholds[int(np.argmax(means))])


def _check_pairs(maps: NDArray[Any], masks: NDArray[Any]) -> None:
    if maps.shape != masks.shape or maps.ndim != 3 or len(maps) == 0:
        raise UsageError(
            "Maps and masks must both have shape (n, rows, columns) with n of at least 1; "
            f"received {maps.shape} and {masks.shape}."
        )
    if masks.dtype != np.bool_:
        raise UsageError(f"Masks must be of dtype bool; received {masks.dtype}.")


def _check_finite(evidence: NDArray[np.floating[Any]]) -> None:
    if not np.isfinite(evidence).all():
        raise UsageError("The evidence holds NaN or infinite values; its peak cannot be found.")
