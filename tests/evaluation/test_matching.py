import numpy as np
import pytest
from scipy import stats

from tumorscope.errors import UsageError
from tumorscope.evaluation.matching import CALIPER, match_pairs


def test_pairs_are_of_one_stratum_and_near():
    y_true = np.array([1, 0, 1, 0, 0])
    area = np.array([0.50, 0.51, 0.90, 0.50, 0.10])
    strata = np.array(["a", "a", "a", "b", "b"])
    assert match_pairs(y_true, area, strata).tolist() == [True, True, False, False, False]


def test_no_image_stands_in_two_pairs(rng):
    y_true = rng.integers(0, 2, 400)
    area = rng.random(400) + 0.3 * y_true
    strata = rng.integers(0, 3, 400)
    matched = match_pairs(y_true, area, strata)
    for name in range(3):
        rows = matched & (strata == name)
        assert y_true[rows].sum() == (1 - y_true[rows]).sum() > 0


def test_matched_images_do_not_differ_in_area(rng):
    y_true = rng.integers(0, 2, 600)
    area = rng.normal(0.5 + 0.1 * y_true, 0.1)
    matched = match_pairs(y_true, area, np.full(600, "one"))
    before = stats.ttest_ind(area[y_true == 1], area[y_true == 0]).pvalue
    after = stats.ttest_ind(area[matched & (y_true == 1)], area[matched & (y_true == 0)]).pvalue
    assert before < 1e-6
    assert after > 0.05


def test_as_many_pairs_as_there_can_be():
    # Greedily 0.50 would take 0.51 and leave 0.53 alone.
    y_true = np.array([1, 1, 0, 0, 1, 0])
    area = np.array([0.50, 0.53, 0.49, 0.51, 9.0, 9.0])
    assert match_pairs(y_true, area, np.zeros(6)).all()
    assert match_pairs(y_true[:4], area[:4], np.zeros(4)).sum() == 0  # beyond the caliper


def test_pair_is_within_the_caliper(rng):
    y_true = np.array([1, 0, 0, 1])
    width = np.array([0, 1, 3, 4]).std() * CALIPER
    assert width < 1
    assert not match_pairs(y_true, np.array([0.0, 1, 3, 4]), np.zeros(4)).any()


def test_one_class_has_no_pairs():
    assert not match_pairs(np.ones(3, int), np.ones(3), np.zeros(3)).any()


def test_bad_covariate_is_named():
    with pytest.raises(UsageError, match="covariate holds NaN"):
        match_pairs(np.array([0, 1]), np.array([0.1, np.nan]), np.zeros(2))
