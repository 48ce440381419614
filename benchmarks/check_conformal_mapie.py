"""Our class-conditional thresholds against MAPIE's split conformal sets, class by class.

Run it where MAPIE is installed, with this project's src on PYTHONPATH:

    python benchmarks/check_conformal_mapie.py
"""

from __future__ import annotations

import numpy as np
from mapie.classification import SplitConformalClassifier
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin

from tumorscope.evaluation.conformal import fit_conformal
from tumorscope.model.conformal import Conformal

COVERAGES = (0.8, 0.9, 0.95, 0.99)


class Given(ClassifierMixin, BaseEstimator):
    """Answers with the probability that stands in its only feature."""

    def fit(self, x: NDArray[np.float64], y: NDArray[np.int_]) -> Given:
        """Learn nothing."""
        self.classes_ = np.array([0, 1])
        self.is_fitted_ = True
        return self

    def predict_proba(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (no tumor, tumor)."""
        return np.column_stack([1 - x[:, 0], x[:, 0]])

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.int_]:
        """Return the likelier class."""
        return (x[:, 0] >= 0.5).astype(int)


def main() -> None:
    """Compare the sets of both for 1,000 scans, at each coverage and sample size."""
    rng = np.random.default_rng(0)
    for count in (500, 2000):
        y_true, y_prob = _draw(rng, count)
        new = rng.uniform(size=1000)
        for coverage in COVERAGES:
            fitted = fit_conformal(y_true, y_prob, coverage=coverage)
            ours = Conformal(coverage, *fitted)
            differ = 0
            for label, name in ((1, "tumor"), (0, "no_tumor")):
                inside = _mapie(y_true, y_prob, new, coverage=coverage, label=label)
                mine = np.array([name in ours.prediction_set(float(one)) for one in new])
                differ += int((inside != mine).sum())
            print(f"{count} scans, coverage {coverage}: {differ} of 2000 memberships differ")


def _draw(rng: np.random.Generator, count: int) -> tuple[NDArray[np.int_], NDArray[np.float64]]:
    y_true = rng.integers(2, size=count)
    logits = rng.normal(2 * y_true - 1, 1.5)
    return y_true, 1 / (1 + np.exp(-logits))


def _mapie(
    y_true: NDArray[np.int_],
    y_prob: NDArray[np.float64],
    new: NDArray[np.float64],
    *,
    coverage: float,
    label: int,
) -> NDArray[np.bool_]:
    """Tell which new scans have the label in MAPIE's set when it only saw scans of that label."""
    of_class = y_true == label
    model = Given().fit(y_prob[:, None], y_true)
    conformal = SplitConformalClassifier(model, confidence_level=coverage, prefit=True)
    conformal.conformalize(y_prob[of_class][:, None], y_true[of_class])
    _, sets = conformal.predict_set(new[:, None])
    return np.asarray(sets[:, label, 0], np.bool_)


if __name__ == "__main__":
    main()
