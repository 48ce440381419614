"""scikit-learn's metrics by the names that ours have."""

from functools import partial

import numpy as np
from sklearn import metrics
from sklearn.calibration import calibration_curve

RANKING = {"roc_auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
DECISIONS = {
    "sensitivity": metrics.recall_score,
    "specificity": partial(metrics.recall_score, pos_label=0),
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
}


def calibration_error(y_true, y_prob, bins=15):
    """Return the mean distance of the two sides of scikit-learn's curve, by images."""
    observed, mean_score = calibration_curve(y_true, y_prob, n_bins=bins)
    index = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], y_prob)
    count = np.bincount(index, minlength=bins)
    return np.average(np.abs(mean_score - observed), weights=count[count > 0])
