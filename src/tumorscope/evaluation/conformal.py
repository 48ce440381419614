"""Thresholds of class-conditional conformal prediction, and the coverage they reach."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import check_arrays, check_binary


def fit_conformal(
    y_true: NDArray[Any], y_prob: NDArray[np.floating[Any]], *, coverage: float
) -> tuple[float, float]:
    """Return the smallest probabilities at which each class stays in the prediction set.

    For each class on its own (Mondrian), the score of a calibration scan is the probability of
    its true class; the threshold is the ``floor((n + 1)(1 - coverage))``-th smallest, so that a
    new exchangeable scan of that class reaches it with a chance of at least ``coverage``
    (Sadinle et al. 2019, doi 10.1080/01621459.2017.1395341; Vovk 2012).

    Parameters
    ----------
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    y_prob
        Shape (n,), calibrated probability of tumor.
    coverage
        In (0, 1).

    Returns
    -------
    tumor, no_tumor
        Thresholds on the probability of tumor and of no tumor; 0 where a class has too few scans
        to rule anything out.

    Raises
    ------
    UsageError
        If the arrays do not fit or ``coverage`` lies outside (0, 1).

    Examples
    --------
    >>> y_true = np.repeat([0, 1], 19)
    >>> y_prob = np.concatenate([np.linspace(0.05, 0.5, 19), np.linspace(0.5, 0.95, 19)])
    >>> [round(value, 3) for value in fit_conformal(y_true, y_prob, coverage=0.9)]
    [0.525, 0.525]
    """
    check_arrays(y_true=y_true, y_prob=y_prob)
    check_binary(y_true)
    if not 0 < coverage < 1:
        raise UsageError(f"coverage must lie in (0, 1); received {coverage}.")
    return (
        _threshold(y_prob[y_true == 1], coverage),
        _threshold(1 - y_prob[y_true == 0], coverage),
    )


def _threshold(scores: NDArray[np.floating[Any]], coverage: float) -> float:
    rank = math.floor((len(scores) + 1) * (1 - coverage) + 1e-9)
    return float(np.sort(scores)[rank - 1]) if rank > 0 else 0.0
