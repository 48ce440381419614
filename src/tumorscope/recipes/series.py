"""How far the largest of many slices' answers lies beyond one, fitted on series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.series import LabeledSeries, find_series
from tumorscope.evaluation.calibration import fit_spread
from tumorscope.model.series import largest_mean

FEWEST_SERIES: Final = 10
"""Of those with and of those without a tumor each; with fewer, what was fitted before is better."""


def fit_series_spread(rows: Sequence[ManifestRow], logits: Mapping[str, float]) -> float | None:
    """Fit the spread that makes the probabilities of series calibrated.

    Series with and without a tumor weigh the same in all.

    Parameters
    ----------
    rows
        Of the calibration split.
    logits
        Calibrated log odds of a tumor by name of the row, for every row.

    Returns
    -------
    float or None
        ``None`` where fewer than ten series have a tumor, or fewer than ten have none.
    """
    found = list(find_series(rows))
    tumor = np.array([one.tumor for one in found], dtype=np.intp)
    counts = np.bincount(tumor, minlength=2)
    if counts.min() < FEWEST_SERIES:
        return None
    means, excess = np.array([_largest(one, logits) for one in found]).T
    return fit_spread(means, excess, tumor, sample_weight=1 / counts[tumor])


def _largest(series: LabeledSeries, logits: Mapping[str, float]) -> tuple[float, float]:
    return largest_mean(np.array([logits[row.name] for row in series.rows]))
