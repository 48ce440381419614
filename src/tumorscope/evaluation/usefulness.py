"""Usefulness to a clinician: is it of use, and what does an answer mean where tumors are rare.

Sensitivity and specificity are of the test; what a positive answer means depends on how many of
those who are tested have a tumor. In collected data that is far more than in any clinic, so
predictive values are computed for a range of prevalences and never for the data's own.

Net benefit (Vickers & Elkin 2006, doi 10.1177/0272989X06295361) weighs found tumors against false
alarms: who acts from a probability ``p`` on accepts ``(1 - p) / p`` false alarms for a tumor. A
model is of use at a threshold where its net benefit lies above those of *act on everyone* and of
*act on no one*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tumorscope.evaluation.arrays import Floats, Groups, Labels
from tumorscope.evaluation.intervals import RESAMPLES, Estimate, bootstrap
from tumorscope.evaluation.statistic import Statistic

PREVALENCES: Final = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5)
"""From screening to a clinic for brain tumors: an assumption, to be replaced by one's own."""

CLINIC_PREVALENCE: Final = 0.05
"""At which the decision curve is drawn beside that of the data: an assumption."""

CALIBRATED_PREVALENCE: Final = 0.5
"""At which probabilities are calibrated: there both classes weigh the same, whatever the numbers of
their images."""

THRESHOLDS: Final = (0.01, *(round(0.05 * step, 2) for step in range(1, 20)))
"""Probabilities from which somebody might act."""

SHOWN_THRESHOLDS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Of these, the rows of the table."""

_EPSILON: Final = 1e-12


@dataclass(frozen=True, slots=True)
class DecisionPoint:
    """Net benefit at one threshold, in tumors found for each image, net of false alarms.

    Attributes
    ----------
    threshold
        Probability from which one acts.
    model
        Of acting on what the model calls.
    everyone
        Of acting on every image; that of acting on none is 0.
    """

    threshold: float
    model: Estimate
    everyone: Estimate

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values; what a curve needs and no more."""
        model = self.model.to_dict()
        return {
            "threshold": self.threshold,
            "model": {name: model[name] for name in ("estimate", "low", "high")},
            "everyone": self.everyone.estimate,
        }


def net_benefit(
    y_true: Labels, called: Floats, *, threshold: float, prevalence: float | None = None
) -> Statistic:
    """Return the net benefit of acting on what was called, at a threshold probability.

    Parameters
    ----------
    y_true
        Shape (n,), 1 tumor, 0 no tumor.
    called
        Shape (n,), 1 where one acts.
    threshold
        Probability in (0, 1) that weighs a false alarm against a tumor.
    prevalence
        Share of tumors among those who are tested; ``None`` for that of the images.
    """
    odds = threshold / (1 - threshold)
    tumor, acted = (y_true == 1).astype(np.float64), called.astype(np.float64)
    terms = np.stack([tumor * acted, (1 - tumor) * acted, tumor, 1 - tumor], axis=1)

    def compute(weight: Floats) -> Floats:
        hits, alarms, positive, negative = (weight @ terms).T
        if prevalence is None:
            own: Floats = (hits - odds * alarms) / (positive + negative)
            return own
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = (
                prevalence * hits / positive - odds * (1 - prevalence) * alarms / negative
            )
        return np.where((positive > 0) & (negative > 0), found, np.nan)

    return Statistic(compute, np.ones(len(y_true), np.bool_))


def decision_curve(
    y_true: Labels,
    y_score: Floats,
    groups: Groups,
    *,
    prevalence: float | None = None,
    thresholds: Sequence[float] = THRESHOLDS,
    resamples: int = RESAMPLES,
) -> tuple[DecisionPoint, ...]:
    """Return the net benefit over thresholds, with intervals over groups.

    Parameters
    ----------
    y_true, y_score, groups
        Shape (n,); ``y_score`` calibrated.
    prevalence
        Share of tumors to compute it for, with the scores moved there by Bayes' rule from
        ``CALIBRATED_PREVALENCE``; ``None`` for that of the images, with the scores as they are.
    """
    moved = y_score
    if prevalence is not None:
        moved = at_prevalence(y_score, CALIBRATED_PREVALENCE, prevalence)
    everyone = np.ones(len(y_true))
    statistics = {}
    for one in thresholds:
        called = (moved >= one).astype(np.float64)
        statistics[f"model {one}"] = net_benefit(
            y_true, called, threshold=one, prevalence=prevalence
        )
        statistics[f"everyone {one}"] = net_benefit(
            y_true, everyone, threshold=one, prevalence=prevalence
        )
    found = bootstrap(statistics, groups, resamples=resamples)
    return tuple(
        DecisionPoint(one, found[f"model {one}"], found[f"everyone {one}"]) for one in thresholds
    )


def at_prevalence(y_score: Floats, own: float, other: float) -> Floats:
    """Move calibrated probabilities from one prevalence to another, by Bayes' rule.

    Examples
    --------
    >>> at_prevalence(np.array([0.5, 0.9]), 0.5, 0.1).round(3).tolist()
    [0.1, 0.5]
    """
    clipped = np.clip(y_score, _EPSILON, 1 - _EPSILON)
    odds = clipped / (1 - clipped) * (other / (1 - other)) / (own / (1 - own))
    moved: Floats = odds / (1 + odds)
    return moved


def predictive_values(
    sensitivity: Estimate, specificity: Estimate, prevalence: float
) -> dict[str, Estimate]:
    """Return what an answer means at a prevalence.

    Each is monotone in sensitivity and specificity, so the ends of its interval are taken from the
    ends of theirs: wider than 95 %, never narrower, and exact where theirs are.

    Returns
    -------
    dict
        ``ppv``, share of tumors among the called; ``npv``, share of tumor-free among the others;
        ``false_alarms_per_tumor``, for each tumor found.

    Examples
    --------
    >>> one = Estimate(0.9, 0.8, 1.0, 100, 50, 2000)
    >>> found = predictive_values(one, one, 0.1)
    >>> round(found["ppv"].estimate, 3), round(found["false_alarms_per_tumor"].estimate, 3)
    (0.5, 1.0)
    """
    formulas = {"ppv": _ppv, "npv": _npv, "false_alarms_per_tumor": _false_alarms}
    size = {
        "n_images": sensitivity.n_images + specificity.n_images,
        "n_groups": min(sensitivity.n_groups, specificity.n_groups),
        "n_valid_resamples": 0,
    }
    found = {}
    for name, formula in formulas.items():
        ends = [
            formula(of_tumors, of_others, prevalence)
            for of_tumors in (sensitivity.low, sensitivity.high)
            for of_others in (specificity.low, specificity.high)
        ]
        value = formula(sensitivity.estimate, specificity.estimate, prevalence)
        found[name] = Estimate(value, min(ends), max(ends), **size, method="ends")
    return found


def weakest(
    sections: Mapping[str, Mapping[str, Mapping[str, Estimate]]],
    *,
    count: int = 10,
    least: int = 10,
) -> dict[str, dict[str, Estimate]]:
    """Return the subgroups in which the model is right least often.

    Parameters
    ----------
    sections
        Sections ``by_...`` of a report, then subgroup, then metric.
    count
        How many.
    least
        Images that a subgroup must have to be listed.
    """
    candidates = [
        (estimate.estimate, f"{_subject(section)} {row}", metric, estimate)
        for section, rows in sections.items()
        if section.startswith(("by_", "sensitivity_by_"))
        for row, metrics in rows.items()
        for metric, estimate in metrics.items()
        if metric in ("sensitivity", "specificity") and estimate.n_images >= least
    ]
    found: dict[str, dict[str, Estimate]] = {}
    for _, name, metric, estimate in sorted(candidates, key=lambda one: one[:3]):
        if len(found) == count and name not in found:
            break
        found.setdefault(name, {})[metric] = estimate
    return found


def _subject(section: str) -> str:
    return section.rpartition("by_")[2].replace("_", " ")


def _ppv(sensitivity: float, specificity: float, prevalence: float) -> float:
    hits, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return hits / (hits + alarms) if hits + alarms > 0 else float("nan")


def _npv(sensitivity: float, specificity: float, prevalence: float) -> float:
    right, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return right / (right + missed) if right + missed > 0 else float("nan")


def _false_alarms(sensitivity: float, specificity: float, prevalence: float) -> float:
    hits = sensitivity * prevalence
    return (1 - specificity) * (1 - prevalence) / hits if hits > 0 else float("inf")
