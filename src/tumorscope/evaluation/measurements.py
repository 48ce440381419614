"""Everything that a report says, as estimates with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from tumorscope.evaluation.arrays import Floats
from tumorscope.evaluation.calibration import BINS, bin_index, log_losses
from tumorscope.evaluation.controls import AREA_CONTROL
from tumorscope.evaluation.evaluation_data import EvaluationData
from tumorscope.evaluation.intervals import (
    Estimate,
    bootstrap,
    bootstrap_mean,
    bootstrap_share,
    measure,
)
from tumorscope.evaluation.matching import match_pairs
from tumorscope.evaluation.statistic import (
    discrimination,
    expected_calibration_error,
    mean,
    mean_of,
    share,
)
from tumorscope.evaluation.subgroups import by_subgroup, macro_average
from tumorscope.evaluation.usefulness import (
    CLINIC_PREVALENCE,
    PREVALENCES,
    SHOWN_THRESHOLDS,
    DecisionPoint,
    decision_curve,
    predictive_values,
    weakest,
)
from tumorscope.labels import TUMOR_TYPES

Row = Mapping[str, Estimate]
Section = Mapping[str, Row]

SUBGROUPS: Final = ("set", "site", "sequence", "plane")

MODEL: Final = "this model"
"""Name of the model's row beside those of the controls."""

SLIVER_FRACTION: Final = 150 / 256**2
"""Share of the image below which a tumor is a sliver: 150 pixels of 256 x 256, where the slice
only grazes it."""


SIZE_EDGES: Final = (0.01, 0.03)
"""Shares of the image that part small, middle and large tumors."""

SIZES: Final = (
    "1: below the minimum size",
    "2: up to 1 % of the image",
    "3: 1 to 3 % of the image",
    "4: over 3 % of the image",
)


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """Estimates of one split.

    Attributes
    ----------
    sections
        Section, then row, then metric. Sections without rows are left out.
    reliability
        Mean probability and observed share of tumors in each bin that is not empty.
    decision_curve, clinic_curve
        Net benefit over thresholds, at the prevalence of the images and at ``CLINIC_PREVALENCE``;
        empty with one class.
    confusion
        Images by truth (rows) and call (columns), in the order of ``labels.CLASSES``.
    type_confusion
        Tumors of known type by truth (rows) and most probable type (columns).
    """

    sections: Mapping[str, Section]
    reliability: tuple[tuple[float, Estimate], ...]
    decision_curve: tuple[DecisionPoint, ...]
    clinic_curve: tuple[DecisionPoint, ...]
    confusion: NDArray[np.int_]
    type_confusion: NDArray[np.int_]

    @property
    def overall(self) -> Row:
        """The metrics of all images together."""
        return self.sections["overall"]["all images"]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "sections": {
                section: {
                    row: {metric: one.to_dict() for metric, one in estimates.items()}
                    for row, estimates in rows.items()
                }
                for section, rows in self.sections.items()
            },
            "reliability": [
                {"mean_score": score, "observed": observed.to_dict()}
                for score, observed in self.reliability
            ],
            "decision_curve": [one.to_dict() for one in self.decision_curve],
            "clinic_curve": {
                "prevalence": CLINIC_PREVALENCE,
                "points": [one.to_dict() for one in self.clinic_curve],
            },
            "confusion": self.confusion.tolist(),
            "type_confusion": self.type_confusion.tolist(),
        }


def take_measurements(data: EvaluationData) -> Measurements:
    """Measure everything that the data allow."""
    sections: dict[str, Section] = {
        "overall": {"all images": _overall(data)},
        "operating_points": _operating_points(data),
        "macro_over_sets": {_describe_sets(data): _macro(data)},
        "training_scans": _without_training_scans(data),
        **{f"by_{name}": _by(data, names) for name, names in data.subgroups.items()},
        **{f"by_{name}": _by(data, getattr(data, name)) for name in SUBGROUPS},
        "by_site_and_sequence": _by_site_and_sequence(data),
        "sensitivity_by_type": _sensitivity_by_type(data),
        "sensitivity_by_size": _sensitivity_by(data, _sizes(data)),
        "sensitivity_by_place": _sensitivity_by(data, _places(data)),
        "type": _types(data),
        "abstention": _abstention(data),
        "rejection": _rejection(data),
        "localization": _localization(data),
        "without_slivers": _without_slivers(data),
        "matched_in_area": _matched_in_area(data),
        "controls": _controls(data),
    }
    curve, clinic_curve = _decision_curves(data)
    sections["net_benefit"] = {
        f"{one.threshold:g}": {"net_benefit": one.model, "net_benefit_everyone": one.everyone}
        for one in curve
        if one.threshold in SHOWN_THRESHOLDS
    }
    sections["predictive_values"] = _predictive_values(sections["operating_points"])
    sections = {"weakest": weakest(sections), **sections}
    return Measurements(
        sections={name: rows for name, rows in sections.items() if rows},
        reliability=_reliability(data),
        decision_curve=curve,
        clinic_curve=clinic_curve,
        confusion=confusion_matrix(data.y_true, data.is_called, labels=[1, 0]),
        type_confusion=_type_confusion(data),
    )


def _overall(data: EvaluationData) -> Row:
    rows = np.ones(len(data.y_true), np.bool_)
    y_true, y_score = data.y_true, data.y_score
    statistics = {
        **discrimination(y_true, y_score, data.groups, threshold=data.threshold),
        "expected_calibration_error": expected_calibration_error(y_true, y_score, rows=rows),
        "brier_score": mean((y_score - y_true) ** 2, rows=rows),
        "log_loss": mean(log_losses(y_true, y_score), rows=rows),
    }
    return bootstrap(statistics, data.groups)


def _operating_points(data: EvaluationData) -> Section:
    chosen = ("sensitivity", "specificity", "accuracy", "balanced_accuracy")
    found = {}
    for name, threshold in data.operating_points.items():
        row = measure(data.y_true, data.y_score, data.groups, threshold=threshold)
        found[name] = {metric: row[metric] for metric in chosen if metric in row}
    return found


def _without_training_scans(data: EvaluationData) -> Section:
    """Measure again without what the model has learned from, if any of it is there."""
    if data.is_copy is None or data.is_neighbor is None or not data.is_neighbor.any():
        return {}
    everything = np.ones(len(data.y_true), np.bool_)
    rows = {
        "all images": everything,
        "without copies of training scans": ~data.is_copy,
        "without copies and similar scans": ~data.is_neighbor,
    }
    return {
        name: measure(
            data.y_true[some], data.y_score[some], data.groups[some], threshold=data.threshold
        )
        for name, some in rows.items()
        if some.any()
    }


def _describe_sets(data: EvaluationData) -> str:
    with_tumor, without = (set(data.set[data.y_true == label].tolist()) for label in (1, 0))
    return (
        f"{len(with_tumor | without)} sets ({len(with_tumor & without)} of them with both classes)"
    )


def _macro(data: EvaluationData) -> Row:
    return macro_average(data.set, data.y_true, data.y_score, data.groups, threshold=data.threshold)


def _by(data: EvaluationData, names: NDArray[np.str_]) -> Section:
    if (names == "unknown").all():
        return {}
    return by_subgroup(names, data.y_true, data.y_score, data.groups, threshold=data.threshold)


def _by_site_and_sequence(data: EvaluationData) -> Section:
    known = (data.site != "unknown") & (data.sequence != "unknown")
    if not known.any():
        return {}
    return by_subgroup(
        _site_and_sequence(data)[known],
        data.y_true[known],
        data.y_score[known],
        data.groups[known],
        threshold=data.threshold,
    )


def _site_and_sequence(data: EvaluationData) -> NDArray[np.str_]:
    pairs = zip(data.site, data.sequence, strict=True)
    return np.array([f"{site}, {sequence}" for site, sequence in pairs])


def _without_slivers(data: EvaluationData) -> Section:
    """Leave out the tumors that hardly show, of the sets that have masks to tell them by."""
    if data.mask_fraction is None or np.isnan(data.mask_fraction).all():
        return {}
    is_sliver = data.mask_fraction < SLIVER_FRACTION  # False where there is no mask
    masked = np.unique(data.set[~np.isnan(data.mask_fraction)])
    subsets = {
        f"{name}, {what}": (data.set == name) & rows
        for name in masked
        for what, rows in (("all", np.True_), ("without slivers", ~is_sliver))
    }
    return {
        name: measure(
            data.y_true[rows], data.y_score[rows], data.groups[rows], threshold=data.threshold
        )
        for name, rows in subsets.items()
        if rows.any()
    }


def _matched_in_area(data: EvaluationData) -> Section:
    """Measure the model, and the area alone, where the area is of no help."""
    if data.foreground_area is None:
        return {}
    rows = match_pairs(data.y_true, data.foreground_area, _site_and_sequence(data))
    if not rows.any():
        return {}
    return {
        name: measure(data.y_true[rows], score[rows], data.groups[rows], threshold=threshold)
        for name, (score, threshold) in _beside_controls(data).items()
        if name in (MODEL, AREA_CONTROL)
    }


def _sensitivity_by_type(data: EvaluationData) -> Section:
    tumor = data.y_true == 1
    if not data.has_type.any():
        return {}
    return by_subgroup(
        data.type[tumor],
        data.y_true[tumor],
        data.y_score[tumor],
        data.groups[tumor],
        threshold=data.threshold,
    )


def _sensitivity_by(data: EvaluationData, names: NDArray[np.str_] | None) -> Section:
    """Measure the tumors whose mask tells their size or place."""
    if names is None:
        return {}
    rows = (data.y_true == 1) & (names != "unknown")
    if not rows.any():
        return {}
    return by_subgroup(
        names[rows],
        data.y_true[rows],
        data.y_score[rows],
        data.groups[rows],
        threshold=data.threshold,
    )


def _sizes(data: EvaluationData) -> NDArray[np.str_] | None:
    if data.mask_fraction is None:
        return None
    names = np.array([*SIZES, "unknown"])
    edges = (SLIVER_FRACTION, *SIZE_EDGES)
    return names[np.where(np.isnan(data.mask_fraction), -1, np.digitize(data.mask_fraction, edges))]


def _places(data: EvaluationData) -> NDArray[np.str_] | None:
    """Name the third of the image, up and down and across, in which a mask has its center."""
    if data.mask_center is None:
        return None
    known = ~np.isnan(data.mask_center).any(axis=1)
    third = np.clip((np.nan_to_num(data.mask_center) * 3).astype(int), 0, 2)
    across = np.array(["left", "middle", "right"])[third[:, 1]]
    down = np.array(["upper", "central", "lower"])[third[:, 0]]
    joined = np.char.add(np.char.add(down, " "), across)
    return np.where(known, joined, "unknown")


def _decision_curves(
    data: EvaluationData,
) -> tuple[tuple[DecisionPoint, ...], tuple[DecisionPoint, ...]]:
    if len(np.unique(data.y_true)) < 2:
        return (), ()
    return (
        decision_curve(data.y_true, data.y_score, data.groups),
        decision_curve(data.y_true, data.y_score, data.groups, prevalence=CLINIC_PREVALENCE),
    )


def _predictive_values(points: Section) -> Section:
    return {
        f"{name}, {prevalence:.1%}": predictive_values(
            row["sensitivity"], row["specificity"], prevalence
        )
        for name, row in points.items()
        if "sensitivity" in row and "specificity" in row
        for prevalence in PREVALENCES
    }


def _types(data: EvaluationData) -> Section:
    """Measure the type head on the tumors of known type, whether they were called or not."""
    known = data.has_type
    rows = {"all sets": known} | {
        str(name): known & (data.set == name) for name in np.unique(data.set[known])
    }
    return {name: _type_metrics(data, of_row) for name, of_row in rows.items() if of_row.any()}


def _type_metrics(data: EvaluationData, rows: NDArray[np.bool_]) -> Row:
    type_true, groups = data.type_true[rows], data.groups[rows]
    hits = data.type_prob[rows].argmax(axis=1) == type_true
    recalls = {
        f"recall_{name}": share(hits, groups, rows=type_true == index)
        for index, name in enumerate(TUMOR_TYPES)
        if (type_true == index).any()
    }
    statistics = {"accuracy": share(hits, groups, rows=np.ones(len(hits), np.bool_)), **recalls}
    if len(recalls) > 1:
        statistics["balanced_accuracy"] = mean_of(list(recalls.values()))
    return bootstrap(statistics, groups)


def _abstention(data: EvaluationData) -> Section:
    """Measure what the model left open, how right it was on the rest, and its sets' coverage."""
    if data.outcome is None or data.in_set is None:
        return {}
    rows = {"all images": np.ones(len(data.y_true), np.bool_)} | {
        str(name): data.site == name for name in np.unique(data.site)
    }
    return {name: _abstention_metrics(data, of_row) for name, of_row in rows.items()}


def _abstention_metrics(data: EvaluationData, rows: NDArray[np.bool_]) -> Row:
    if data.outcome is None or data.in_set is None:
        return {}
    y_true, groups = data.y_true[rows], data.groups[rows]
    outcome, in_set = data.outcome[rows], data.in_set[rows]
    answered = (outcome == "tumor") | (outcome == "no_tumor")
    found = {
        "abstained": bootstrap_share(outcome == "abstain", groups),
        "rejected": bootstrap_share(outcome == "rejected", groups),
    }
    if answered.any():
        right = (outcome == "tumor") == (y_true == 1)
        found["accuracy_of_the_rest"] = bootstrap_share(right[answered], groups[answered])
    for label, name in ((1, "coverage_tumor"), (0, "coverage_no_tumor")):
        of_class = (y_true == label) & (outcome != "rejected")
        if of_class.any():
            found[name] = bootstrap_share(in_set[of_class], groups[of_class])
    return found


def _rejection(data: EvaluationData) -> Section:
    """Measure how many pictures that show no brain MR image were turned away, by kind."""
    kinds, rejected, groups = data.foreign_kind, data.foreign_rejected, data.foreign_groups
    if kinds is None or rejected is None or groups is None:
        return {}
    rows = {"all kinds": np.ones(len(kinds), np.bool_)} | {
        str(kind): kinds == kind for kind in np.unique(kinds)
    }
    return {
        name: {"rejected": bootstrap_share(rejected[of_row], groups[of_row])}
        for name, of_row in rows.items()
    }


def _localization(data: EvaluationData) -> Section:
    tumor = data.y_true == 1
    subsets = {
        "true positives with a mask": tumor & data.is_called,
        "all tumors with a mask": tumor,
    }
    rows = {name: _localization_metrics(data, subset) for name, subset in subsets.items()}
    return {name: row for name, row in rows.items() if row}


def _localization_metrics(data: EvaluationData, rows: NDArray[np.bool_]) -> Row:
    found = {}
    for metric, values in (("peak_in_mask", data.peak_inside), ("dice", data.dice)):
        known = rows if values is None else rows & ~np.isnan(values)
        if values is not None and known.any():
            estimate = bootstrap_share if metric == "peak_in_mask" else bootstrap_mean
            found[metric] = estimate(values[known], data.groups[known])
    return found


def _controls(data: EvaluationData) -> Section:
    if not data.control_scores:
        return {}
    return {
        name: measure(data.y_true, score, data.groups, threshold=threshold)
        for name, (score, threshold) in _beside_controls(data).items()
    }


def _beside_controls(data: EvaluationData) -> dict[str, tuple[Floats, float]]:
    """Return scores and threshold of the model and of each control."""
    controls = {name: (score, 0.5) for name, score in data.control_scores.items()}
    return {MODEL: (data.y_score, data.threshold), **controls}


def _reliability(data: EvaluationData) -> tuple[tuple[float, Estimate], ...]:
    index = bin_index(data.y_score, BINS)
    curve = []
    for one in np.unique(index):
        rows = index == one
        observed = bootstrap_share(data.y_true[rows], data.groups[rows])
        curve.append((float(data.y_score[rows].mean()), observed))
    return tuple(curve)


def _type_confusion(data: EvaluationData) -> NDArray[np.int_]:
    counts: NDArray[np.int_] = np.zeros((len(TUMOR_TYPES), len(TUMOR_TYPES)), np.int_)
    known = data.has_type
    np.add.at(counts, (data.type_true[known], data.type_prob[known].argmax(axis=1)), 1)
    return counts
