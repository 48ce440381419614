"""scikit-learn's metrics by the names that ours have."""

from functools import partial

from sklearn import metrics

RANKING = {"roc_auc": metrics.roc_auc_score, "average_precision": metrics.average_precision_score}
DECISIONS = {
    "sensitivity": metrics.recall_score,
    "specificity": partial(metrics.recall_score, pos_label=0),
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
}
