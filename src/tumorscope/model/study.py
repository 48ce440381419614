"""The answer for a study from the answers of its series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from tumorscope.answer import (
    ModelIdentity,
    SeriesPrediction,
    SkippedSeries,
    StudyPrediction,
    StudySeries,
    TypeProbabilities,
    name_types,
)
from tumorscope.labels import TUMOR_TYPES, SequenceName
from tumorscope.model.decision import DecisionRule
from tumorscope.model.series import common_source

WORTH: Final[Mapping[SequenceName | None, float]] = MappingProxyType(
    {"FLAIR": 1.0, "T1+C": 1.0, "T2": 0.6, "T1": 0.4, None: 0.4}
)
"""Weight of a sequence's log odds, before they are made to sum to 1 (docs/decisions/0063)."""

OTHER: Final = "The series shows another sequence than T1, T1+C, T2 or FLAIR."

_LEAST_PROBABILITY: Final = 1e-7
_EVEN: Final = [1 / len(TUMOR_TYPES)] * len(TUMOR_TYPES)


def answer_studies(
    series: Sequence[SeriesPrediction], *, rule: DecisionRule, model: ModelIdentity
) -> Iterator[StudyPrediction]:
    """Yield an answer for each study of which several series were answered.

    Series without a Study Instance UID form no study. The order is that of arrival.
    """
    studies: dict[str, list[SeriesPrediction]] = {}
    for one in series:
        if one.study_instance_uid is not None:
            studies.setdefault(one.study_instance_uid, []).append(one)
    for members in studies.values():
        if len(members) > 1:
            yield answer_study(members, rule=rule, model=model)


def answer_study(
    series: Sequence[SeriesPrediction], *, rule: DecisionRule, model: ModelIdentity
) -> StudyPrediction:
    """Combine the answers of the series of one study.

    The log odds of the study are the mean of those of its series, each weighted by what its
    sequence is worth. Rejected series, and sequences that the model was not made for, do not count;
    several series of one sequence share its weight, so that repeats do not outvote the others. The
    study is rejected where no series counts.

    Parameters
    ----------
    series
        Of one study, at least one.
    rule
        The study is called, and abstains, at the probabilities at which a slice would.
    """
    judged = [(one, _reason(one)) for one in series]
    left_out = [_skipped(one, reason) for one, reason in judged if reason is not None]
    counted = [one for one, reason in judged if reason is None]
    shared: dict[str, Any] = {
        "source": common_source(series),
        "study_instance_uid": series[0].study_instance_uid,
        "operating_point": rule.point,
        "skipped": tuple(left_out),
        "model": model,
    }
    if not counted:
        reasons = dict.fromkeys(one["reason"] for one in left_out)
        return StudyPrediction(
            **shared,
            outcome="rejected",
            probabilities=None,
            type_probabilities=None,
            prediction_set=(),
            reasons=tuple(reasons),
            series=(),
        )
    weights = _weights(counted)
    probability = _weighted_probability([_tumor(one) for one in counted], weights)
    outcome, plausible, why = rule.decide(probability)
    return StudyPrediction(
        **shared,
        outcome=outcome,
        probabilities={"tumor": probability, "no_tumor": 1 - probability},
        type_probabilities=_mean_types(counted, weights),
        prediction_set=plausible,
        reasons=why,
        series=_told(counted, weights),
    )


def _reason(one: SeriesPrediction) -> str | None:
    """Return why a series does not count."""
    if one.probabilities is None:
        return " ".join(one.reasons) or "The series was rejected."
    return OTHER if one.sequence["name"] == "other" else None


def _weights(series: Sequence[SeriesPrediction]) -> list[float]:
    """Return the share of each series; those of one sequence share its worth."""
    names = [one.sequence["name"] for one in series]
    worth = [WORTH[name] / names.count(name) for name in names]
    return [one / sum(worth) for one in worth]


def _weighted_probability(probabilities: list[float], weights: list[float]) -> float:
    clipped = np.clip(probabilities, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    return float(1 / (1 + math.exp(-float(np.log(clipped / (1 - clipped)) @ weights))))


def _tumor(one: SeriesPrediction) -> float:
    return 0.0 if one.probabilities is None else one.probabilities["tumor"]


def _mean_types(series: Sequence[SeriesPrediction], weights: list[float]) -> TypeProbabilities:
    """Average the type over series, weighted by the probability of tumor, too."""
    shares = (
        np.array([max(_tumor(one), _LEAST_PROBABILITY) for one in series], np.float64) * weights
    )
    types = np.array(
        [
            [(one.type_probabilities or name_types(_EVEN))[name] for name in TUMOR_TYPES]
            for one in series
        ]
    )
    return name_types(shares @ types / shares.sum())


def _told(series: Sequence[SeriesPrediction], weights: list[float]) -> tuple[StudySeries, ...]:
    order = sorted(range(len(series)), key=lambda at: (-weights[at], at))
    return tuple(
        {
            "source": series[at].source,
            "series_instance_uid": series[at].series_instance_uid,
            "series_description": series[at].series_description,
            "sequence": series[at].sequence["name"],
            "probability": _tumor(series[at]),
            "weight": weights[at],
        }
        for at in order
    )


def _skipped(one: SeriesPrediction, reason: str) -> SkippedSeries:
    return {
        "source": one.source,
        "series_instance_uid": one.series_instance_uid,
        "series_description": one.series_description,
        "reason": reason,
    }
