"""Whether a probability of 0.8 is right in 80 of 100 cases, and how to make it so.

Which scaling to choose: temperature divides the logits by one number, so no decision changes; it
mends over-confidence and needs the fewest cases. Platt scaling also shifts them, which is needed
where the share of tumors, or the zero point of the logit, differs from training: another site, a
balanced training set. Tumor / no tumor therefore takes Platt scaling, the tumor types temperature.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logsumexp

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import (
    Floats,
    Labels,
    check_arrays,
    check_binary,
    check_probabilities,
)

BINS: Final = 15
"""Equal-width bins (Guo et al., ICML 2017, arXiv 1706.04599); their number changes the figure."""

SMALLEST_SLOPE: Final = 1e-3
LARGEST_SLOPE: Final = 20.0
"""Bounds of every fit. The lower keeps the order of the scores, the upper a finite answer where
the classes are perfectly separated; at 20 a logit of 0.35 is a probability of 0.999."""

LARGEST_SPREAD: Final = 20.0
"""Logits of probabilities that are told apart span some 32."""

SMALLEST_PROBABILITY: Final = float(np.finfo(np.float64).eps)
"""Probabilities are held this far from 0 and 1 in the log loss, as scikit-learn does."""

_Reals = NDArray[np.floating[Any]]


def bin_index(y_prob: Floats, bins: int) -> NDArray[np.intp]:
    """Return the bin of each probability; an inner edge belongs to the bin below it."""
    return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], y_prob)


def log_losses(y_true: Labels, y_prob: Floats) -> Floats:
    """Return the negative logarithm of the probability of each true label, shape (n,)."""
    _check(y_true, y_prob)
    y_prob = np.clip(y_prob.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    losses: Floats = -np.log(np.where(y_true == 1, y_prob, 1 - y_prob))
    return losses


def fit_platt(
    logits: _Reals, y_true: NDArray[Any], *, sample_weight: _Reals | None = None
) -> tuple[float, float]:
    """Fit ``sigmoid(slope * logit + intercept)`` by weighted log loss.

    Labels are smoothed by one count per class, so that separated classes have a finite answer
    (Platt 1999; weighted counts as in scikit-learn's ``method="sigmoid"``).

    Parameters
    ----------
    logits
        Shape (n,).
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    sample_weight
        Shape (n,), at least 0.

    Returns
    -------
    tuple of float
        Slope in [0.001, 20] and intercept.

    Raises
    ------
    UsageError
        If a class is missing, lengths differ or a number is not finite.
    """
    x, y = np.asarray(logits, np.float64), np.asarray(y_true)
    weight = _weights(sample_weight, len(y))
    check_arrays(logits=x, y_true=y, sample_weight=weight)
    check_binary(y)
    positives, negatives = weight[y == 1].sum(), weight[y == 0].sum()
    if min(positives, negatives) == 0:
        raise UsageError(
            "Calibration needs cases with and without tumor; received "
            f"{int((y == 1).sum())} with and {int((y == 0).sum())} without, weighted "
            f"{positives:g} and {negatives:g}."
        )
    target = np.where(y == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))

    def loss(parameters: Floats) -> tuple[float, Floats]:
        z = parameters[0] * x + parameters[1]
        slope = weight * (expit(z) - target) / weight.sum()
        value = np.average(np.logaddexp(0, z) - target * z, weights=weight)
        return float(value), np.array([slope @ x, slope.sum()])

    bounds = ((SMALLEST_SLOPE, LARGEST_SLOPE), (None, None))
    result = minimize(loss, (1.0, 0.0), jac=True, bounds=bounds, options={"ftol": 1e-13})
    return float(result.x[0]), float(result.x[1])


def fit_temperature(
    logits: _Reals, y_true: NDArray[Any], *, sample_weight: _Reals | None = None
) -> float:
    """Fit the temperature that logits are divided by, by weighted log loss (Guo et al., 2017).

    Parameters
    ----------
    logits
        Shape (n, classes) of a softmax, or (n,) of a sigmoid.
    y_true
        Shape (n,), class indices.
    sample_weight
        Shape (n,), at least 0.

    Returns
    -------
    float
        In [0.05, 1000]; above 1 where the logits are over-confident. 1 if there are no rows.

    Raises
    ------
    UsageError
        If lengths differ, a number is not finite, or a label is no class index.
    """
    x, y = np.asarray(logits, np.float64), np.asarray(y_true)
    if len(x) == 0 and len(y) == 0:
        return 1.0
    weight = _weights(sample_weight, len(y))
    check_arrays(logits=x, y_true=y, sample_weight=weight)
    if x.ndim == 1:
        x = np.stack([np.zeros_like(x), x], axis=1)
    _check_indices(y, x.shape[1])
    if weight.sum() == 0:
        raise UsageError("All weights are 0; at least one case must count.")
    y = y.astype(np.intp)

    def loss(log_slope: float) -> float:
        z = x * np.exp(log_slope)
        losses = logsumexp(z, axis=1) - z[np.arange(len(y)), y]
        return float(np.average(losses, weights=weight))

    bounds = np.log((SMALLEST_SLOPE, LARGEST_SLOPE))
    result = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return float(np.exp(-result.x))


def fit_spread(
    logits: _Reals, excess: _Reals, y_true: NDArray[Any], *, sample_weight: _Reals | None = None
) -> float:
    """Fit ``sigmoid(logit - spread * excess)`` by weighted log loss.

    One number alone: the logits are calibrated but for what the choice of the largest added to
    them, and series are few.

    Parameters
    ----------
    logits
        Shape (n,), each the largest of several.
    excess
        Shape (n,), by how many standard deviations the largest of so many exceeds one.
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    sample_weight
        Shape (n,), at least 0.

    Returns
    -------
    float
        In [0, 20], in units of the logits.

    Raises
    ------
    UsageError
        If there are no rows, lengths differ, or a number is not finite.
    """
    x, y = np.asarray(logits, np.float64), np.asarray(y_true)
    weight = _weights(sample_weight, len(y))
    check_arrays(logits=x, excess=excess, y_true=y, sample_weight=weight)
    check_binary(y)

    def loss(spread: float) -> float:
        z = x - spread * excess
        return float(np.average(np.logaddexp(0, z) - y * z, weights=weight))

    bounds = (0.0, LARGEST_SPREAD)
    result = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-8})
    return float(result.x)


def _check(y_true: Labels, y_prob: Floats) -> None:
    check_arrays(y_true=y_true, y_prob=y_prob)
    check_binary(y_true)
    check_probabilities("y_prob", y_prob)


def _check_indices(y_true: NDArray[Any], classes: int) -> None:
    strange = np.setdiff1d(y_true, np.arange(classes))
    if strange.size:
        raise UsageError(
            f"Labels must be indices of the {classes} classes; received also {strange.tolist()}."
        )


def _weights(sample_weight: _Reals | None, count: int) -> Floats:
    weight = np.ones(count) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if (weight < 0).any():
        raise UsageError(f"Weights must be at least 0; received {weight.min():g}.")
    return weight
