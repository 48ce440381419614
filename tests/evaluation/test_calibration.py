import warnings

import numpy as np
import pytest
import sklearn.calibration
import sklearn.metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from tumorscope.errors import UsageError
from tumorscope.evaluation.calibration import (
    fit_platt,
    fit_spread,
    fit_temperature,
    log_losses,
)


class _Logits(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose input is its own logits."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def decision_function(self, x):
        return x[:, 0] if x.shape[1] == 1 else x

    def predict(self, x):
        return self.classes_[(x[:, 0] > 0).astype(int)]


@pytest.fixture
def overconfident(rng):
    logits = rng.normal(0, 2, 3000)
    y_true = (rng.random(3000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))).astype(int)
    return logits, y_true


def _calibrated(logits, y_true, weight, method):
    columns = logits.reshape(len(logits), -1)
    fitted = _Logits().fit(columns, y_true)
    model = CalibratedClassifierCV(FrozenEstimator(fitted), method=method, ensemble=False)
    with warnings.catch_warnings():
        # That weights reach the calibration alone is what is compared here.
        warnings.filterwarnings("ignore", "Since FrozenEstimator does not appear to accept")
        model.fit(columns, y_true, sample_weight=weight)
    return model.predict_proba(columns)


def test_log_losses_equal_scikit_learn_also_for_certain_answers(rng):
    y_true = rng.integers(0, 2, 200)
    y_prob = np.concatenate([rng.random(197), [0.0, 1.0, 1.0]])
    assert log_losses(y_true, y_prob).mean() == pytest.approx(
        sklearn.metrics.log_loss(y_true, y_prob)
    )


@pytest.mark.parametrize("is_weighted", [False, True])
def test_platt_equals_scikit_learn(overconfident, rng, is_weighted):
    logits, y_true = overconfident
    weight = rng.random(len(logits)) if is_weighted else None
    slope, intercept = fit_platt(logits, y_true, sample_weight=weight)
    ours = 1 / (1 + np.exp(-(slope * logits + intercept)))
    assert ours == pytest.approx(_calibrated(logits, y_true, weight, "sigmoid")[:, 1], abs=1e-4)


def test_platt_finds_the_scaling_that_made_the_labels(overconfident):
    slope, intercept = fit_platt(*overconfident)
    assert slope == pytest.approx(0.5, abs=0.06)
    assert intercept == pytest.approx(-1, abs=0.15)


def test_platt_keeps_the_order_of_scores_that_point_the_wrong_way(rng):
    logits = rng.normal(size=100)
    assert fit_platt(logits, (logits < 0).astype(int))[0] > 0


def test_platt_of_separated_classes_is_finite():
    slope, intercept = fit_platt(np.array([-1.0, -0.9, 0.9, 1.0]), np.array([0, 0, 1, 1]))
    assert 0 < slope <= 20
    assert np.isfinite(intercept)


@pytest.mark.parametrize("is_weighted", [False, True])
def test_temperature_equals_scikit_learn_for_three_classes(rng, is_weighted):
    logits = rng.normal(0, 1, (2000, 3))
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y_true = (rng.random((2000, 1)) > share.cumsum(axis=1)).sum(axis=1)
    weight = rng.random(2000) if is_weighted else None
    temperature = fit_temperature(3 * logits, y_true, sample_weight=weight)
    assert temperature == pytest.approx(3, rel=0.15)
    scaled = np.exp(3 * logits / temperature)
    ours = scaled / scaled.sum(axis=1, keepdims=True)
    assert ours == pytest.approx(_calibrated(3 * logits, y_true, weight, "temperature"), abs=1e-3)


def test_temperature_of_sigmoid_logits_equals_that_of_two_classes(overconfident):
    logits, y_true = overconfident
    two = np.stack([-logits / 2, logits / 2], axis=1)
    assert fit_temperature(logits, y_true) == pytest.approx(fit_temperature(two, y_true))
    assert fit_temperature(logits, y_true) > 1.5


def test_spread_is_found_that_was_added(rng):
    logits, excess = rng.normal(0, 3, 20_000), rng.uniform(0, 3, 20_000)
    y_true = (rng.random(20_000) < 1 / (1 + np.exp(-logits))).astype(int)
    assert fit_spread(logits + 0.7 * excess, excess, y_true) == pytest.approx(0.7, abs=0.05)


def test_spread_is_never_negative(rng):
    logits = rng.normal(-1, 1, 100)
    assert fit_spread(logits, np.ones(100), np.ones(100, int)) == pytest.approx(0, abs=1e-4)


def test_temperature_without_rows_changes_nothing():
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, int)) == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_platt(np.zeros(3), np.ones(3)), "3 with and 0 without"),
        (lambda: fit_platt(np.zeros(3), np.ones(2)), "one length"),
        (lambda: fit_platt(np.array([0, np.nan]), np.array([0, 1])), "logits holds NaN"),
        (
            lambda: fit_platt(np.zeros(2), np.array([0, 1]), sample_weight=np.array([1.0, -2])),
            "received -2",
        ),
        (lambda: fit_spread(np.zeros(3), np.zeros(3), np.ones(2)), "one length"),
        (lambda: fit_spread(np.zeros(2), np.array([0, np.inf]), np.ones(2)), "excess holds NaN"),
        (lambda: fit_temperature(np.zeros((2, 3)), np.array([0, 3])), r"3 classes.*\[3\]"),
        (lambda: fit_temperature(np.zeros((2, 3)), np.array([0])), "one length"),
        (
            lambda: fit_temperature(np.zeros(2), np.array([0, 1]), sample_weight=np.zeros(2)),
            "weights are 0",
        ),
        (
            lambda: log_losses(np.array([0, 1]), np.array([-3.0, 2])),
            r"\[0, 1\]; received values from -3 to 2",
        ),
        (lambda: log_losses(np.array([0, 1]), np.array([0.5, np.nan])), "y_prob holds NaN"),
        (lambda: log_losses(np.array([0, 1, 1]), np.array([0.5, 0.2])), "one length"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input_is_named(call, message):
    with pytest.raises(UsageError, match=message):
        call()
