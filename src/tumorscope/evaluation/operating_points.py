"""Thresholds with a name and the rule that chose them.

An image is called tumor where ``y_score >= threshold``, so images of equal score are always called
alike, and only the observed scores (and one above them all: nothing is called) are candidates.
Choose on the calibration split, never on test.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import Floats, check_arrays, check_binary
from tumorscope.operating_point import ordered

RULE_OUT_SENSITIVITY: Final = 0.98
RULE_IN_SPECIFICITY: Final = 0.98
"""What the names promise of the scores on which the thresholds were chosen; a convention."""

FEWEST_OF_SOURCE: Final = 50
"""Images of one class that a source needs to have a threshold of its own: of fewer, a single image
is more than the 2 % that may be on the wrong side."""

_ROUNDING: Final = 1e-9
"""49 of 50 is 0.98, also after a sum of weights."""

_Reals = NDArray[np.floating[Any]]


def balanced(
    y_true: NDArray[Any], y_score: _Reals, *, sample_weight: _Reals | None = None
) -> float:
    """Return the threshold with the largest sum of sensitivity and specificity (Youden 1950).

    Among equals the one whose sensitivity and specificity are closest, then the highest. Every
    threshold from there down to the next lower score decides alike on these scores; the middle
    is returned, the safest on others.

    Examples
    --------
    >>> balanced(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9]))
    0.4
    """
    sensitivity, specificity, thresholds = _curve(y_true, y_score, sample_weight)
    youden = sensitivity + specificity
    tied = np.flatnonzero(youden >= youden.max() - _ROUNDING)
    distance = np.abs(sensitivity - specificity)[tied]
    best = tied[np.flatnonzero(distance <= distance.min() + _ROUNDING)[0]]
    if best in (0, len(thresholds) - 1):
        return float(thresholds[best])
    middle = (thresholds[best] + thresholds[best + 1]) / 2
    return float(middle if middle > thresholds[best + 1] else thresholds[best])


def rule_out(
    y_true: NDArray[Any],
    y_score: _Reals,
    *,
    sensitivity: float = RULE_OUT_SENSITIVITY,
    sample_weight: _Reals | None = None,
) -> float:
    """Return the highest threshold with at least this sensitivity; a score of a tumor.

    Examples
    --------
    >>> rule_out(np.array([0, 1, 1, 1]), np.array([0.1, 0.4, 0.4, 0.9]), sensitivity=0.6)
    0.4
    """
    _check_share("sensitivity", sensitivity)
    reached, _, thresholds = _curve(y_true, y_score, sample_weight)
    return float(thresholds[reached >= sensitivity - _ROUNDING].max())


def rule_in(
    y_true: NDArray[Any],
    y_score: _Reals,
    *,
    specificity: float = RULE_IN_SPECIFICITY,
    sample_weight: _Reals | None = None,
) -> float:
    """Return the lowest score that, as threshold, has at least this specificity.

    Where even the highest score does not reach it, the next number above that score: then nothing
    is called. Where the classes are well separated it may lie below :func:`balanced` and
    :func:`rule_out`; :func:`choose_operating_points` orders them.
    """
    _check_share("specificity", specificity)
    _, reached, thresholds = _curve(y_true, y_score, sample_weight)
    return float(thresholds[reached >= specificity - _ROUNDING].min())


def choose_operating_points(
    y_true: NDArray[Any],
    y_score: _Reals,
    *,
    sample_weight: _Reals | None = None,
    source: NDArray[np.str_] | None = None,
) -> dict[str, float]:
    """Choose the thresholds ``balanced``, ``rule_out`` (0.98) and ``rule_in`` (0.98).

    With sources, ``rule_out`` and ``rule_in`` keep their promise at each of them that has 50 images
    of the class, and over all images. Were the sources a sample of all there are, a threshold that
    holds at the hardest of ``k`` would hold at the next one with a chance of ``k / (k + 1)``.

    ``rule_out <= balanced <= rule_in``: where the classes are so well separated that ``balanced``
    keeps the promise of another one, too, that one is ``balanced``. No promise is broken by it, for
    sensitivity only falls with the threshold and specificity only rises.

    Parameters
    ----------
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    y_score
        Shape (n,), higher for tumor.
    sample_weight
        Shape (n,), at least 0.
    source
        Shape (n,), names of archives, or of archive, sequence and plane.

    Raises
    ------
    UsageError
        If a class is missing, lengths differ, labels are not 0 or 1 or a number is not finite.
    """
    score = np.asarray(y_score, np.float64)
    weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
    where = np.zeros(len(y_true), np.str_) if source is None else source
    check_arrays(y_true=y_true, y_score=score, sample_weight=weight, source=where)
    return ordered(
        {
            "balanced": balanced(y_true, score, sample_weight=weight),
            "rule_out": min(
                rule_out(y_true[part], score[part], sample_weight=weight[part])
                for part in _parts(y_true, where, label=1)
            ),
            "rule_in": max(
                rule_in(y_true[part], score[part], sample_weight=weight[part])
                for part in _parts(y_true, where, label=0)
            ),
        }
    )


def _parts(
    y_true: NDArray[Any], source: NDArray[np.str_], *, label: int
) -> Iterator[NDArray[np.bool_]]:
    """Yield all cases, then those of one source at a time among all of the other class."""
    yield np.ones(len(y_true), np.bool_)
    for name in np.unique(source):
        of_source = (source == name) & (y_true == label)
        if of_source.sum() >= FEWEST_OF_SOURCE:
            yield of_source | (y_true != label)


def _curve(
    y_true: NDArray[Any], y_score: _Reals, sample_weight: _Reals | None
) -> tuple[Floats, Floats, Floats]:
    """Return sensitivity, specificity and threshold, from the highest threshold down."""
    score = np.asarray(y_score, np.float64)
    weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
    check_arrays(y_true=y_true, y_score=score, sample_weight=weight)
    check_binary(y_true)
    if not all(weight[y_true == label].sum() > 0 for label in (0, 1)):
        raise UsageError(
            "A threshold needs cases with and without tumor; received "
            f"{int((y_true == 1).sum())} with and {int((y_true == 0).sum())} without."
        )
    false_positive, true_positive, thresholds = roc_curve(
        y_true, score, sample_weight=weight, drop_intermediate=False
    )
    thresholds[0] = np.nextafter(thresholds[1], np.inf)  # infinity has no place in JSON
    return true_positive, 1 - false_positive, thresholds


def _check_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise UsageError(f"The {name} to reach must be above 0 and at most 1; received {value}.")
