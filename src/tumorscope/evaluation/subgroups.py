"""The same metrics for every set, site, sequence, plane and tumor type.

A subgroup with one class only has a sensitivity or a specificity and nothing else: no AUROC can be
measured there, and none is made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.evaluation.arrays import Floats, Groups, Labels, check_arrays, check_binary
from tumorscope.evaluation.intervals import RESAMPLES, Estimate, bootstrap, measure
from tumorscope.evaluation.statistic import Statistic, discrimination, mean_of

UNKNOWN: Final = "unknown"
MOST_VALUES: Final = 8
"""Up to so many different numbers are subgroups of their own; more are put into bands."""
BANDS: Final = 4


def name_bands(values: Sequence[str | None]) -> NDArray[np.str_]:
    """Name the subgroup of each value: itself, or a band of about a quarter of many numbers.

    Examples
    --------
    >>> name_bands(["a", None, "b"]).tolist()
    ['a', 'unknown', 'b']
    >>> sorted(set(name_bands([str(age) for age in range(20, 60)]).tolist()))
    ['20 to 29', '30 to 39', '40 to 49', '50 to 59']
    """
    texts = np.array([UNKNOWN if value is None else value for value in values])
    numbers = np.array([_number(value) for value in values])
    known = ~np.isnan(numbers)
    given = np.array([value is not None for value in values])
    if (known != given).any() or len(np.unique(numbers[known])) <= MOST_VALUES:
        return texts
    inner = np.quantile(numbers[known], np.arange(1, BANDS) / BANDS)
    band = np.searchsorted(inner, numbers, side="right")
    names = texts.astype(object)
    for one in range(BANDS):
        of_band = known & (band == one)
        if of_band.any():
            low, high = numbers[of_band].min(), numbers[of_band].max()
            names[of_band] = f"{low:.15g} to {high:.15g}"  # whole: dates differ in the last digits
    return names.astype(np.str_)


def _number(value: str | None) -> float:
    try:
        return float("nan") if value is None else float(value)
    except ValueError:
        return float("nan")


def by_subgroup(
    names: NDArray[np.str_],
    y_true: Labels,
    y_score: Floats,
    groups: Groups,
    *,
    threshold: float,
    resamples: int = RESAMPLES,
) -> dict[str, dict[str, Estimate]]:
    """Measure each subgroup on its own.

    Parameters
    ----------
    names
        Shape (n,), subgroup of each image.
    y_true, y_score, groups
        Shape (n,), as in :func:`tumorscope.evaluation.intervals.measure`. With tumors only, as
        for subgroups by type, each has its sensitivity.
    threshold
        Score from which an image is called tumor.

    Returns
    -------
    dict
        By name in alphabetical order; only subgroups that have images.

    Raises
    ------
    UsageError
        As :func:`tumorscope.evaluation.intervals.measure`.
    """
    check_arrays(names=names, y_true=y_true, y_score=y_score, groups=groups)
    return {
        str(name): measure(
            y_true[names == name],
            y_score[names == name],
            groups[names == name],
            threshold=threshold,
            resamples=resamples,
        )
        for name in np.unique(names)
    }


def macro_average(
    names: NDArray[np.str_],
    y_true: Labels,
    y_score: Floats,
    groups: Groups,
    *,
    threshold: float,
    resamples: int = RESAMPLES,
) -> dict[str, Estimate]:
    """Average each metric over the subgroups in which it is defined, each counting the same.

    Parameters as in :func:`by_subgroup`. Groups are drawn from all images together, so a group
    that stands in two subgroups is drawn in both. A subgroup in which every answer is right, or
    that few resamples hold, widens the interval by its own (see ``intervals``). ``accuracy`` counts
    single-class subgroups too.

    Returns
    -------
    dict
        Metrics that at least one subgroup has.
    """
    check_arrays(names=names, y_true=y_true, y_score=y_score, groups=groups)
    check_binary(y_true)
    parts: dict[str, list[Statistic]] = {}
    for name in np.unique(names):
        found = discrimination(y_true, y_score, groups, threshold=threshold, rows=names == name)
        if "accuracy" not in found:  # in one class accuracy is its sensitivity or specificity
            found["accuracy"] = next(iter(found.values()))
        for metric, statistic in found.items():
            parts.setdefault(metric, []).append(statistic)
    averages = {metric: mean_of(statistics) for metric, statistics in parts.items()}
    return bootstrap(averages, groups, resamples=resamples)
