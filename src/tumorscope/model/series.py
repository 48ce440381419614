"""The answer for a series from the answers of its slices."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from tumorscope.answer import (
    ModelIdentity,
    Prediction,
    SequenceOfImage,
    SeriesPrediction,
    SeriesVolume,
    SuspiciousSlice,
    TypeProbabilities,
    name_types,
    unknown_sequence,
)
from tumorscope.imaging.inputs.sources import natural_key
from tumorscope.labels import TUMOR_TYPES
from tumorscope.model.decision import DecisionRule
from tumorscope.model.input_check import BLANK
from tumorscope.model.series_volumes import split_volumes, without_repeats

_Name = TypeVar("_Name")

MOST_SUSPICIOUS: Final = 3
NEIGHBORS: Final = 3
NEIGHBOR_SHARE: Final = 0.04
"""A tumor spans slices: the logits of this many neighbours, or of this share of the series where
that is more, are averaged before the maximum, so that an odd slice does not decide for the series.
Three slices of 1 mm are one look at a head, not three (decision 0047)."""

_LEAST_PROBABILITY: Final = 1e-7
"""Below this a slice has no more to say; it keeps logits and weights finite."""


def aggregate(
    slices: Sequence[Prediction],
    *,
    failed: int,
    rule: DecisionRule,
    model: ModelIdentity,
    spread: float = 0.0,
) -> SeriesPrediction:
    """Combine slice answers.

    The probability is that of the largest running mean of the slices' logits, in the order of
    their position, less what the largest of so many means exceeds one by. Slices that were
    rejected do not count; where they outnumber the answered ones, blank slices aside, the series
    is rejected, too: a few slices of another organ or of a mask that pass for a brain do not make
    one.

    Parameters
    ----------
    slices
        Answers of one series, at least one, in any order.
    failed
        Number of slices without an answer.
    rule
        The series is called, and abstains, at the probabilities at which a slice would.
    spread
        Of the running means of tumor-free slices, at least 0, as fitted on series.
    """
    ordered = sorted(slices, key=_place)
    answered = [(one, one.probabilities["tumor"]) for one in ordered if one.probabilities]
    if not answered or len(answered) < _unlike(ordered):
        return _rejected(
            ordered, failed=failed, rule=rule, model=model, source=common_source(slices)
        )
    probability = _peak_probability([value for _, value in answered], spread)
    outcome, plausible, reasons = rule.decide(probability)
    return SeriesPrediction(
        source=common_source(slices),
        series_instance_uid=ordered[0].series_instance_uid,
        outcome=outcome,
        probabilities={"tumor": probability, "no_tumor": 1 - probability},
        type_probabilities=_mean_types(answered),
        prediction_set=plausible,
        reasons=reasons,
        slices=len(ordered),
        failed_slices=failed,
        most_suspicious=_most_suspicious(answered),
        model=model,
        operating_point=rule.point,
        study_instance_uid=_first(one.study_instance_uid for one in ordered),
        series_description=_first(one.series_description for one in ordered),
        sequence=_shared_sequence(ordered),
        plane=_most_frequent(one.plane for one in ordered if one.plane is not None),
    )


def answer_series(
    slices: Sequence[Prediction],
    *,
    failed: int,
    rule: DecisionRule,
    model: ModelIdentity,
    spread: float = 0.0,
) -> SeriesPrediction:
    """Combine the slice answers of one series, whatever volumes it holds.

    An instance that came twice counts once. Volumes of one series, such as its echoes, are
    answered one by one; the one with the highest probability of a tumor decides for the series.
    The parameters are those of :func:`aggregate`.
    """
    distinct, notes = without_repeats(slices)
    volumes = split_volumes(distinct)
    answers = [
        aggregate(one.slices, failed=failed, rule=rule, model=model, spread=spread)
        for one in volumes
    ]
    order = sorted(range(len(answers)), key=lambda at: (-probability_of_tumor(answers[at]), at))
    decides = answers[order[0]]
    shared = dict.fromkeys([*(note for one in distinct for note in one.notes), *notes])
    if len(volumes) == 1:
        return replace(decides, notes=tuple(shared))
    note = (
        f"The series holds {len(volumes)} volumes; the one with the highest probability of a tumor "
        "decides."
    )
    told: tuple[SeriesVolume, ...] = tuple(
        {
            "slices": answers[at].slices,
            "outcome": answers[at].outcome,
            "probability": None if (tumor := probability_of_tumor(answers[at])) < 0 else tumor,
            "traits": dict(volumes[at].traits),
        }
        for at in order
    )
    return replace(decides, source=common_source(slices), volumes=told, notes=(*shared, note))


def probability_of_tumor(answer: SeriesPrediction) -> float:
    """Return the probability of a tumor; -1 for a series that was rejected."""
    return -1.0 if answer.probabilities is None else answer.probabilities["tumor"]


def _unlike(slices: Sequence[Prediction]) -> int:
    """Count the slices that show something and were turned away."""
    return sum(one.outcome == "rejected" and one.reasons != (BLANK,) for one in slices)


def _peak_probability(probabilities: list[float], spread: float) -> float:
    clipped = np.clip(probabilities, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    mean, excess = largest_mean(np.log(clipped / (1 - clipped)))
    return float(1 / (1 + math.exp(spread * excess - mean)))


def largest_mean(
    logits: NDArray[np.float64], *, share: float = NEIGHBOR_SHARE
) -> tuple[float, float]:
    """Find where a series looks most like a tumor.

    Parameters
    ----------
    logits
        Shape (n,), calibrated log odds of a tumor of the answered slices, in their order.
    share
        Of the series, that is averaged where it is more than three slices.

    Returns
    -------
    mean, excess
        The largest running mean, and by how many standard deviations the largest of so many means
        exceeds one: ``sqrt(2 log m)`` for m independent Gaussian ones.
    """
    width = min(max(NEIGHBORS, round(share * len(logits))), len(logits))
    means = np.convolve(logits, np.full(width, 1 / width), mode="valid")
    return float(means.max()), math.sqrt(2 * math.log(len(means)))


def _mean_types(answered: list[tuple[Prediction, float]]) -> TypeProbabilities:
    """Average the type over slices, weighted by the probability of tumor."""
    weights = np.array([max(value, _LEAST_PROBABILITY) for _, value in answered])
    types = np.array(
        [
            [one.type_probabilities[name] for name in TUMOR_TYPES]
            for one, _ in answered
            if one.type_probabilities is not None
        ]
    )
    return name_types(weights @ types / weights.sum())


def _most_suspicious(answered: list[tuple[Prediction, float]]) -> tuple[SuspiciousSlice, ...]:
    first = sorted(answered, key=lambda pair: -pair[1])[:MOST_SUSPICIOUS]
    return tuple(
        {
            "source": one.source,
            "slice_index": one.slice_index,
            "sop_instance_uid": one.sop_instance_uid,
            "probability": value,
        }
        for one, value in first
    )


def _rejected(
    slices: Sequence[Prediction],
    *,
    failed: int,
    rule: DecisionRule,
    model: ModelIdentity,
    source: str,
) -> SeriesPrediction:
    turned_away = [one for one in slices if one.outcome == "rejected"]
    reasons = tuple(dict.fromkeys(reason for one in turned_away for reason in one.reasons))
    return SeriesPrediction(
        source=source,
        series_instance_uid=slices[0].series_instance_uid,
        outcome="rejected",
        probabilities=None,
        type_probabilities=None,
        prediction_set=(),
        reasons=reasons,
        slices=len(slices),
        failed_slices=failed,
        most_suspicious=(),
        model=model,
        operating_point=rule.point,
        study_instance_uid=_first(one.study_instance_uid for one in slices),
        series_description=_first(one.series_description for one in slices),
        sequence=_shared_sequence(slices),
        plane=_most_frequent(one.plane for one in slices if one.plane is not None),
    )


def _shared_sequence(slices: Sequence[Prediction]) -> SequenceOfImage:
    """Return the sequence of a series: the header's, else that of most of its slices."""
    named = [one.sequence for one in slices if one.sequence["name"] is not None]
    said = [one for one in named if one["from"] == "header"] or named
    name = _most_frequent(one["name"] for one in said)
    of_name = [one for one in said if one["name"] == name]
    if not of_name:
        return unknown_sequence()
    shares = [one["probability"] for one in of_name if one["probability"] is not None]
    mean = float(np.mean(shares)) if shares else None
    return {"name": name, "probability": mean, "from": of_name[0]["from"]}


def _most_frequent(names: Iterable[_Name]) -> _Name | None:
    """Return the name that occurs most, the first of them; ``None`` for no names."""
    return max(Counter(names).items(), key=lambda pair: pair[1], default=(None, 0))[0]


def _place(one: Prediction) -> tuple[Any, ...]:
    """Sort key; where the position says nothing, the slice's number and names decide."""
    position = one.position_mm if one.position_mm is not None else 0.0
    number = one.member.number if one.member is not None else None
    name = natural_key(one.source), one.sop_instance_uid or ""
    return position, one.slice_index or 0, number or 0, *name


def _first(names: Iterable[str | None]) -> str | None:
    """Return the first name that is there."""
    return next(filter(None, names), None)


def common_source(slices: Sequence[Prediction | SeriesPrediction]) -> str:
    """Return the one source of all, or the folder that holds them."""
    distinct = {one.source for one in slices}
    if len(distinct) == 1:
        return slices[0].source
    try:
        return os.path.commonpath(distinct) or os.curdir
    except ValueError:  # some are relative, some absolute
        return slices[0].source
