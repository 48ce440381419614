"""What a score becomes without the test pictures that are already in the training set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.evaluation.arrays import (
    Floats,
    Groups,
    Labels,
    check_arrays,
    check_binary,
    check_groups,
)
from tumorscope.evaluation.intervals import Estimate, bootstrap
from tumorscope.evaluation.statistic import discrimination, less

OFFICIAL: Final = "official: all test pictures"

COMPARED: Final = ("roc_auc", "accuracy", "sensitivity", "specificity")
"""Metrics whose loss is given with an interval of its own."""


def measure_deleaked(
    y_true: Labels,
    y_score: Floats,
    groups: Groups,
    parts: Mapping[str, NDArray[np.bool_]],
    *,
    threshold: float,
    seed: int = 0,
) -> dict[str, dict[str, Estimate]]:
    """Estimate how well scores tell tumor from no tumor, officially and on parts of the pictures.

    Parameters
    ----------
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    y_score
        Shape (n,); called tumor where ``y_score >= threshold``.
    groups
        Shape (n,), unit of independence: whole groups are resampled, the same for all parts.
    parts
        By name: which pictures remain, shape (n,). Empty parts are left out.

    Returns
    -------
    dict
        For :data:`OFFICIAL` and each part, metrics by scikit-learn's names as far as the classes
        present allow; for a part also ``loss_of_NAME``, the official metric less its own.
    """
    check_arrays(y_true=y_true, y_score=y_score, groups=groups)
    check_binary(y_true)
    check_groups(groups)
    statistics = {
        (name, metric): one
        for name, rows in {OFFICIAL: np.ones(len(y_true), np.bool_), **parts}.items()
        if rows.any()
        for metric, one in discrimination(
            y_true, y_score, groups, threshold=threshold, rows=rows
        ).items()
    }
    for name, metric in list(statistics):
        if name != OFFICIAL and metric in COMPARED and (OFFICIAL, metric) in statistics:
            loss = less(statistics[OFFICIAL, metric], statistics[name, metric])
            statistics[name, f"loss_of_{metric}"] = loss
    names = {f"{name}\n{metric}": one for (name, metric), one in statistics.items()}
    found: dict[str, dict[str, Estimate]] = {}
    for key, estimate in bootstrap(names, groups, seed=seed).items():
        name, _, metric = key.partition("\n")
        found.setdefault(name, {})[metric] = estimate
    return found


def to_dict(scores: Mapping[str, Mapping[str, Estimate]]) -> dict[str, Any]:
    """Return plain JSON values."""
    return {
        name: {metric: one.to_dict() for metric, one in row.items()} for name, row in scores.items()
    }
