import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from tumorscope.errors import UsageError
from tumorscope.evaluation.intervals import Estimate
from tumorscope.evaluation.measurements import take_measurements
from tumorscope.evaluation.usefulness import (
    CALIBRATED_PREVALENCE,
    PREVALENCES,
    at_prevalence,
    decision_curve,
    predictive_values,
    weakest,
)

FEW = 50


def brute_force(y_true, called, threshold, prevalence):
    """Vickers and Elkin's formula on counts."""
    (right, alarm), (missed, hit) = confusion_matrix(y_true, called, labels=[0, 1])
    odds = threshold / (1 - threshold)
    if prevalence is None:
        return hit / len(y_true) - alarm / len(y_true) * odds
    return prevalence * hit / (hit + missed) - (1 - prevalence) * alarm / (alarm + right) * odds


@pytest.mark.parametrize("prevalence", [None, 0.05])
def test_net_benefit_is_that_of_the_counts(make_data, prevalence):
    data = make_data()
    curve = decision_curve(
        data.y_true, data.y_score, data.groups, prevalence=prevalence, resamples=FEW
    )
    moved = data.y_score
    if prevalence is not None:
        moved = at_prevalence(moved, CALIBRATED_PREVALENCE, prevalence)
    for point in curve:
        wanted = brute_force(data.y_true, moved >= point.threshold, point.threshold, prevalence)
        assert point.model.estimate == pytest.approx(wanted)
        everyone = np.ones(len(data.y_true))
        wanted = brute_force(data.y_true, everyone, point.threshold, prevalence)
        assert point.everyone.estimate == pytest.approx(wanted)
        if not np.isnan(point.model.low):  # nothing is called in any resample
            assert point.model.low <= point.model.estimate <= point.model.high


def test_a_perfect_model_finds_every_tumor_at_no_cost(make_data):
    data = make_data()
    curve = decision_curve(data.y_true, data.y_true * 0.98 + 0.01, data.groups, resamples=FEW)
    share = data.y_true.mean()
    assert [one.model.estimate for one in curve[1:]] == pytest.approx([share] * (len(curve) - 1))


def test_probabilities_at_their_own_prevalence_stay():
    score = np.array([0.0, 0.2, 0.7, 1.0])
    assert at_prevalence(score, 0.3, 0.3) == pytest.approx(score, abs=1e-9)
    there = at_prevalence(score, 0.3, 0.02)
    assert at_prevalence(there, 0.02, 0.3) == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize("prevalence", PREVALENCES)
def test_predictive_values_are_those_of_a_table_of_people(prevalence):
    people, sensitivity, specificity = 1e6, 0.9, 0.95
    hit, alarm = people * prevalence * sensitivity, people * (1 - prevalence) * (1 - specificity)
    missed, right = people * prevalence * (1 - sensitivity), people * (1 - prevalence) * specificity
    found = predictive_values(_estimate(sensitivity), _estimate(specificity), prevalence)
    assert found["ppv"].estimate == pytest.approx(hit / (hit + alarm))
    assert found["npv"].estimate == pytest.approx(right / (right + missed))
    assert found["false_alarms_per_tumor"].estimate == pytest.approx(alarm / hit)
    for one in found.values():
        assert one.low < one.estimate < one.high


def test_a_model_that_finds_nothing_has_no_end_of_false_alarms():
    found = predictive_values(_estimate(0.0, low=0.0), _estimate(0.9), 0.01)
    assert found["false_alarms_per_tumor"].to_dict()["estimate"] is None
    assert found["ppv"].estimate == 0


def test_the_weakest_subgroups_come_first_and_small_ones_not_at_all():
    sections = {
        "by_set": {
            "a": {"sensitivity": _estimate(0.9), "specificity": _estimate(0.4)},
            "b": {"sensitivity": _estimate(0.2)},
            "tiny": {"sensitivity": _estimate(0.0, low=0.0, n=3)},
        },
        "overall": {"all images": {"sensitivity": _estimate(0.1)}},
    }
    found = weakest(sections)
    assert [(name, list(row)) for name, row in found.items()] == [
        ("set b", ["sensitivity"]),
        ("set a", ["specificity", "sensitivity"]),
    ]
    assert list(weakest(sections, count=1)) == ["set b"]


def test_size_and_place_are_told_by_the_mask(make_data):
    data = make_data()
    masked = ~np.isnan(data.dice)
    fraction = np.where(masked, np.linspace(0.0005, 0.06, len(masked)), np.nan)
    center = np.where(masked[:, None], np.linspace(0, 1, len(masked))[:, None], np.nan)
    center = np.repeat(center, 2, axis=1)
    sections = take_measurements(make_data(mask_fraction=fraction, mask_center=center)).sections
    sizes, places = sections["sensitivity_by_size"], sections["sensitivity_by_place"]
    assert [name[0] for name in sizes] == ["1", "2", "3", "4"]
    assert set(places) == {"upper left", "central middle", "lower right"}
    for rows in (sizes, places):
        assert sum(row["sensitivity"].n_images for row in rows.values()) == masked.sum()


def test_centers_outside_the_image_are_refused(make_data):
    with pytest.raises(UsageError, match="mask_center"):
        make_data(mask_center=np.full((300, 2), 1.5))
    with pytest.raises(UsageError, match="mask_center"):
        make_data(mask_center=np.zeros(300))


def test_one_class_has_no_curve(make_data):
    data = make_data()
    found = take_measurements(make_data(rows=data.y_true == 1))
    assert found.decision_curve == found.clinic_curve == ()
    assert "predictive_values" not in found.sections
    assert "net_benefit" not in found.sections


def _estimate(value, *, low=None, n=100):
    low = max(0.0, value - 0.05) if low is None else low
    return Estimate(value, low, min(1.0, value + 0.05), n, n, 2000)
