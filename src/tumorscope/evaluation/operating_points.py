"""Thresholds with a name and the rule that chose them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from tumorscope.evaluation.arrays import check_arrays, check_binary

RULE_OUT_SENSITIVITY: Final = 0.98
RULE_IN_SPECIFICITY: Final = 0.98


def choose_operating_points(
    y_true: NDArray[Any],
    y_score: NDArray[np.floating[Any]],
    *,
    sample_weight: NDArray[np.floating[Any]] | None = None,
) -> dict[str, float]:
    """Choose thresholds for ``y_score >= threshold``.

    Returns
    -------
    dict
        ``balanced``: largest sum of sensitivity and specificity (Youden 1950), the middle of the
        thresholds that reach it; ``rule_out``: highest threshold with sensitivity of at least
        0.98; ``rule_in``: lowest threshold with specificity of at least 0.98.
    """
    check_arrays(y_true=y_true, y_score=y_score)
    check_binary(y_true)
    false_positive, true_positive, thresholds = roc_curve(
        y_true, y_score, sample_weight=sample_weight, drop_intermediate=False
    )
    thresholds = np.minimum(thresholds, 1.0)  # the first is infinite: nothing is called tumor
    return {
        "balanced": _balanced(true_positive - false_positive, thresholds),
        "rule_out": float(thresholds[true_positive >= RULE_OUT_SENSITIVITY].max()),
        "rule_in": float(thresholds[1 - false_positive >= RULE_IN_SPECIFICITY].min()),
    }


def _balanced(youden: NDArray[np.float64], thresholds: NDArray[np.float64]) -> float:
    """Return the middle between the best threshold and the next score below it.

    Any value between them gives the same decisions on these scores; the middle is the safest
    on others.
    """
    best = int(np.argmax(youden))
    below = thresholds[best + 1] if best + 1 < len(thresholds) else thresholds[best]
    return float((thresholds[best] + below) / 2)
