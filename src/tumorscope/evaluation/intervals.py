"""95 % intervals by bootstrap over groups.

The unit of independence is the group (patient or cluster of near-duplicates), so whole groups are
drawn with replacement (Davison & Hinkley 1997, section 3.8). A drawn group counts as often as it
was drawn: a resample is a vector of integer weights, and no array is copied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.evaluation.arrays import check_arrays
from tumorscope.evaluation.discrimination import Floats, Metric

RESAMPLES: Final = 1000
LEVEL: Final = 0.95
Z: Final = 1.959963984540054
"""Standard normal quantile of 97.5 %."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its interval.

    Attributes
    ----------
    value, low, high
        Estimate and ends of the 95 % interval; NaN where undefined.
    images, groups
        How many the estimate rests on.
    """

    value: float
    low: float
    high: float
    images: int
    groups: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, ``None`` for NaN."""
        values = asdict(self)
        return {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in values.items()
        }

    def __str__(self) -> str:
        if math.isnan(self.value):
            return "\N{EN DASH}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def bootstrap(
    metrics: Mapping[str, Metric],
    y_true: NDArray[np.int_],
    y_score: Floats,
    groups: NDArray[Any],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """Estimate metrics with percentile intervals over groups.

    Parameters
    ----------
    metrics
        By name; all are computed on the same resamples.
    y_true, y_score
        Shape (n,).
    groups
        Shape (n,), the unit that is drawn.

    Notes
    -----
    Where a share is 0 or 1 every resample agrees and the percentile interval is empty. The
    Wilson interval (Wilson 1927) with the number of groups as its sample size is given instead.
    """
    check_arrays(y_true=y_true, y_score=y_score, groups=groups)
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(count, np.full(count, 1 / count), size=resamples)
    ones = np.ones(len(y_true))
    found: dict[str, Estimate] = {}
    for name, metric in metrics.items():
        value = metric(y_true, y_score, ones)
        used, of_groups = _basis(name, y_true, index)
        if math.isnan(value):
            found[name] = Estimate(value, math.nan, math.nan, used, of_groups)
            continue
        sample = np.array([metric(y_true, y_score, draw[index].astype(float)) for draw in draws])
        low, high = _ends(value, sample, of_groups)
        found[name] = Estimate(value, low, high, used, of_groups)
    return found


def bootstrap_mean(
    values: Floats, groups: NDArray[Any], *, seed: int = 0, resamples: int = RESAMPLES
) -> Estimate:
    """Estimate a mean, such as of Dice or of hits; NaN values are left out."""
    known = ~np.isnan(values)
    if not known.any():
        return Estimate(math.nan, math.nan, math.nan, 0, 0)

    def mean(_: NDArray[np.int_], score: Floats, weight: Floats) -> float:
        total = weight.sum()
        return float(weight @ score / total) if total else math.nan

    y_true = np.ones(int(known.sum()), dtype=np.int_)
    return bootstrap(
        {"mean": mean}, y_true, values[known], groups[known], seed=seed, resamples=resamples
    )["mean"]


def wilson(successes: float, trials: int) -> tuple[float, float]:
    """Return the Wilson score interval of a share at 95 %."""
    share = successes / trials
    center = (share + Z**2 / (2 * trials)) / (1 + Z**2 / trials)
    half = Z / (1 + Z**2 / trials)
    half *= math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    return max(0.0, center - half), min(1.0, center + half)


def _ends(value: float, sample: Floats, groups: int) -> tuple[float, float]:
    sample = sample[~np.isnan(sample)]
    if value in (0.0, 1.0) and np.all(sample == value):
        return wilson(value * groups, groups)
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(sample, (tail, 1 - tail))
    return float(low), float(high)


def _basis(name: str, y_true: NDArray[np.int_], index: NDArray[np.intp]) -> tuple[int, int]:
    """Count the images and groups a metric rests on."""
    counted = {"sensitivity": y_true == 1, "specificity": y_true == 0}
    rows = counted.get(name, np.ones(len(y_true), np.bool_))
    return int(rows.sum()), len(np.unique(index[rows]))
