"""Whether the evidence lies on the tumor."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

THRESHOLDS: Final = np.linspace(-6, 6, 49)
"""Evidence logits that are tried; steps of a quarter."""


def dice(predicted: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Dice overlap of each pair (Dice 1945), shape (n,); 1 where both are empty."""
    axes = tuple(range(1, mask.ndim))
    total = predicted.sum(axis=axes) + mask.sum(axis=axes)
    overlap = 2 * (predicted & mask).sum(axis=axes)
    return np.where(total == 0, 1.0, overlap / np.maximum(total, 1))


def best_threshold(evidence: NDArray[np.floating[Any]], masks: NDArray[np.bool_]) -> float:
    """Return the evidence logit with the highest mean Dice.

    Parameters
    ----------
    evidence
        Shape (n, rows, columns), logits.
    masks
        Same shape; every one has a tumor.
    """
    means = [float(dice(evidence >= threshold, masks).mean()) for threshold in THRESHOLDS]
    return float(THRESHOLDS[int(np.argmax(means))])
