"""Images with and without tumor paired so that the area of the head tells nothing.

Slices near the ends of the head are small and mostly without tumor, so that their size alone
ranks them. On pairs of nearly the same area that is of no help.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from tumorscope.evaluation.arrays import Floats, Labels, check_arrays, check_binary

CALIPER: Final = 0.2
"""Largest distance within a pair, in standard deviations of the covariate within the stratum
(Austin 2011, doi 10.1002/pst.433)."""

_Names = NDArray[Any]


def match_pairs(y_true: Labels, covariate: Floats, strata: _Names) -> NDArray[np.bool_]:
    """Mark the images of the pairs, one with and one without tumor, of one stratum.

    As many pairs as the caliper allows, with the least total distance; no image twice.

    Parameters
    ----------
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    covariate
        Shape (n,), to be alike in a pair.
    strata
        Shape (n,), must be the same in a pair.

    Returns
    -------
    ndarray
        Shape (n,), bool.

    Examples
    --------
    >>> y_true, area = np.array([1, 0, 0, 1]), np.array([0.5, 0.9, 0.51, 0.1])
    >>> match_pairs(y_true, area, np.array(["a"] * 4)).tolist()
    [True, False, True, False]
    """
    check_arrays(y_true=y_true, covariate=covariate, strata=strata)
    check_binary(y_true)
    matched = np.zeros(len(y_true), np.bool_)
    for name in np.unique(strata):
        rows = np.flatnonzero(strata == name)
        tumor, free = rows[y_true[rows] == 1], rows[y_true[rows] == 0]
        if len(tumor) and len(free):
            limit = CALIPER * float(covariate[rows].std())
            matched[_pair(tumor, free, covariate, limit)] = True
    return matched


def _pair(
    tumor: NDArray[np.intp], free: NDArray[np.intp], covariate: Floats, limit: float
) -> NDArray[np.intp]:
    distance = np.abs(covariate[tumor][:, None] - covariate[free][None, :])
    is_near = distance <= limit
    # A pair too far apart costs more than all near ones together, so as few as can be are made.
    far = (limit + 1) * (min(distance.shape) + 1)
    first, second = linear_sum_assignment(np.where(is_near, distance, far))
    kept = is_near[first, second]
    return np.concatenate([tumor[first[kept]], free[second[kept]]])
