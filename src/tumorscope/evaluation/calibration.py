"""Whether a probability of 0.8 is right in 80 of 100 cases, and how to make it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import check_arrays, check_binary
from tumorscope.evaluation.discrimination import Floats

BINS: Final = 15
"""Equal-width bins, as in Guo et al., ICML 2017; the number of bins changes the figure."""

MAX_SLOPE: Final = 20.0
"""Bound of the fit: perfectly separated scores would call for an infinite slope."""


@dataclass(frozen=True, slots=True, eq=False)
class ReliabilityCurve:
    """Mean probability, observed share and count of each bin that is not empty."""

    mean_score: Floats
    observed: Floats
    count: NDArray[np.int_]


def reliability_curve(
    y_true: NDArray[np.int_], y_prob: Floats, *, bins: int = BINS
) -> ReliabilityCurve:
    """Group probabilities into equal-width bins."""
    check_arrays(y_true=y_true, y_prob=y_prob)
    check_binary(y_true)
    index = np.minimum((y_prob * bins).astype(int), bins - 1)
    count = np.bincount(index, minlength=bins)
    used = count > 0
    score = np.bincount(index, y_prob, minlength=bins)[used] / count[used]
    observed = np.bincount(index, y_true, minlength=bins)[used] / count[used]
    return ReliabilityCurve(score, observed, count[used])


def expected_calibration_error(y_true: NDArray[np.int_], y_prob: Floats, weight: Floats) -> float:
    """Return the mean distance of probability and observed share over 15 equal-width bins."""
    index = np.minimum((y_prob * BINS).astype(int), BINS - 1)
    gap = np.bincount(index, weight * (y_prob - y_true), minlength=BINS)
    return float(np.abs(gap).sum() / weight.sum())


def brier_score(y_true: NDArray[np.int_], y_prob: Floats, weight: Floats) -> float:
    """Return the weighted mean squared distance of probability and label."""
    return float(np.average((y_prob - y_true) ** 2, weights=weight))


def fit_platt(
    logits: NDArray[np.floating[Any]],
    y_true: NDArray[Any],
    *,
    sample_weight: NDArray[np.floating[Any]] | None = None,
) -> tuple[float, float]:
    """Fit ``sigmoid(slope * logit + intercept)`` by weighted log loss.

    Labels are smoothed by one count per class as Platt (1999) does, so that separated classes
    have a finite answer.

    Returns
    -------
    tuple of float
        Slope (positive) and intercept.
    """
    x, y = np.asarray(logits, np.float64), np.asarray(y_true, np.float64)
    check_arrays(logits=x, y_true=y)
    check_binary(y)
    weight = np.ones_like(y) if sample_weight is None else np.asarray(sample_weight, np.float64)
    positives, negatives = (y == 1).sum(), (y == 0).sum()
    if min(positives, negatives) == 0:
        raise UsageError("Calibration needs cases with and without tumor.")
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: Floats) -> float:
        z = parameters[0] * x + parameters[1]
        return float(np.average(np.logaddexp(0, z) - target * z, weights=weight))

    result = minimize(loss, (1.0, 0.0), bounds=((1e-3, MAX_SLOPE), (None, None)))
    return float(result.x[0]), float(result.x[1])


def fit_temperature(logits: NDArray[np.floating[Any]], y_true: NDArray[Any]) -> float:
    """Fit the temperature of softmax logits by log loss (Guo et al., ICML 2017).

    Parameters
    ----------
    logits
        Shape (n, classes).
    y_true
        Shape (n,), class indices. With no rows the temperature is 1.
    """
    if len(y_true) == 0:
        return 1.0
    x, y = np.asarray(logits, np.float64), np.asarray(y_true, np.intp)
    check_arrays(logits=x, y_true=y)

    def loss(log_temperature: float) -> float:
        z = x / np.exp(log_temperature)
        top = z.max(axis=1)
        total = top + np.log(np.exp(z - top[:, None]).sum(axis=1))
        return float(np.mean(total - z[np.arange(len(y)), y]))

    result = minimize_scalar(loss, bounds=(-3, 3), method="bounded")
    return float(np.exp(result.x))
