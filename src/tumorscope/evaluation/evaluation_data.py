"""What a report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import (
    Floats,
    Groups,
    Labels,
    check_arrays,
    check_binary,
    check_groups,
    check_probabilities,
)
from tumorscope.labels import TUMOR_TYPES

UNKNOWN_TYPE: Final = -1
_SUM_TOLERANCE: Final = 1e-3
"""Probabilities that went through float16 still sum to 1 within this."""


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationData:
    """Answers and truth of one split, as arrays of length n; checked when made.

    Attributes
    ----------
    y_true
        1 tumor, 0 no tumor.
    y_score
        Calibrated probability of tumor.
    groups
        Unit of independence: patient or cluster of near-duplicates.
    set, site, sequence, plane, type
        Subgroups; ``unknown`` where nothing is known.
    type_prob
        Shape (n, types), probability of each of ``TUMOR_TYPES`` given a tumor.
    type_true
        Index into ``TUMOR_TYPES``, -1 where unknown or without tumor.
    operating_point
        Name of the threshold in use.
    operating_points
        All thresholds by name; called tumor where ``y_score >= threshold``.
    peak_inside
        1 where the peak of the evidence lies in the mask, 0 where not, NaN without a mask.
    dice
        Overlap of evidence and mask, NaN without a mask.
    mask_fraction
        Share of the image that the tumor's mask covers, NaN without a mask.
    mask_center
        Shape (n, 2), row and column of the mask's center as shares of the image; NaN without one.
    foreground_area
        Share of the image that is foreground.
    outcome
        What was answered: one of ``labels.Outcome``; ``None`` if that is not to be measured.
    in_set
        Whether the prediction set holds the true class.
    foreign_kind, foreign_rejected, foreign_groups
        Of the pictures that show no brain MR image: what they show, whether they were rejected,
        and of which group each is.
    subgroups
        Further subgroups, each of shape (n,), by name of the column.
    is_copy, is_neighbor
        Whether each image is a copy of one that the model was trained on, and whether it is that
        or very similar to one; ``None`` where that is not known.
    control_scores
        Scores of the trivial controls in [0, 1], each of shape (n,), by name of the control.
    provenance
        What made the answers: commit, day, machine, data, model, versions; kept as it is.

    Raises
    ------
    UsageError
        Names the array, what was wrong with it and where.
    """

    y_true: Labels
    y_score: Floats
    groups: Groups
    set: NDArray[np.str_]
    site: NDArray[np.str_]
    sequence: NDArray[np.str_]
    plane: NDArray[np.str_]
    type: NDArray[np.str_]
    type_prob: Floats
    type_true: Labels
    operating_point: str
    operating_points: Mapping[str, float]
    peak_inside: Floats | None = None
    dice: Floats | None = None
    mask_fraction: Floats | None = None
    mask_center: Floats | None = None
    foreground_area: Floats | None = None
    outcome: NDArray[np.str_] | None = None
    in_set: NDArray[np.bool_] | None = None
    foreign_kind: NDArray[np.str_] | None = None
    foreign_rejected: NDArray[np.bool_] | None = None
    foreign_groups: Groups | None = None
    control_scores: Mapping[str, Floats] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    subgroups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    is_copy: NDArray[np.bool_] | None = None
    is_neighbor: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        names = ("y_true", "y_score", "groups", "type_prob", "type_true")
        labels = ("set", "site", "sequence", "plane", "type")
        check_arrays(**{name: getattr(self, name) for name in names + labels})
        check_binary(self.y_true)
        check_probabilities("y_score", self.y_score)
        check_groups(self.groups)
        self._check_types()
        self._check_operating_points()
        for name in ("peak_inside", "dice", "mask_fraction", "foreground_area"):
            self._check_shares(name, getattr(self, name))
        for name, scores in self.control_scores.items():
            self._check_shares(name, scores)
        self._check_centers()

    @property
    def threshold(self) -> float:
        """Probability from which an image is called tumor."""
        return self.operating_points[self.operating_point]

    @property
    def is_called(self) -> NDArray[np.bool_]:
        """Whether each image is called tumor, shape (n,)."""
        return self.y_score >= self.threshold

    @property
    def has_type(self) -> NDArray[np.bool_]:
        """Whether the type of each image is known, shape (n,)."""
        known: NDArray[np.bool_] = self.type_true != UNKNOWN_TYPE
        return known

    def _check_types(self) -> None:
        if self.type_prob.shape != (len(self.y_true), len(TUMOR_TYPES)):
            raise UsageError(
                f"type_prob must have shape (n, {len(TUMOR_TYPES)}); "
                f"received {self.type_prob.shape} for {len(self.y_true)} images."
            )
        check_probabilities("type_prob", self.type_prob)
        worst = float(np.abs(self.type_prob.sum(axis=1) - 1).max())
        if worst > _SUM_TOLERANCE:
            raise UsageError(f"Rows of type_prob must sum to 1; one is off by {worst:g}.")
        strange = np.setdiff1d(self.type_true, (UNKNOWN_TYPE, *range(len(TUMOR_TYPES))))
        if strange.size:
            raise UsageError(
                f"type_true must be {UNKNOWN_TYPE} or an index of {TUMOR_TYPES}; received also "
                f"{strange.tolist()}."
            )
        if (self.has_type & (self.y_true == 0)).any():
            raise UsageError("type_true names a tumor type for images without tumor.")

    def _check_operating_points(self) -> None:
        if self.operating_point not in self.operating_points:
            raise UsageError(
                f"There is no operating point {self.operating_point!r}; there are "
                f"{', '.join(self.operating_points) or 'none'}."
            )
        if not np.isfinite(list(self.operating_points.values())).all():
            raise UsageError(f"Thresholds must be finite; received {dict(self.operating_points)}.")

    def _check_centers(self) -> None:
        if self.mask_center is None:
            return
        if self.mask_center.shape != (len(self.y_true), 2):
            raise UsageError(
                f"mask_center must have shape (n, 2); received {self.mask_center.shape} for "
                f"{len(self.y_true)} images."
            )
        for column in self.mask_center.T:
            self._check_shares("mask_center", column)

    def _check_shares(self, name: str, values: NDArray[Any] | None) -> None:
        if values is None:
            return
        check_arrays(**{"y_true": self.y_true, name: np.nan_to_num(values)})
        known = values[~np.isnan(values)]
        if known.size:
            check_probabilities(name, known)
