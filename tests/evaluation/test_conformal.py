import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.evaluation.conformal import fit_conformal
from tumorscope.model.conformal import Conformal


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels and overlapping probabilities."""
    rng = np.random.default_rng(seed)
    y_true = np.arange(count) % 2
    return y_true, 1 / (1 + np.exp(-rng.normal(2 * y_true - 1, 1.2)))


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_each_class_is_covered_as_promised(coverage):
    y_true, y_prob = draw(200_000, seed=1)
    rates = []
    for seed in range(400):
        # 199 scans a class, so that (n + 1)(1 - coverage) is whole and the promise is exact.
        tumor, no_tumor = fit_conformal(*draw(398, seed=2 + seed), coverage=coverage)
        inside = np.where(y_true == 1, y_prob >= tumor, 1 - y_prob >= no_tumor)
        rates.append([inside[y_true == label].mean() for label in (0, 1)])
    # One calibration split misses by 2.8 points (standard deviation), the mean of 400 by 0.14.
    assert np.mean(rates, axis=0) == pytest.approx([coverage] * 2, abs=0.006)


@pytest.mark.filterwarnings("ignore:.*less labels than your training:UserWarning")
def test_thresholds_equal_those_of_mapie():
    mapie = pytest.importorskip("mapie.classification", reason="MAPIE is not installed")
    from sklearn.base import BaseEstimator, ClassifierMixin

    class Given(ClassifierMixin, BaseEstimator):
        """Takes the probability of class 1 as its only feature."""

        classes_ = np.array([0, 1])

        def fit(self, X, y):  # noqa: N803
            self.is_fitted_ = True
            return self

        def predict_proba(self, X):  # noqa: N803
            return np.column_stack([1 - X[:, 0], X[:, 0]])

        def predict(self, X):  # noqa: N803
            return (X[:, 0] >= 0.5).astype(int)

    y_true, y_prob = draw(300, seed=5)
    new = draw(500, seed=6)[1]
    conformal = Conformal(0.9, *fit_conformal(y_true, y_prob, coverage=0.9))
    for label, name in ((0, "no_tumor"), (1, "tumor")):
        # Mondrian: each class is calibrated on its own scans.
        rows = y_true == label
        model = mapie.SplitConformalClassifier(
            Given().fit(None, None), confidence_level=0.9, conformity_score="lac", prefit=True
        )
        model.conformalize(y_prob[rows, None], y_true[rows])
        expected = model.predict_set(new[:, None])[1][:, label, 0]
        ours = [name in conformal.prediction_set(probability) for probability in new]
        np.testing.assert_array_equal(ours, expected)


def test_too_few_scans_rule_nothing_out():
    y_true, y_prob = np.array([0, 1, 1]), np.array([0.1, 0.8, 0.9])
    assert fit_conformal(y_true, y_prob, coverage=0.95) == (0.0, 0.0)


@pytest.mark.parametrize("coverage", [0.0, 1.0, 95.0])
def test_coverage_must_be_a_share(coverage):
    with pytest.raises(UsageError, match=f"received {coverage}"):
        fit_conformal(np.array([0, 1]), np.array([0.1, 0.9]), coverage=coverage)
