import numpy as np
import pytest
from sklearn.metrics import roc_curve

from tumorscope.evaluation.roc_band import roc_band

GRID = np.linspace(0, 1, 101)


@pytest.fixture
def study(rng):
    groups = np.repeat(np.arange(80), 5)
    y_true = np.repeat(rng.integers(0, 2, 80), 5)
    return y_true, 1.5 * y_true + rng.normal(0, 1, 400), groups


def test_separated_classes_reach_one_without_a_false_positive():
    y_true = np.repeat([0, 1], 10)
    low, high = roc_band(y_true, y_true.astype(float), np.arange(20), false_positive_rate=GRID)
    assert low.tolist() == high.tolist() == [1.0] * len(GRID)


def test_constant_scores_have_sensitivity_only_where_everything_is_called():
    y_true = np.repeat([0, 1], 10)
    low, high = roc_band(y_true, np.ones(20), np.arange(20), false_positive_rate=GRID)
    assert high[:-1].tolist() == [0.0] * (len(GRID) - 1)
    assert low[-1] == 1


def test_band_is_a_rising_frame_around_the_curve(study):
    y_true, score, groups = study
    low, high = roc_band(y_true, score, groups, false_positive_rate=GRID)
    false_positive, true_positive, _ = roc_curve(y_true, score, drop_intermediate=False)
    curve = true_positive[np.searchsorted(false_positive, GRID, side="right") - 1]
    assert (low <= curve).all()
    assert (curve <= high).all()
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()


def test_band_has_the_width_of_the_sensitivity_of_one_threshold(rng):
    # All tumor-free images score 0, so at no false positives the sensitivity is a plain share.
    y_true = np.repeat([0, 1], [2000, 400])
    score = np.where(y_true == 1, rng.random(2400) - 0.25, 0)
    share = (score[y_true == 1] > 0).mean()
    low, high = roc_band(y_true, score, np.arange(2400), false_positive_rate=np.array([0.0]))
    width = 2 * 1.96 * np.sqrt(share * (1 - share) / 400)
    assert high[0] - low[0] == pytest.approx(width, rel=0.15)


def test_images_of_one_patient_widen_the_band(study):
    y_true, score, groups = study
    copies = np.repeat(np.arange(400), 6)
    apart = [np.repeat(groups, 6), np.arange(2400)]
    grouped, naive = (
        np.subtract(*roc_band(y_true[copies], score[copies], one, false_positive_rate=GRID)).mean()
        for one in apart
    )
    assert abs(grouped) > 2 * abs(naive)
