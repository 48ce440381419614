import json
import math
from typing import Any

import pytest

from tumorscope.answer import ModelIdentity, SeriesPrediction, StudyPrediction
from tumorscope.model.decision import DecisionRule
from tumorscope.model.study import OTHER, WORTH, answer_studies, answer_study
from tumorscope.operating_point import OperatingPoint

MODEL = ModelIdentity("tiny", "0", "ab" * 32)
RULE = DecisionRule(0.5)


def make_series(
    sequence: str | None, probability: float | None, *, study: str | None = "1.9", **changes: Any
) -> SeriesPrediction:
    is_rejected = probability is None
    values: dict[str, Any] = {
        "source": f"study/{sequence}",
        "series_instance_uid": f"1.2.{sequence}",
        "study_instance_uid": study,
        "outcome": "rejected" if is_rejected else "no_tumor",
        "probabilities": None
        if is_rejected
        else {"tumor": probability, "no_tumor": 1 - probability},
        "type_probabilities": None
        if is_rejected
        else {"glioma": 0.5, "meningioma": 0.25, "pituitary": 0.25},
        "prediction_set": (),
        "reasons": ("Not a brain MR image.",) if is_rejected else (),
        "operating_point": OperatingPoint("balanced", 0.5),
        "slices": 20,
        "failed_slices": 0,
        "most_suspicious": (),
        "model": MODEL,
        "sequence": {"name": sequence, "probability": 0.9, "from": "pixels"},
    }
    return SeriesPrediction(**values | changes)


def study(*series: SeriesPrediction) -> StudyPrediction:
    return answer_study(series, rule=RULE, model=MODEL)


def tumor(answer: StudyPrediction) -> float:
    assert answer.probabilities is not None
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    return answer.probabilities["tumor"]


def test_log_odds_are_averaged_by_what_each_sequence_is_worth() -> None:
    answer = study(make_series("FLAIR", 0.9), make_series("T1", 0.2))

    flair, t1 = WORTH["FLAIR"], WORTH["T1"]
    mean = (flair * math.log(9) - t1 * math.log(4)) / (flair + t1)
    assert tumor(answer) == pytest.approx(1 / (1 + math.exp(-mean)))
    assert answer.outcome == "tumor"
    assert [one["sequence"] for one in answer.series] == ["FLAIR", "T1"]
    assert sum(one["weight"] for one in answer.series) == pytest.approx(1)


def test_series_of_one_sequence_share_its_worth() -> None:
    one = study(make_series("FLAIR", 0.9), make_series("T1", 0.2))
    more = study(make_series("FLAIR", 0.9), *(make_series("T1", 0.2) for _ in range(5)))

    assert tumor(more) == pytest.approx(tumor(one))


def test_rejected_series_and_other_sequences_are_named_and_do_not_count() -> None:
    answer = study(make_series("FLAIR", 0.9), make_series("T2", None), make_series("other", 0.01))

    assert tumor(answer) == pytest.approx(0.9)
    reasons = {one["source"]: one["reason"] for one in answer.skipped}
    assert reasons == {"study/T2": "Not a brain MR image.", "study/other": OTHER}


def test_study_without_a_series_that_counts_is_rejected() -> None:
    answer = study(make_series("T2", None), make_series("other", 0.9))

    assert (answer.outcome, answer.probabilities, answer.series) == ("rejected", None, ())
    assert answer.reasons == ("Not a brain MR image.", OTHER)


def test_unknown_sequence_counts() -> None:
    assert tumor(study(make_series(None, 0.8), make_series(None, 0.8))) == pytest.approx(0.8)


def test_only_studies_of_several_series_are_answered() -> None:
    series = [
        make_series("FLAIR", 0.9),
        make_series("T1", 0.9, study="1.8"),
        make_series("T2", 0.9, study=None),
        make_series("T1+C", 0.9, study=None),
        make_series("T1", 0.9),
    ]

    answers = list(answer_studies(series, rule=RULE, model=MODEL))

    assert [one.study_instance_uid for one in answers] == ["1.9"]
    assert answers[0].source == "study"


def test_answer_is_json_with_its_kind_and_notice() -> None:
    values = json.loads(
        json.dumps(study(make_series("FLAIR", 0.9), make_series("T1", 0.2)).to_dict())
    )

    assert values["kind"] == "study"
    assert values["notice"] == "Research use only. Not a medical device."
    assert set(values["series"][0]) == {
        "source", "series_instance_uid", "series_description", "sequence", "probability", "weight",
    }  # fmt: skip
