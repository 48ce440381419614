"""Metrics under many weightings of the same images at once, for fast resampling.

A resample that draws some groups twice and others not at all is a vector of integer weights, so
no array is ever copied and thousands of resamples are a few array operations. With all weights 1
each statistic equals scikit-learn's metric.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.evaluation.arrays import Floats, Groups, Labels
from tumorscope.evaluation.calibration import BINS, bin_index

Rows = NDArray[np.bool_]

FIXED_SPECIFICITY: Final = 0.95
"""At which models are compared whose operating points differ; a convention."""

_ROUNDING: Final = 1e-9
"""One of 20 is 0.05, also after a sum of weights."""


@dataclass(frozen=True, slots=True, eq=False)
class Statistic:
    """A metric of n images.

    Attributes
    ----------
    compute
        Takes weights (resamples, n) and returns the metric of each, shape (resamples,); NaN where
        undefined.
    rows
        Shape (n,), the images that the metric looks at.
    trials
        Independent trials behind it, for the exact interval where all resamples agree; NaN where
        the metric is no share of right answers.
    is_biased
        Whether resampling moves the metric systematically; for metrics from 0 to 1, to which its
        interval is cut.
    parts
        What the metric is the plain mean of; empty for most.
    """

    compute: Callable[[Floats], Floats]
    rows: Rows
    trials: float = float("nan")
    is_biased: bool = False
    parts: tuple[Statistic, ...] = ()


def share(hits: NDArray[Any], groups: Groups, *, rows: Rows) -> Statistic:
    """Return the share of ``rows`` that are hits; one trial per group."""
    return Statistic(_ratio(hits * rows, rows), rows, float(_count(groups, rows)))


def mean(values: NDArray[Any], *, rows: Rows) -> Statistic:
    """Return the mean of ``values`` over ``rows``; values elsewhere may be NaN."""
    return Statistic(_ratio(np.where(rows, values, 0), rows), rows)


def roc_auc(y_true: Labels, y_score: Floats, groups: Groups, *, rows: Rows) -> Statistic:
    """Return the area under the ROC curve, ties counting half.

    It is the probability that a tumor scores above a tumor-free image (Hanley & McNeil 1982,
    doi 10.1148/radiology.143.1.7063747); disjoint pairs of groups are its independent trials.
    """
    order, starts = _ranks(y_score, rows)
    tumor = (y_true[order] == 1).astype(np.float64)

    def compute(weight: Floats) -> Floats:
        weight = weight[:, order]
        positive = np.add.reduceat(weight * tumor, starts, axis=1)
        negative = np.add.reduceat(weight * (1 - tumor), starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        return _divide((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))

    pairs = min(
        _count(groups, rows & (y_true == 1)),
        _count(groups, rows & (y_true == 0)),
        _count(groups, rows) // 2,
    )
    return Statistic(compute, rows, float(pairs) if pairs else float("nan"))


def average_precision(y_true: Labels, y_score: Floats, *, rows: Rows) -> Statistic:
    """Return the mean precision over the steps of recall."""
    order, starts = _ranks(-y_score, rows)
    tumor = (y_true[order] == 1).astype(np.float64)

    def compute(weight: Floats) -> Floats:
        weight = weight[:, order]
        called = np.cumsum(np.add.reduceat(weight, starts, axis=1), axis=1)
        positive = np.add.reduceat(weight * tumor, starts, axis=1)
        precision = _divide(np.cumsum(positive, axis=1), called)
        step = np.where(positive > 0, positive * precision, 0)
        return _divide(step.sum(axis=1), positive.sum(axis=1))

    return Statistic(compute, rows)


def sensitivity_at_specificity(
    y_true: Labels, y_score: Floats, groups: Groups, *, rows: Rows, specificity: float
) -> Statistic:
    """Return the highest sensitivity among thresholds with at least this specificity.

    A point of the ROC staircase, without interpolation. Each resample has its own threshold, so
    the interval holds the uncertainty of choosing it; one trial per group with a tumor.
    """
    order, starts = _ranks(-y_score, rows)
    tumor = (y_true[order] == 1).astype(np.float64)

    def compute(weight: Floats) -> Floats:
        weight = weight[:, order]
        hits = np.cumsum(np.add.reduceat(weight * tumor, starts, axis=1), axis=1)
        alarms = np.cumsum(np.add.reduceat(weight * (1 - tumor), starts, axis=1), axis=1)
        positive, negative = hits[:, -1], alarms[:, -1]
        allowed = (1 - specificity) * negative + _ROUNDING
        best = np.where(alarms <= allowed[:, None], hits, 0).max(axis=1)
        return _divide(np.where(negative > 0, best, np.nan), positive)

    return Statistic(compute, rows, float(_count(groups, rows & (y_true == 1))))


def expected_calibration_error(
    y_true: Labels, y_prob: Floats, *, rows: Rows, bins: int = BINS
) -> Statistic:
    """Return the mean distance of probability and observed share over equal-width bins.

    An absolute value does not average out: the noise of a resample adds to that of the sample,
    so resampled values lie too high (Bröcker 2012, doi 10.1007/s00382-011-1191-1).
    """
    gaps = np.zeros((len(y_true), bins))
    gaps[np.arange(len(y_true)), bin_index(y_prob, bins)] = (y_prob - y_true) * rows

    def compute(weight: Floats) -> Floats:
        return _divide(np.abs(weight @ gaps).sum(axis=1), weight @ rows.astype(np.float64))

    return Statistic(compute, rows, is_biased=True)


def less(one: Statistic, other: Statistic) -> Statistic:
    """Return how much the first is above the second, on the same resamples."""

    def compute(weight: Floats) -> Floats:
        return one.compute(weight) - other.compute(weight)

    return replace(other, compute=compute, trials=float("nan"), parts=())


def mean_of(parts: Sequence[Statistic]) -> Statistic:
    """Average statistics, each counting the same; NaN in resamples where one is undefined."""

    def compute(weight: Floats) -> Floats:
        average: Floats = np.mean([part.compute(weight) for part in parts], axis=0)
        return average

    rows = np.logical_or.reduce([part.rows for part in parts])
    return Statistic(compute, rows, parts=tuple(parts))


def discrimination(
    y_true: Labels, y_score: Floats, groups: Groups, *, threshold: float, rows: Rows | None = None
) -> dict[str, Statistic]:
    """Return what the classes that are present allow, by scikit-learn's names.

    Both classes: ``roc_auc``, ``average_precision``, ``sensitivity_at_specificity_95``,
    ``sensitivity``, ``specificity``, ``accuracy``, ``balanced_accuracy``. One class:
    ``sensitivity`` or ``specificity`` alone.
    """
    rows = np.ones(len(y_true), np.bool_) if rows is None else rows
    tumor, free = rows & (y_true == 1), rows & (y_true == 0)
    called = y_score >= threshold
    recalls = {}
    if tumor.any():
        recalls["sensitivity"] = share(called, groups, rows=tumor)
    if free.any():
        recalls["specificity"] = share(~called, groups, rows=free)
    if len(recalls) < 2:
        return recalls
    return {
        "roc_auc": roc_auc(y_true, y_score, groups, rows=rows),
        "average_precision": average_precision(y_true, y_score, rows=rows),
        "sensitivity_at_specificity_95": sensitivity_at_specificity(
            y_true, y_score, groups, rows=rows, specificity=FIXED_SPECIFICITY
        ),
        **recalls,
        "accuracy": share(called == (y_true == 1), groups, rows=rows),
        "balanced_accuracy": mean_of(list(recalls.values())),
    }


def _ratio(numerator: NDArray[Any], denominator: NDArray[Any]) -> Callable[[Floats], Floats]:
    terms = np.stack([numerator, denominator], axis=1).astype(np.float64)

    def compute(weight: Floats) -> Floats:
        sums = weight @ terms
        return _divide(sums[:, 0], sums[:, 1])

    return compute


def _ranks(y_score: Floats, rows: Rows) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows by rising score, and where in that order each distinct score starts."""
    of_rows = np.flatnonzero(rows)
    order = of_rows[np.argsort(y_score[of_rows], kind="stable")]
    starts = np.flatnonzero(np.diff(y_score[order], prepend=-np.inf))
    return order, starts


def _count(groups: Groups, rows: Rows) -> int:
    return len(np.unique(groups[rows]))


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    quotient: Floats = np.full(numerator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient
