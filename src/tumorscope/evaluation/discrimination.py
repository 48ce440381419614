"""How well scores tell tumor from no tumor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

Floats = NDArray[np.float64]
Metric = Callable[[NDArray[np.int_], Floats, Floats], float]
"""Takes ``y_true`` (n,), ``y_score`` (n,) and weights (n,); returns NaN where undefined."""


def roc_auc(y_true: NDArray[np.int_], y_score: Floats, weight: Floats) -> float:
    """Return the area under the ROC curve; NaN unless both classes are present."""
    if not _has_both(y_true, weight):
        return float("nan")
    return float(roc_auc_score(y_true, y_score, sample_weight=weight))


def average_precision(y_true: NDArray[np.int_], y_score: Floats, weight: Floats) -> float:
    """Return the average precision; NaN unless both classes are present."""
    if not _has_both(y_true, weight):
        return float("nan")
    return float(average_precision_score(y_true, y_score, sample_weight=weight))


def at_threshold(threshold: float) -> Mapping[str, Metric]:
    """Return the metrics of decisions ``y_score >= threshold``, by scikit-learn's names."""

    def sensitivity(y_true: NDArray[np.int_], y_score: Floats, weight: Floats) -> float:
        return _share(y_score >= threshold, weight * (y_true == 1))

    def specificity(y_true: NDArray[np.int_], y_score: Floats, weight: Floats) -> float:
        return _share(y_score < threshold, weight * (y_true == 0))

    def accuracy(y_true: NDArray[np.int_], y_score: Floats, weight: Floats) -> float:
        return _share((y_score >= threshold) == (y_true == 1), weight)

    def balanced_accuracy(y_true: NDArray[np.int_], y_score: Floats, weight: Floats) -> float:
        both = sensitivity(y_true, y_score, weight), specificity(y_true, y_score, weight)
        return (both[0] + both[1]) / 2

    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "accuracy": accuracy,
        "balanced_accuracy": balanced_accuracy,
    }


RANKING: Final[Mapping[str, Metric]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision,
}


def _has_both(y_true: NDArray[np.int_], weight: Floats) -> bool:
    return bool(weight[y_true == 1].sum() > 0 and weight[y_true == 0].sum() > 0)


def _share(hits: NDArray[Any], weight: Floats) -> float:
    total = weight.sum()
    return float(weight[hits].sum() / total) if total > 0 else float("nan")
