"""How far the ROC curve would move with other patients."""

from __future__ import annotations

from typing import Final

import numpy as np

from tumorscope.evaluation.arrays import Floats, Groups, Labels
from tumorscope.evaluation.intervals import TAIL, resample_weights

BAND_RESAMPLES: Final = 1000
"""A picture needs less than a number: no visible change from here on."""


def roc_band(
    y_true: Labels,
    y_score: Floats,
    groups: Groups,
    *,
    false_positive_rate: Floats,
    resamples: int = BAND_RESAMPLES,
) -> tuple[Floats, Floats]:
    """Return the pointwise 95 % band of the sensitivity, by bootstrap over groups.

    Parameters
    ----------
    y_true, y_score, groups
        Shape (n,); both classes present.
    false_positive_rate
        Shape (k,), where the band is wanted; the curve counts as a staircase there.

    Returns
    -------
    low, high
        Shape (k,).
    """
    order = np.argsort(-y_score, kind="stable")
    starts = np.flatnonzero(np.diff(-y_score[order], prepend=-np.inf))
    tumor = (y_true[order] == 1).astype(np.float64)
    curves = []
    for weight in resample_weights(groups, resamples=resamples):
        drawn = weight[:, order]
        positive = np.cumsum(np.add.reduceat(drawn * tumor, starts, axis=1), axis=1)
        negative = np.cumsum(np.add.reduceat(drawn * (1 - tumor), starts, axis=1), axis=1)
        for hits, alarms in zip(positive, negative, strict=True):
            if hits[-1] > 0 and alarms[-1] > 0:
                curves.append(_staircase(hits / hits[-1], alarms / alarms[-1], false_positive_rate))
    low, high = np.quantile(curves, (TAIL, 1 - TAIL), axis=0)
    return low, high


def _staircase(sensitivity: Floats, false_positives: Floats, wanted: Floats) -> Floats:
    """Return the highest sensitivity that has at most the wanted share of false positives."""
    reached = np.searchsorted(false_positives, wanted, side="right")
    return np.concatenate(([0.0], sensitivity))[reached]
