import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.references import DECISIONS
from tumorscope.errors import UsageError
from tumorscope.evaluation.operating_points import (
    balanced,
    choose_operating_points,
    rule_in,
    rule_out,
)

Y_TRUE = np.array([0] * 50 + [1] * 50)


def _scores(free_above=0, tumors_below=0):
    """Free 0.00 to 0.49, tumors 0.50 to 0.99, but for some that are far on the other side."""
    score = np.arange(100) / 100
    score[:free_above] = 0.995
    score[50 : 50 + tumors_below] = 0.001
    return score


def test_rule_out_misses_at_most_one_in_fifty():
    assert rule_out(Y_TRUE, _scores(tumors_below=1)) == 0.51
    assert rule_out(Y_TRUE, _scores(tumors_below=2)) == 0.001


def test_rule_in_alarms_at_most_one_in_fifty():
    assert rule_in(Y_TRUE, _scores(free_above=0)) == 0.49  # the one alarm is the score 0.49
    assert rule_in(Y_TRUE, _scores(free_above=1)) == 0.5  # the one alarm is the score 0.995


def test_rule_in_calls_nothing_where_even_the_highest_score_is_not_enough():
    score = _scores(free_above=2)
    threshold = rule_in(Y_TRUE, score)
    assert threshold > score.max()
    assert np.isfinite(threshold)
    assert not (score >= threshold).any()


def test_ties_are_called_together():
    y_true, score = np.array([0, 0, 1, 1]), np.array([0.2, 0.5, 0.5, 0.5])
    assert rule_out(y_true, score) == 0.5
    assert rule_in(y_true, score) > 0.5


def test_balanced_lies_in_the_middle_of_the_gap():
    assert balanced(np.array([0, 0, 1, 1]), np.array([0.1, 0.2, 0.6, 0.9])) == pytest.approx(0.4)


def test_balanced_prefers_sensitivity_and_specificity_alike():
    # 1.5 is reached at 0.8 (1/2 + 1), at 0.6 (3/4 + 3/4) and at 0.2 (1 + 1/2).
    y_true = np.array([1, 1, 0, 1, 0, 1, 0, 0])
    score = np.array([0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1, 0.0])
    assert balanced(y_true, score) == pytest.approx((0.6 + 0.3) / 2)


def test_balanced_between_neighboring_floats_keeps_the_calls():
    low = 0.5
    high = np.nextafter(low, 1)
    threshold = balanced(np.array([0, 1]), np.array([low, high]))
    assert low < threshold <= high


def test_weights_move_the_thresholds():
    score = _scores(tumors_below=2)
    weight = np.where(score == 0.001, 0.0, 1.0)
    assert rule_out(Y_TRUE, score, sample_weight=weight) > rule_out(Y_TRUE, score)


def test_targets_can_be_chosen():
    assert rule_out(Y_TRUE, _scores(), sensitivity=1) == 0.5
    assert rule_out(Y_TRUE, _scores(), sensitivity=0.5) == 0.75
    assert rule_in(Y_TRUE, _scores(), specificity=0.5) == 0.25


def test_points_are_in_order_where_the_classes_are_apart():
    y_true, score = np.array([0] * 3 + [1] * 3), np.array([0.1, 0.2, 0.3, 0.6, 0.7, 0.8])
    assert rule_out(y_true, score) == 0.6  # alone, each is as far as its promise lets it be
    assert rule_in(y_true, score) == 0.6
    points = choose_operating_points(y_true, score)
    assert points == pytest.approx({"rule_out": 0.45, "balanced": 0.45, "rule_in": 0.6})


def _two_sources(rng, images):
    """An easy source with tumors and tumor-free images, and a hard one of ``images`` of each."""
    tumor = rng.normal(np.repeat([3.0, 1.0], (400, images)))
    free = rng.normal(np.repeat([-3.0, -1.0], (400, images)))
    source = np.repeat(["easy", "hard"], (400, images))
    y_true = np.repeat([1, 0], len(source))
    return y_true, np.concatenate([tumor, free]), np.concatenate([source, source])


def test_points_keep_their_promise_at_the_hardest_source(rng):
    y_true, score, source = _two_sources(rng, 50)
    alone = choose_operating_points(y_true, score)
    points = choose_operating_points(y_true, score, source=source)
    hard_tumor, hard_free = (score[(source == "hard") & (y_true == label)] for label in (1, 0))
    assert (hard_tumor >= alone["rule_out"]).mean() < 0.98  # over all images it is kept
    assert (hard_free < alone["rule_in"]).mean() < 0.98
    assert (hard_tumor >= points["rule_out"]).mean() == pytest.approx(0.98)  # and not by more
    assert (hard_free < points["rule_in"]).mean() == pytest.approx(0.98)
    assert points["balanced"] == alone["balanced"]


def test_a_source_of_few_images_or_of_other_names_changes_no_point(rng):
    y_true, score, source = _two_sources(rng, 49)
    alone = choose_operating_points(y_true, score)
    assert choose_operating_points(y_true, score, source=source) == alone
    assert choose_operating_points(y_true, score, source=np.full(len(y_true), "one")) == alone


def test_sources_of_one_class_count_for_that_class(rng):
    y_true, score, source = _two_sources(rng, 50)
    kept = (source == "easy") | (y_true == 1)
    points = choose_operating_points(y_true[kept], score[kept], source=source[kept])
    alone = choose_operating_points(y_true[kept], score[kept])
    assert points["rule_out"] < alone["rule_out"]
    assert points["rule_in"] == alone["rule_in"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=4, max_size=60))
def test_thresholds_keep_their_promise_and_no_better_one_exists(cases):
    y_true = np.array([0, 1, *(int(label) for label, _ in cases)])
    score = np.array([3, 5, *(score for _, score in cases)]) / 12
    points = choose_operating_points(y_true, score)

    def measured(name, threshold):
        return DECISIONS[name](y_true, (score >= threshold).astype(int))

    assert measured("sensitivity", points["rule_out"]) >= 0.98
    assert measured("specificity", points["rule_in"]) >= 0.98
    assert points["rule_out"] <= points["balanced"] <= points["rule_in"]
    for other in np.unique(score):
        if points["rule_out"] < other <= points["balanced"]:
            assert measured("sensitivity", other) < 0.98
        if points["balanced"] <= other < points["rule_in"]:
            assert measured("specificity", other) < 0.98
        best = measured("balanced_accuracy", points["balanced"])
        assert measured("balanced_accuracy", other) <= best + 1e-9


@pytest.mark.parametrize(
    ("y_true", "score", "message"),
    [
        ([1, 1], [0.1, 0.2], "2 with and 0 without"),
        ([0, 1], [0.1, np.nan], "y_score holds NaN"),
        ([0, 1, 1], [0.1, 0.2], "one length"),
        ([0, 3], [0.1, 0.2], r"received also \[3\]"),
    ],
)
def test_bad_input_is_named(y_true, score, message):
    with pytest.raises(UsageError, match=message):
        choose_operating_points(np.array(y_true), np.array(score))


@pytest.mark.parametrize("share", [0, 98])
def test_impossible_targets_are_refused(share):
    with pytest.raises(UsageError, match=f"received {share}"):
        rule_out(Y_TRUE, _scores(), sensitivity=share)
