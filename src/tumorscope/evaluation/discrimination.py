"""How well scores tell tumor from no tumor: scikit-learn's metrics, NaN where undefined.

An image is called tumor where ``y_score >= threshold``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    balanced_accuracy_score,
    recall_score,
    roc_auc_score,
)

from tumorscope.evaluation.arrays import Floats, Labels, check_arrays, check_binary

Weights = Floats | None


def roc_auc(y_true: Labels, y_score: Floats, *, sample_weight: Weights = None) -> float:
    """Return the area under the ROC curve; NaN unless both classes are present.

    Parameters
    ----------
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    y_score
        Shape (n,), higher for tumor; any range.
    sample_weight
        Shape (n,), at least 0.

    Raises
    ------
    UsageError
        If lengths differ, there are no rows, labels are not 0 or 1, or a number is not finite.

    Examples
    --------
    >>> roc_auc(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    if not _has(y_true, y_score, sample_weight, classes=(0, 1)):
        return float("nan")
    return float(roc_auc_score(y_true, y_score, sample_weight=sample_weight))


def average_precision(y_true: Labels, y_score: Floats, *, sample_weight: Weights = None) -> float:
    """Return the average precision; NaN unless both classes are present.

    Arrays and errors as in :func:`roc_auc`.
    """
    if not _has(y_true, y_score, sample_weight, classes=(0, 1)):
        return float("nan")
    return float(average_precision_score(y_true, y_score, sample_weight=sample_weight))


def sensitivity(
    y_true: Labels, y_score: Floats, *, threshold: float, sample_weight: Weights = None
) -> float:
    """Return the share of tumors that are called; NaN without a tumor."""
    return _recall(y_true, y_score, 1, threshold=threshold, sample_weight=sample_weight)


def specificity(
    y_true: Labels, y_score: Floats, *, threshold: float, sample_weight: Weights = None
) -> float:
    """Return the share of tumor-free images that are not called; NaN without one."""
    return _recall(y_true, y_score, 0, threshold=threshold, sample_weight=sample_weight)


def accuracy(
    y_true: Labels, y_score: Floats, *, threshold: float, sample_weight: Weights = None
) -> float:
    """Return the share of right calls."""
    _has(y_true, y_score, sample_weight, classes=())
    return float(accuracy_score(y_true, y_score >= threshold, sample_weight=sample_weight))


def balanced_accuracy(
    y_true: Labels, y_score: Floats, *, threshold: float, sample_weight: Weights = None
) -> float:
    """Return the mean of sensitivity and specificity; NaN unless both classes are present."""
    if not _has(y_true, y_score, sample_weight, classes=(0, 1)):
        return float("nan")
    called = y_score >= threshold
    return float(balanced_accuracy_score(y_true, called, sample_weight=sample_weight))


def _recall(
    y_true: Labels, y_score: Floats, label: int, *, threshold: float, sample_weight: Weights
) -> float:
    if not _has(y_true, y_score, sample_weight, classes=(label,)):
        return float("nan")
    called = (y_score >= threshold).astype(np.int_)
    return float(recall_score(y_true, called, pos_label=label, sample_weight=sample_weight))


def _has(
    y_true: NDArray[Any], y_score: Floats, sample_weight: Weights, *, classes: tuple[int, ...]
) -> bool:
    """Check the arrays, and return whether all ``classes`` are present with some weight."""
    weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
    check_arrays(y_true=y_true, y_score=y_score, sample_weight=weight)
    check_binary(y_true)
    return all(weight[y_true == label].sum() > 0 for label in classes)
