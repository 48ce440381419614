"""Readers with and without help: many readers, many cases, intervals that hold for others of both.

The method is that of Obuchowski and Rockette (1995, doi 10.1080/03610919508813243) with the degrees
of freedom of Hillis (2007, doi 10.1002/sim.2532): readers and cases are both drawn from more than
were there. Covariances between readers and between with and without help come from leaving out one
group (patient) at a time, so several images of a patient do not count as independent. It holds
for every measure that a reader has: AUROC of the three-step reading, sensitivity, specificity.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import Floats, Groups, Labels, check_arrays, check_binary
from tumorscope.evaluation.intervals import TAIL, Estimate, bootstrap
from tumorscope.evaluation.statistic import Statistic, roc_auc, share

MEASURES: Final = ("roc_auc", "sensitivity", "specificity")
STEPS: Final = 3
"""A reading: 0 no tumor, 1 unsure, 2 tumor."""

CALLED: Final = 2
LEAST_READERS: Final = 2
LEAST_GROUPS: Final = 2
_INFINITE: Final = 1e9

_AGREE: Final = 1e-9
"""A standard error below this is the rounding of readers that do not differ at all."""


@dataclass(frozen=True, slots=True)
class ReaderEstimate:
    """A mean over readers, or a difference of two means.

    Attributes
    ----------
    estimate, low, high
        Value and 95 % interval, within what the measure can be; NaN where it cannot be had, as
        where no reader differs from another: that they agree by chance cannot be told.
    degrees
        Of freedom of the t distribution; infinite where readers agree entirely.
    p
        Two-sided, of a difference of 0; NaN for a mean, and where there is no interval.
    """

    estimate: float
    low: float
    high: float
    degrees: float
    p: float = float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, ``None`` for what is not finite."""
        return {
            name: value if math.isfinite(value) else None for name, value in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class ReaderStudy:
    """What a study found.

    Attributes
    ----------
    readers
        Measure by measure, each reader without and with help, shape (2, readers).
    alone, helped, gain
        Measure by measure: mean over readers without help, with it, and the difference.
    agreement
        Mean of Cohen's kappa over pairs of readers, without and with help.
    """

    names: tuple[str, ...]
    readers: Mapping[str, Floats]
    alone: Mapping[str, ReaderEstimate]
    helped: Mapping[str, ReaderEstimate]
    gain: Mapping[str, ReaderEstimate]
    agreement: Mapping[str, Estimate]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "readers": {
                name: {
                    measure: {"alone": float(of[0, at]), "helped": float(of[1, at])}
                    for measure, of in self.readers.items()
                }
                for at, name in enumerate(self.names)
            },
            **{
                part: {measure: one.to_dict() for measure, one in getattr(self, part).items()}
                for part in ("alone", "helped", "gain")
            },
            "agreement": {name: one.to_dict() for name, one in self.agreement.items()},
        }


def study_readers(
    y_true: Labels,
    alone: NDArray[np.int_],
    helped: NDArray[np.int_],
    groups: Groups,
    *,
    names: tuple[str, ...],
) -> ReaderStudy:
    """Compare readers without and with help.

    Parameters
    ----------
    y_true
        Shape (cases,), 1 tumor, 0 no tumor.
    alone, helped
        Shape (readers, cases): 0 no tumor, 1 unsure, 2 tumor. Everybody reads every case.
    groups
        Shape (cases,), unit of independence: the patient.
    names
        Of the readers.

    Raises
    ------
    UsageError
        If there are fewer than two readers, a class is missing or a reading is not known.
    """
    _check(y_true, alone, helped, groups, names)
    found = {one: compare(one, y_true, np.stack([alone, helped]), groups) for one in MEASURES}
    return ReaderStudy(
        names=names,
        readers={measure: table for measure, (table, _) in found.items()},
        alone={measure: estimates[0] for measure, (_, estimates) in found.items()},
        helped={measure: estimates[1] for measure, (_, estimates) in found.items()},
        gain={measure: estimates[2] for measure, (_, estimates) in found.items()},
        agreement=bootstrap({"alone": mean_kappa(alone), "helped": mean_kappa(helped)}, groups),
    )


def compare(
    measure: str, y_true: Labels, readings: NDArray[np.int_], groups: Groups
) -> tuple[Floats, tuple[ReaderEstimate, ReaderEstimate, ReaderEstimate]]:
    """Return a measure of each reader, shape (2, readers), and what follows for others.

    Parameters
    ----------
    measure
        One of ``MEASURES``.
    readings
        Shape (2, readers, cases): without and with help.
    """
    statistics = [_statistic(measure, y_true, one, groups) for row in readings for one in row]
    everything, leave_one_out = np.ones((1, len(y_true))), _leave_one_out(groups)
    values = np.array([one.compute(everything)[0] for one in statistics])
    left_out = np.stack([one.compute(leave_one_out) for one in statistics])
    table = values.reshape(readings.shape[:2])
    return table, obuchowski_rockette(table, jackknife_covariance(left_out))


def obuchowski_rockette(
    table: Floats, covariance: Floats
) -> tuple[ReaderEstimate, ReaderEstimate, ReaderEstimate]:
    """Return the means without and with help, and the difference, for random readers and cases.

    Parameters
    ----------
    table
        Shape (2, readers): a measure of each reader without and with help.
    covariance
        Shape (2 * readers, 2 * readers), of the errors of ``table.ravel()``.
    """
    count = table.shape[1]
    errors = covariance.reshape(2, count, 2, count)
    within = [_mean_off_diagonal(errors[kind, :, kind, :]) for kind in (0, 1)]
    across = (_mean_off_diagonal(errors[0, :, 1, :]) + _mean_off_diagonal(errors[1, :, 0, :])) / 2
    means = [_mean_of_readers(table[kind], within[kind]) for kind in (0, 1)]
    return means[0], means[1], _difference(table, (within[0] + within[1]) / 2 - across)


def jackknife_covariance(left_out: Floats) -> Floats:
    """Return the covariance of estimates from their values with one group left out.

    Parameters
    ----------
    left_out
        Shape (estimates, groups).
    """
    groups = left_out.shape[1]
    apart = left_out - left_out.mean(axis=1, keepdims=True)
    covariance: Floats = (groups - 1) / groups * apart @ apart.T
    return covariance


def mean_kappa(readings: NDArray[np.int_]) -> Statistic:
    """Return the mean over pairs of readers of Cohen's kappa (1960)."""
    pairs = [_kappa(one, other) for one, other in itertools.combinations(readings, 2)]

    def compute(weight: Floats) -> Floats:
        mean: Floats = np.mean([pair(weight) for pair in pairs], axis=0)
        return mean

    return Statistic(compute, np.ones(readings.shape[1], np.bool_))


def _kappa(one: NDArray[np.int_], other: NDArray[np.int_]) -> Callable[[Floats], Floats]:
    steps = np.arange(STEPS)
    first = (one[:, None] == steps).astype(np.float64)
    second = (other[:, None] == steps).astype(np.float64)
    agree = (one == other).astype(np.float64)

    def compute(weight: Floats) -> Floats:
        total = weight.sum(axis=1)
        observed = weight @ agree / total
        expected = ((weight @ first) * (weight @ second)).sum(axis=1) / total**2
        kappa: Floats = np.full(len(total), np.nan)
        np.divide(observed - expected, 1 - expected, out=kappa, where=expected < 1)
        return kappa

    return compute


def _mean_of_readers(values: Floats, covariance: float) -> ReaderEstimate:
    count = len(values)
    between = float(values.var(ddof=1))
    return _estimate(float(values.mean()), 1 / count, between, count * covariance, count - 1)


def _difference(table: Floats, covariance: float) -> ReaderEstimate:
    count = table.shape[1]
    gains = table[1] - table[0]
    between = float(gains.var(ddof=1)) / 2  # mean square of help with reader
    return _estimate(
        float(gains.mean()), 2 / count, between, count * covariance, count - 1, is_difference=True
    )


def _estimate(
    value: float,
    scale: float,
    between: float,
    shared: float,
    degrees: int,
    *,
    is_difference: bool = False,
) -> ReaderEstimate:
    """Return an interval with Hillis's degrees of freedom; ``shared`` below 0 counts as 0."""
    spread = between + max(shared, 0.0)
    error = math.sqrt(scale * spread)
    if error < _AGREE:
        return ReaderEstimate(value, math.nan, math.nan, math.inf)
    freedom = degrees * spread**2 / between**2 if between > 0 else math.inf
    reach = float(student.ppf(1 - TAIL, min(freedom, _INFINITE))) * error
    p = float(2 * student.sf(abs(value) / error, min(freedom, _INFINITE)))
    least = -1.0 if is_difference else 0.0
    low, high = max(least, value - reach), min(1.0, value + reach)
    return ReaderEstimate(value, low, high, freedom, p if is_difference else math.nan)


def _statistic(
    measure: str, y_true: Labels, reading: NDArray[np.int_], groups: Groups
) -> Statistic:
    everything = np.ones(len(y_true), np.bool_)
    if measure == "roc_auc":
        return roc_auc(y_true, reading.astype(np.float64), groups, rows=everything)
    called = reading == CALLED
    if measure == "sensitivity":
        return share(called, groups, rows=y_true == 1)
    return share(~called, groups, rows=y_true == 0)


def _leave_one_out(groups: Groups) -> Floats:
    """Return weights of the cases, shape (groups, cases), with one group at 0 in each row."""
    _, code = np.unique(groups, return_inverse=True)
    weights: Floats = (code[None, :] != np.arange(code.max() + 1)[:, None]).astype(np.float64)
    return weights


def _mean_off_diagonal(block: Floats) -> float:
    count = len(block)
    return float((block.sum() - np.trace(block)) / (count * (count - 1)))


def _check(
    y_true: Labels,
    alone: NDArray[np.int_],
    helped: NDArray[np.int_],
    groups: Groups,
    names: tuple[str, ...],
) -> None:
    check_arrays(y_true=y_true, groups=groups)
    check_binary(y_true)
    if len(names) < LEAST_READERS:
        raise UsageError(f"A reader study needs at least two readers; received {len(names)}.")
    shape = (len(names), len(y_true))
    for kind, readings in (("alone", alone), ("helped", helped)):
        if readings.shape != shape:
            raise UsageError(f"{kind} must have shape {shape}; received {readings.shape}.")
        if not np.isin(readings, np.arange(STEPS)).all():
            raise UsageError(f"{kind} holds readings other than 0, 1 and 2.")
    for label, name in ((1, "with a tumor"), (0, "without a tumor")):
        found = len(np.unique(groups[y_true == label]))
        if found < LEAST_GROUPS:
            raise UsageError(
                f"A reader study needs cases {name} of {LEAST_GROUPS} patients or more; "
                f"received {found}."
            )
