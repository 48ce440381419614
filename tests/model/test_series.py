import itertools
import math
from typing import Any

import pytest

from tumorscope.answer import ModelIdentity, Prediction, SeriesPrediction
from tumorscope.model.decision import DecisionRule
from tumorscope.model.input_check import BLANK
from tumorscope.model.series import aggregate
from tumorscope.operating_point import OperatingPoint

MODEL = ModelIdentity("tiny", "0", "ab" * 32)


def make_slice(index: int, probability: float | None, **changes: Any) -> Prediction:
    """The answer for the slice at ``index`` millimetres; rejected without a probability."""
    rejected = probability is None
    values: dict[str, Any] = {
        "source": f"folder/{index}.dcm",
        "outcome": "rejected" if rejected else "no_tumor",
        "probabilities": None if rejected else {"tumor": probability, "no_tumor": 1 - probability},
        "type_probabilities": None
        if rejected
        else {"glioma": 0.5, "meningioma": 0.25, "pituitary": 0.25},
        "prediction_set": () if rejected else ("no_tumor",),
        "reasons": ("Not a brain MR image.",) if rejected else (),
        "localization": None,
        "model": MODEL,
        "operating_point": OperatingPoint("balanced", 0.5),
        "slice_index": None,
        "sop_instance_uid": f"1.2.{index}",
        "series_instance_uid": "1.2",
        "series_key": "1.2",
        "position_mm": float(index),
    }
    return Prediction(**values | changes)


def combine(
    *slices: Prediction, failed: int = 0, threshold: float = 0.5, spread: float = 0.0
) -> SeriesPrediction:
    rule = DecisionRule(threshold)
    return aggregate(slices, failed=failed, rule=rule, model=MODEL, spread=spread)


def tumor(series: SeriesPrediction) -> float:
    assert series.probabilities is not None
    assert sum(series.probabilities.values()) == pytest.approx(1)
    return series.probabilities["tumor"]


def test_equal_slices_keep_their_probability() -> None:
    assert tumor(combine(*(make_slice(i, 0.8) for i in range(5)))) == pytest.approx(0.8)


def test_probability_is_that_of_the_largest_mean_of_three_logits() -> None:
    series = combine(*(make_slice(i, p) for i, p in enumerate([0.1, 0.9, 0.9, 0.8, 0.1])))
    logit = (2 * math.log(9) + math.log(4)) / 3
    assert tumor(series) == pytest.approx(1 / (1 + math.exp(-logit)))


def test_one_odd_slice_does_not_decide() -> None:
    odd = [make_slice(i, 0.99 if i == 4 else 0.05) for i in range(9)]
    assert combine(*odd).outcome == "no_tumor"
    lesion = [make_slice(i, 0.9 if i in (4, 5, 6) else 0.05) for i in range(9)]
    assert combine(*lesion).outcome == "tumor"


def test_thin_slices_are_averaged_over_a_share_of_the_series() -> None:
    def whole_head(suspicious: int) -> SeriesPrediction:
        found = range(40, 40 + suspicious)
        return combine(*(make_slice(i, 0.95 if i in found else 0.05) for i in range(160)))

    assert tumor(whole_head(6)) == pytest.approx(0.95)
    assert whole_head(4).outcome == "tumor"
    assert whole_head(2).outcome == "no_tumor"


@pytest.mark.parametrize("slices", [4, 12, 90])
def test_the_largest_of_many_means_says_less(slices: int) -> None:
    odd = [make_slice(i, 0.9 if i < 3 else 0.1) for i in range(slices)]
    width = max(3, round(slices / 25))
    mean = math.log(9) * (6 - width) / width
    shift = 0.5 * math.sqrt(2 * math.log(slices - width + 1))
    assert tumor(combine(*odd, spread=0.5)) == pytest.approx(1 / (1 + math.exp(shift - mean)))


def test_a_series_of_one_mean_is_taken_at_its_word() -> None:
    assert tumor(combine(*(make_slice(i, 0.8) for i in range(3)), spread=5.0)) == pytest.approx(0.8)


def test_source_is_the_folder_of_the_slices() -> None:
    assert combine(make_slice(0, 0.1), make_slice(1, 0.1)).source == "folder"
    one_file = [make_slice(i, 0.1, source="a.nii") for i in range(2)]
    assert combine(*one_file).source == "a.nii"


def test_study_and_description_are_those_of_the_slices() -> None:
    told = {"study_instance_uid": "1.9", "series_description": "t2_tse_tra"}
    for value in (0.8, None):
        answer = combine(make_slice(0, value), make_slice(1, value, **told)).to_dict()
        assert answer["study_instance_uid"] == "1.9"
        assert answer["series_description"] == "t2_tse_tra"
    answer = combine(make_slice(0, 0.8), make_slice(1, 0.8)).to_dict()
    assert (answer["study_instance_uid"], answer["series_description"]) == (None, None)


def test_two_slices_are_averaged() -> None:
    assert tumor(combine(make_slice(0, 0.9), make_slice(1, 0.1))) == pytest.approx(0.5)


@pytest.mark.parametrize("threshold", [0.3, 0.7])
def test_threshold_decides_the_outcome(threshold: float) -> None:
    series = combine(*(make_slice(i, 0.5) for i in range(3)), threshold=threshold)
    assert series.outcome == ("tumor" if threshold < 0.5 else "no_tumor")
    assert series.prediction_set == (series.outcome,)


def test_order_of_arrival_does_not_matter() -> None:
    slices = [make_slice(i, p) for i, p in enumerate([0.2, 0.9, 0.7, 0.9, 0.1])]
    answers = {str(combine(*order).to_dict()) for order in itertools.permutations(slices)}
    assert len(answers) == 1


@pytest.mark.parametrize("position", [7.0, None], ids=["one place", "unknown place"])
def test_order_of_arrival_does_not_matter_at_equal_positions(position: float | None) -> None:
    slices = [
        make_slice(i, p, position_mm=position) for i, p in enumerate([0.2, 0.9, 0.7, 0.9, 0.1])
    ]
    answers = {str(combine(*order).to_dict()) for order in itertools.permutations(slices)}
    assert len(answers) == 1


def test_slices_go_by_position_and_not_by_name() -> None:
    spread = [make_slice(i, 0.95 if i % 3 == 0 else 0.05) for i in range(9)]
    together = [
        make_slice(i, 0.95 if i % 3 == 0 else 0.05, position_mm=float(i % 3)) for i in range(9)
    ]
    assert tumor(combine(*together)) > tumor(combine(*spread))


def test_types_are_weighted_by_the_probability_of_tumor() -> None:
    glioma = {"glioma": 1.0, "meningioma": 0.0, "pituitary": 0.0}
    pituitary = {"glioma": 0.0, "meningioma": 0.0, "pituitary": 1.0}
    series = combine(
        make_slice(0, 0.9, type_probabilities=glioma),
        make_slice(1, 0.3, type_probabilities=pituitary),
    )
    assert series.type_probabilities == pytest.approx(
        {"glioma": 0.75, "meningioma": 0.0, "pituitary": 0.25}
    )


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_certain_slices_give_a_finite_answer(probability: float) -> None:
    series = combine(*(make_slice(i, probability) for i in range(3)))
    assert tumor(series) == pytest.approx(probability, abs=1e-6)
    assert series.type_probabilities is not None
    assert sum(series.type_probabilities.values()) == pytest.approx(1)


def test_most_suspicious_slices_come_first() -> None:
    series = combine(*(make_slice(i, p) for i, p in enumerate([0.2, 0.9, 0.4, 0.8])), failed=2)
    assert [one["sop_instance_uid"] for one in series.most_suspicious] == [
        "1.2.1",
        "1.2.3",
        "1.2.2",
    ]
    assert [one["probability"] for one in series.most_suspicious] == [0.9, 0.8, 0.4]
    assert (series.slices, series.failed_slices) == (4, 2)


def test_rejected_slices_do_not_count() -> None:
    series = combine(make_slice(0, 0.8), make_slice(1, None), make_slice(2, 0.8))
    assert tumor(series) == pytest.approx(0.8)
    assert series.slices == 3


def test_all_rejected_is_rejected_with_the_reasons() -> None:
    series = combine(make_slice(0, None), make_slice(1, None), failed=1)
    assert series.outcome == "rejected"
    assert series.probabilities is None
    assert series.type_probabilities is None
    assert series.reasons == ("Not a brain MR image.",)
    assert (series.slices, series.failed_slices) == (2, 1)


def test_series_that_is_mostly_rejected_is_rejected() -> None:
    odd = [make_slice(i, None) for i in range(3)]
    assert combine(*odd, make_slice(3, 0.9), make_slice(4, 0.9)).outcome == "rejected"
    answered = [make_slice(i, 0.9) for i in range(3, 7)]
    assert combine(*odd, *answered).outcome == "tumor"


def test_blank_slices_do_not_speak_against_a_series() -> None:
    blank = [make_slice(i, None, reasons=(BLANK,)) for i in range(5)]
    assert combine(*blank, make_slice(5, 0.9)).outcome == "tumor"
    assert combine(*blank).reasons == (BLANK,)
