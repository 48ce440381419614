"""The pictures of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, roc_curve

from tumorscope.evaluation.calibration import BINS, reliability_curve
from tumorscope.evaluation.discrimination import Floats
from tumorscope.labels import TUMOR_TYPES

mpl.use("Agg")

TUMOR_COLOR: Final = "#d55e00"
NO_TUMOR_COLOR: Final = "#0072b2"
"""Vermilion and blue of Okabe & Ito's palette, told apart with every common colour vision."""

BAND_RESAMPLES: Final = 200


def plot_roc(
    path: Path, y_true: NDArray[np.int_], y_score: Floats, groups: NDArray[Any], threshold: float
) -> None:
    """Draw the ROC curve with its 95 % band over groups and the operating point."""
    figure, axes = _axes("1 - specificity", "sensitivity", "ROC")
    grid = np.linspace(0, 1, 201)
    sample = _roc_sample(y_true, y_score, groups, grid)
    low, high = np.quantile(sample, (0.025, 0.975), axis=0)
    axes.fill_between(grid, low, high, color=NO_TUMOR_COLOR, alpha=0.2, label="95 % band")
    false_positive, true_positive, _ = roc_curve(y_true, y_score)
    axes.plot(false_positive, true_positive, color=NO_TUMOR_COLOR, label="ROC")
    called = y_score >= threshold
    point = called[y_true == 0].mean(), called[y_true == 1].mean()
    axes.plot(*point, "o", color=TUMOR_COLOR, label="operating point")
    axes.plot([0, 1], [0, 1], ":", color="0.6")
    axes.legend(loc="lower right")
    _save(figure, path)


def plot_reliability(path: Path, y_true: NDArray[np.int_], y_prob: Floats) -> None:
    """Draw observed shares against probabilities, with the counts of the bins."""
    curve = reliability_curve(y_true, y_prob)
    figure, axes = _axes("probability of tumor", "observed share of tumor", "Reliability")
    axes.plot([0, 1], [0, 1], ":", color="0.6", label="perfectly calibrated")
    axes.plot(curve.mean_score, curve.observed, "o-", color=NO_TUMOR_COLOR, label=f"{BINS} bins")
    for x, y, count in zip(curve.mean_score, curve.observed, curve.count, strict=True):
        axes.annotate(str(count), (x, y), textcoords="offset points", xytext=(5, -9), fontsize=7)
    axes.legend(loc="upper left")
    _save(figure, path)


def plot_scores(
    path: Path, y_true: NDArray[np.int_], y_prob: Floats, thresholds: dict[str, float]
) -> None:
    """Draw the distribution of the probability in both classes, with the operating points."""
    figure, axes = _axes("probability of tumor", "images", "Scores by class")
    bins = np.linspace(0, 1, 41)
    axes.hist(y_prob[y_true == 0], bins, color=NO_TUMOR_COLOR, alpha=0.6, label="no tumor")
    axes.hist(y_prob[y_true == 1], bins, color=TUMOR_COLOR, alpha=0.6, label="tumor")
    for name, threshold in thresholds.items():
        axes.axvline(threshold, color="0.3", lw=0.8)
        axes.annotate(
            name, (threshold, 1), xycoords=("data", "axes fraction"), rotation=90, fontsize=7,
            ha="right", va="top",
        )  # fmt: skip
    axes.set_yscale("symlog", linthresh=10)
    axes.legend(loc="upper center")
    _save(figure, path)


def plot_confusion(path: Path, y_true: NDArray[np.int_], called: NDArray[np.bool_]) -> None:
    """Draw the confusion matrix of tumor and no tumor."""
    names = ["tumor", "no tumor"]
    counts = confusion_matrix(1 - y_true, (~called).astype(int), labels=[0, 1])
    _matrix(path, counts, names, "Confusion at the operating point")


def plot_type_confusion(path: Path, true: NDArray[np.int_], called: NDArray[np.int_]) -> None:
    """Draw the confusion matrix of the tumor types."""
    labels = list(range(len(TUMOR_TYPES)))
    counts = confusion_matrix(true, called, labels=labels)
    _matrix(path, counts, list(TUMOR_TYPES), "Tumor type, images with a tumor")


def _roc_sample(
    y_true: NDArray[np.int_], y_score: Floats, groups: NDArray[Any], grid: Floats
) -> Floats:
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    draws = np.random.default_rng(0).multinomial(
        count, np.full(count, 1 / count), size=BAND_RESAMPLES
    )
    curves = []
    for draw in draws:
        weight = draw[index].astype(float)
        if min(weight[y_true == 0].sum(), weight[y_true == 1].sum()) > 0:
            false_positive, true_positive, _ = roc_curve(y_true, y_score, sample_weight=weight)
            curves.append(np.interp(grid, false_positive, true_positive))
    return np.array(curves)


def _axes(x: str, y: str, title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(5, 4.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _matrix(path: Path, counts: NDArray[np.int_], names: list[str], title: str) -> None:
    figure, axes = _axes("answer", "truth", title)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{count}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=color)
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110)
