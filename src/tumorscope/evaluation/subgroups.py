"""The same metrics for every set, site, sequence, plane and tumor type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.evaluation.discrimination import RANKING, Floats, at_threshold
from tumorscope.evaluation.intervals import Estimate, bootstrap

SUBGROUP_RESAMPLES: Final = 500
UNKNOWN: Final = "unknown"


def by_subgroup(
    names: NDArray[np.str_],
    y_true: NDArray[np.int_],
    y_score: Floats,
    groups: NDArray[Any],
    *,
    threshold: float,
) -> dict[str, dict[str, Estimate]]:
    """Measure each subgroup; what cannot be measured in one class alone is NaN, never made up.

    Parameters
    ----------
    names
        Shape (n,), subgroup of each image; ``unknown`` is left out.
    y_true, y_score, groups
        Shape (n,).
    threshold
        Score from which an image is called tumor.
    """
    metrics = {**RANKING, **at_threshold(threshold)}
    return {
        str(name): bootstrap(
            metrics,
            y_true[names == name],
            y_score[names == name],
            groups[names == name],
            resamples=SUBGROUP_RESAMPLES,
        )
        for name in np.unique(names)
        if name != UNKNOWN
    }


def macro(subgroups: Mapping[str, Mapping[str, Estimate]], metric: str) -> float:
    """Average a metric over the subgroups in which it is defined; NaN if there is none."""
    values = [found[metric].value for found in subgroups.values()]
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan
