"""Each statistic, under random weights, against its namesake of scikit-learn or by hand."""

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from tests.evaluation.references import DECISIONS, RANKING, calibration_error
from tumorscope.evaluation import statistic


@pytest.fixture
def study(rng):
    n = 120
    y_true = rng.integers(0, 2, n)
    score = np.round(np.clip(0.3 * y_true + rng.random(n) * 0.7, 0, 1), 2)  # with ties
    groups = rng.integers(0, 30, n)
    weight = rng.integers(0, 4, (5, n)).astype(float)
    return y_true, score, groups, weight


@pytest.mark.parametrize("name", RANKING)
def test_ranking_equals_scikit_learn_under_weights(study, name):
    y_true, score, groups, weight = study
    found = statistic.discrimination(y_true, score, groups, threshold=0.5)[name].compute(weight)
    expected = [RANKING[name](y_true, score, sample_weight=one) for one in weight]
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", DECISIONS)
def test_decisions_equal_scikit_learn_under_weights(study, name):
    y_true, score, groups, weight = study
    found = statistic.discrimination(y_true, score, groups, threshold=0.5)[name].compute(weight)
    called = (score >= 0.5).astype(int)
    expected = [DECISIONS[name](y_true, called, sample_weight=one) for one in weight]
    assert found == pytest.approx(expected, abs=1e-12)


def test_only_the_named_rows_count(study, rng):
    y_true, score, groups, weight = study
    rows = rng.random(len(y_true)) < 0.5
    of_rows = statistic.discrimination(y_true, score, groups, threshold=0.5, rows=rows)
    alone = statistic.discrimination(y_true[rows], score[rows], groups[rows], threshold=0.5)
    for name, found in of_rows.items():
        expected = alone[name].compute(weight[:, rows])
        assert found.compute(weight) == pytest.approx(expected, abs=1e-12)
        assert found.trials == pytest.approx(alone[name].trials, nan_ok=True)


def test_calibration_error_equals_scikit_learns_curve_on_copies(study):
    y_true, score, _, weight = study
    every = np.ones(len(y_true), bool)
    found = statistic.expected_calibration_error(y_true, score, rows=every).compute(weight)
    copies = [np.repeat(np.arange(len(y_true)), one.astype(int)) for one in weight]
    expected = [calibration_error(y_true[one], score[one]) for one in copies]
    assert found == pytest.approx(expected, abs=1e-12)


def test_weights_without_a_class_are_nan_and_not_an_error(study):
    y_true, score, groups, _ = study
    no_tumor = (y_true == 0).astype(float)[None]
    found = statistic.discrimination(y_true, score, groups, threshold=0.5)
    nan = {name for name, one in found.items() if np.isnan(one.compute(no_tumor)[0])}
    ranked = {"roc_auc", "average_precision", "sensitivity_at_specificity_95"}
    assert nan == ranked | {"sensitivity", "balanced_accuracy"}


def test_mean_ignores_nan_outside_its_rows():
    values = np.array([1.0, 3.0, np.nan])
    found = statistic.mean(values, rows=~np.isnan(values))
    assert found.compute(np.array([[1.0, 1, 1], [3, 1, 5]])).tolist() == [2.0, 1.5]


def test_mean_of_counts_parts_alike():
    groups = np.arange(12)
    parts = [
        statistic.share(np.arange(12) < 5, groups, rows=groups < 10),
        statistic.share(np.ones(12), groups, rows=groups >= 10),
    ]
    found = statistic.mean_of(parts)
    assert found.compute(np.ones((1, 12)))[0] == pytest.approx((0.5 + 1) / 2)
    assert found.rows.all()


def test_trials_of_the_area_are_pairs_of_groups():
    y_true = np.array([1, 1, 1, 0, 0])
    score = np.arange(5.0)
    apart = statistic.roc_auc(y_true, score, np.arange(5), rows=np.ones(5, bool))
    one_patient = statistic.roc_auc(y_true, score, np.zeros(5), rows=np.ones(5, bool))
    assert apart.trials == 2
    assert np.isnan(one_patient.trials)


@pytest.mark.parametrize("specificity", [0.5, 0.95, 1.0])
def test_sensitivity_at_a_specificity_equals_scikit_learn_under_weights(study, specificity):
    y_true, score, groups, weight = study
    every = np.ones(len(y_true), bool)
    found = statistic.sensitivity_at_specificity(
        y_true, score, groups, rows=every, specificity=specificity
    ).compute(weight)
    for one, value in zip(weight, found, strict=True):
        false_positive, true_positive, _ = roc_curve(
            y_true, score, sample_weight=one, drop_intermediate=False
        )
        allowed = false_positive <= 1 - specificity + 1e-9
        assert value == pytest.approx(true_positive[allowed].max(), abs=1e-12)


def test_sensitivity_at_a_specificity_by_hand():
    y_true = np.array([0] * 20 + [1] * 4)
    score = np.array([*np.linspace(0, 0.5, 19), 0.8, 0.4, 0.7, 0.85, 0.9])
    found = statistic.discrimination(y_true, score, np.arange(24), threshold=0.5)
    weight = np.ones((1, 24))
    # one of 20 may be called: the one at 0.8, so that tumors at 0.7 and above are
    assert found["sensitivity_at_specificity_95"].compute(weight)[0] == 0.75
