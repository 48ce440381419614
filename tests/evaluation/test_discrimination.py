import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.evaluation import discrimination

Y_TRUE = np.array([1, 1, 1, 0, 0])
Y_SCORE = np.array([0.9, 0.6, 0.2, 0.6, 0.1])
AT_THRESHOLD = ("sensitivity", "specificity", "accuracy", "balanced_accuracy")


def test_known_values():
    at = {
        name: getattr(discrimination, name)(Y_TRUE, Y_SCORE, threshold=0.6) for name in AT_THRESHOLD
    }
    assert at["sensitivity"] == pytest.approx(2 / 3)
    assert at["specificity"] == pytest.approx(1 / 2)
    assert at["accuracy"] == pytest.approx(3 / 5)
    assert at["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    # pairs: .9 beats both, .6 ties one and beats one, .2 loses one and beats one
    assert discrimination.roc_auc(Y_TRUE, Y_SCORE) == pytest.approx((2 + 1.5 + 1) / 6)
    # recall rises by 1/3 at .9 (precision 1), at .6 (2 of 3) and at .2 (3 of 4)
    expected = (1 + 2 / 3 + 3 / 4) / 3
    assert discrimination.average_precision(Y_TRUE, Y_SCORE) == pytest.approx(expected)


def test_score_equal_to_threshold_is_called():
    assert discrimination.sensitivity(np.array([1]), np.array([0.5]), threshold=0.5) == 1


def test_weight_counts_like_copies():
    weight = np.array([2.0, 0, 1, 3, 1])
    copies = np.repeat(np.arange(5), weight.astype(int))
    for name in AT_THRESHOLD:
        metric = getattr(discrimination, name)
        weighted = metric(Y_TRUE, Y_SCORE, threshold=0.5, sample_weight=weight)
        assert weighted == pytest.approx(metric(Y_TRUE[copies], Y_SCORE[copies], threshold=0.5))


@pytest.mark.parametrize(
    ("label", "undefined", "defined"),
    [(0, "sensitivity", "specificity"), (1, "specificity", "sensitivity")],
)
def test_single_class_leaves_undefined_metrics_nan(label, undefined, defined):
    y_true, score = np.full(4, label), np.array([0.1, 0.2, 0.8, 0.9])
    assert np.isnan(discrimination.roc_auc(y_true, score))
    assert np.isnan(discrimination.average_precision(y_true, score))
    assert np.isnan(discrimination.balanced_accuracy(y_true, score, threshold=0.5))
    assert np.isnan(getattr(discrimination, undefined)(y_true, score, threshold=0.5))
    assert getattr(discrimination, defined)(y_true, score, threshold=0.5) == 0.5
    assert discrimination.accuracy(y_true, score, threshold=0.5) == 0.5


@pytest.mark.parametrize(
    ("y_true", "y_score", "message"),
    [
        ([0, 1], [0.1], r"one length; received \{'y_true': 2, 'y_score': 1"),
        ([], [], "nothing to measure"),
        ([0, 1], [0.1, np.nan], "y_score holds NaN or infinite values in 1 of 2 rows.*index 1"),
        ([0, 1], [np.inf, 0.1], "first at index 0"),
        ([0, 2], [0.1, 0.2], r"0 or 1; received also \[2\]"),
        (["no", "yes"], [0.1, 0.2], "received dtype <U3"),
    ],
    ids=["lengths", "empty", "nan", "infinite", "label 2", "text labels"],
)
def test_bad_arrays_are_named(y_true, y_score, message):
    with pytest.raises(UsageError, match=message):
        discrimination.roc_auc(np.array(y_true), np.array(y_score, np.float64))
