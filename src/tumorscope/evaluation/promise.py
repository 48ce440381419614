"""Thresholds that hold a sensitivity, a specificity or a predictive value with stated confidence.

Learn then Test (Angelopoulos, Bates, Candes, Jordan & Lei 2021, arXiv 2110.01052), by MAPIE: each
candidate threshold is a hypothesis "the rate of errors is too high", with the Hoeffding-Bentkus
p-value over groups, and thresholds are tested one after the other from the safest on. The rate is
that of the mean group: each patient counts once, however many images there are.

The promise is about patients like those of the cases, drawn as they were. A predictive value also
hangs on how common tumors are among them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from mapie.risk_control import control_fwer
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
from numpy.typing import NDArray

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import (
    Floats,
    Groups,
    Labels,
    check_arrays,
    check_binary,
    check_groups,
)

Measure = Literal["sensitivity", "specificity", "ppv"]

WORDS: Final[Mapping[Measure, str]] = {
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "positive predictive value",
}
_OF_GROUPS: Final[Mapping[Measure, str]] = {
    "sensitivity": "independent groups (patients) with a tumor",
    "specificity": "independent groups (patients) without a tumor",
    "ppv": "independent groups (patients) that are called tumor",
}
CONFIDENCE: Final = 0.95
PPV_CANDIDATES: Final = 10
LEAST_CONFIDENCE: Final = 0.5
"""Below which a promise is not worth offering."""

_ROUNDING: Final = 1e-9
"""Three misses in 157 groups are three, also after a sum of weights: the p-value counts the next
whole number of errors."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a threshold shall hold, and how surely.

    Attributes
    ----------
    measure
        Of the mean group.
    level, confidence
        In (0, 1).
    """

    measure: Measure
    level: float
    confidence: float = CONFIDENCE

    def __post_init__(self) -> None:
        for name, value in (
            (f"--{self.measure}", self.level),
            ("--confidence", self.confidence),
        ):
            if not 0 < value < 1:
                raise UsageError(
                    f"{name} must lie between 0 and 1, such as 0.95; received {value}."
                )

    @property
    def name(self) -> str:
        """Name of the operating point, such as ``sensitivity_0.95``."""
        return f"{self.measure}_{self.level:g}"

    @property
    def groups_needed(self) -> int:
        """Fewest groups that could hold it, if none of them had an error.

        Examples
        --------
        >>> Promise("sensitivity", 0.95).groups_needed
        59
        """
        return math.ceil(math.log(1 - self.confidence) / math.log(self.level))


@dataclass(frozen=True, slots=True)
class Held:
    """A threshold that holds a promise.

    Attributes
    ----------
    threshold
        Called tumor from this score on.
    observed
        The measure of the mean group at it, on the cases.
    groups
        Number of groups that it rests on.
    """

    threshold: float
    observed: float
    groups: int


@dataclass(frozen=True, slots=True, eq=False)
class _Losses:
    """Mean error of the groups at each candidate threshold, in the order of the tests."""

    thresholds: Floats
    risk: Floats
    groups: NDArray[np.int64]
    is_binary: bool


def hold(promise: Promise, y_true: Labels, y_score: Floats, groups: Groups) -> Held:
    """Return the best threshold that holds a promise: the highest, or for the others the lowest.

    Parameters
    ----------
    y_true, y_score, groups
        Shape (n,): 1 tumor and 0 no tumor; higher for tumor; unit of independence.

    Raises
    ------
    UsageError
        If no threshold holds it on these cases; says how many groups are needed.
    """
    check_arrays(y_true=y_true, y_score=y_score, groups=groups)
    check_binary(y_true)
    check_groups(groups)
    losses = _LOSSES[promise.measure](y_true, y_score, groups)
    enough = losses.groups >= promise.groups_needed
    if not enough.any():
        raise UsageError(_too_few(promise, int(losses.groups.max(initial=0))))
    risk, count = losses.risk[enough], losses.groups[enough]
    p_values = compute_hoeffding_bentkus_p_value(
        risk * (1 - _ROUNDING),
        count.astype(np.float64),
        1 - promise.level,
        binary=losses.is_binary,
    )[:, 0]
    method = "bonferroni_holm" if promise.measure == "ppv" else "fixed_sequence"
    valid = control_fwer(p_values, 1 - promise.confidence, method)
    if not len(valid):
        raise UsageError(
            f"No threshold holds a {WORDS[promise.measure]} of {promise.level:g} with "
            f"{promise.confidence:.0%} confidence on these cases: the best of them reaches "
            f"{1 - risk.min():.3f} on {count[risk.argmin()]} {_OF_GROUPS[promise.measure]}. Give "
            "more cases or a lower value."
        )
    best = int(np.max(valid))
    return Held(float(losses.thresholds[enough][best]), float(1 - risk[best]), int(count[best]))


def _too_few(promise: Promise, there: int) -> str:
    return (
        f"A {WORDS[promise.measure]} of {promise.level:g} with {promise.confidence:.0%} confidence "
        f"needs at least {promise.groups_needed} {_OF_GROUPS[promise.measure]}, and more if any of "
        f"them is missed; there are {there}. Give more cases, a lower value or a lower "
        f"--confidence.{_what_is_possible(promise, there)}"
    )


def _what_is_possible(promise: Promise, there: int) -> str:
    """Say with which options so many groups can be enough, if none of them has an error.

    Nothing of predictive values: so many groups are called only where nearly all images are, and
    then some of them are tumor-free.
    """
    if promise.measure == "ppv":
        return ""
    confidence = math.floor(100 * (1 - promise.level**there)) / 100
    level = math.floor(100 * (1 - promise.confidence) ** (1 / max(1, there))) / 100
    if confidence < LEAST_CONFIDENCE or level <= 0:
        return ""
    return (
        f" {there} can be enough for --confidence {confidence:g}, or for --{promise.measure} "
        f"{level:g}."
    )


def _of_sensitivity(y_true: Labels, y_score: Floats, groups: Groups) -> _Losses:
    """Miss ever more tumors, from the lowest threshold up."""
    tumor = y_true == 1
    thresholds = np.unique(y_score[tumor])
    return _of_class(y_score[tumor], groups[tumor], thresholds, error_above=False)


def _of_specificity(y_true: Labels, y_score: Floats, groups: Groups) -> _Losses:
    """Raise ever more false alarms, from the highest threshold down."""
    free = y_true == 0
    thresholds = np.nextafter(np.unique(y_score[free])[::-1], np.inf)
    return _of_class(y_score[free], groups[free], thresholds, error_above=True)


def _of_class(scores: Floats, groups: Groups, thresholds: Floats, *, error_above: bool) -> _Losses:
    names, code, size = np.unique(groups, return_inverse=True, return_counts=True)
    weight = 1 / (size[code] * max(1, len(names)))
    order = np.argsort(scores)
    below = np.concatenate([[0.0], np.cumsum(weight[order])])
    under = below[np.searchsorted(scores[order], thresholds, side="left")]
    risk = np.clip(below[-1] - under if error_above else under, 0, 1)
    risk[risk < 1e-12] = 0  # the rounding of a sum of weights
    count = np.full(len(thresholds), len(names), np.int64)
    return _Losses(thresholds, risk, count, is_binary=bool((size == 1).all()))


def _of_ppv(y_true: Labels, y_score: Floats, groups: Groups) -> _Losses:
    """Call ever more, from the highest threshold down, at evenly spaced ranks of the scores."""
    ranks = np.linspace(0, 1, PPV_CANDIDATES, endpoint=False)
    thresholds = np.unique(np.quantile(y_score, ranks, method="lower"))[::-1]
    risk, count, largest = [], [], 1
    for threshold in thresholds:
        called = y_score >= threshold
        _, code, size = np.unique(groups[called], return_inverse=True, return_counts=True)
        wrong = np.bincount(code, weights=y_true[called] == 0) / size
        risk.append(float(wrong.mean()))
        count.append(len(size))
        largest = max(largest, int(size.max()))
    return _Losses(thresholds, np.array(risk), np.array(count), is_binary=largest == 1)


_LOSSES: Final[Mapping[Measure, Any]] = {
    "sensitivity": _of_sensitivity,
    "specificity": _of_specificity,
    "ppv": _of_ppv,
}
