"""The pictures of a report.

Tumor and no tumor differ in color (vermilion and blue of Okabe & Ito's palette, told apart with
every common color vision) and also in line or hatching.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from tumorscope.errors import MissingExtraError
from tumorscope.evaluation.arrays import Floats, Groups, Labels
from tumorscope.evaluation.calibration import BINS
from tumorscope.evaluation.intervals import Estimate
from tumorscope.evaluation.measurements import Row
from tumorscope.evaluation.readers import ReaderStudy
from tumorscope.evaluation.roc_band import roc_band
from tumorscope.evaluation.usefulness import PREVALENCES, DecisionPoint, predictive_values
from tumorscope.labels import NOTICE

try:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
except ModuleNotFoundError as error:
    raise MissingExtraError(feature="Evaluation", extra="train") from error

TUMOR_COLOR: Final = "#d55e00"
NO_TUMOR_COLOR: Final = "#0072b2"
GUIDE_COLOR: Final = "0.45"
DOTS_PER_INCH: Final = 150
READER_MEASURES: Final = {
    "roc_auc": "AUROC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
}
_MARKERS: Final = "osD^vP"
_DASHES: Final = ("-", "--", "-.", ":")


def plot_roc(
    path: Path,
    y_true: Labels,
    y_score: Floats,
    groups: Groups,
    *,
    thresholds: Mapping[str, float],
) -> None:
    """Draw the ROC curve with its 95 % band over groups, and the operating points."""
    figure, axes = _square("1 - specificity", "sensitivity", "ROC curve")
    grid = np.linspace(0, 1, 401)
    low, high = roc_band(y_true, y_score, groups, false_positive_rate=grid)
    axes.fill_between(
        grid, low, high, color=NO_TUMOR_COLOR, alpha=0.25, lw=0, step="post", label="95 % band"
    )
    false_positive, true_positive, _ = roc_curve(y_true, y_score)
    axes.plot(false_positive, true_positive, color=NO_TUMOR_COLOR, lw=1.8, label="curve")
    for index, (name, threshold) in enumerate(thresholds.items()):
        called = y_score >= threshold
        axes.plot(
            called[y_true == 0].mean(),
            called[y_true == 1].mean(),
            _MARKERS[index % len(_MARKERS)],
            color=TUMOR_COLOR,
            mec="black",
            ms=8,
            label=f"{name} (threshold {threshold:.3f})",
        )
    axes.plot([0, 1], [0, 1], ":", color=GUIDE_COLOR, label="chance")
    axes.legend(loc="lower right")
    _save(figure, path)


def plot_reliability(path: Path, curve: Sequence[tuple[float, Estimate]]) -> None:
    """Draw observed shares with 95 % intervals against probabilities, and the counts below."""
    figure = Figure(figsize=(6, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 1), sharex=True)
    upper.set(ylabel="observed share of tumor", title="Reliability", ylim=(-0.02, 1.02))
    upper.plot([0, 1], [0, 1], ":", color=GUIDE_COLOR, label="perfectly calibrated")
    score = np.array([one for one, _ in curve])
    observed = np.array([one.estimate for _, one in curve])
    ends = np.nan_to_num([(one.low, one.high) for _, one in curve]).reshape(-1, 2)
    reach = np.clip([observed - ends[:, 0], ends[:, 1] - observed], 0, None)
    upper.errorbar(
        score, observed, reach, fmt="o-", color=NO_TUMOR_COLOR, capsize=3,
        label=f"{BINS} equal-width bins, 95 % intervals",
    )  # fmt: skip
    upper.legend(loc="lower right")
    _plot_counts(lower, score, [one.n_images for _, one in curve])
    for axes in (upper, lower):
        _clean(axes)
    _save(figure, path)


def plot_decision_curves(path: Path, curves: Mapping[str, Sequence[DecisionPoint]]) -> None:
    """Draw net benefit over threshold probability, a panel a prevalence, with 95 % bands."""
    figure = Figure(figsize=(6 * len(curves), 4.8), layout="constrained")
    for axes, (title, curve) in zip(
        np.atleast_1d(figure.subplots(1, len(curves))), curves.items(), strict=True
    ):
        x = [one.threshold for one in curve]
        top = max(one.model.estimate for one in curve)
        axes.set(xlabel="probability from which one acts", ylabel="net benefit", title=title)
        axes.set_ylim(-0.3 * max(top, 0.01), 1.15 * max(top, 0.01))
        axes.fill_between(
            x,
            [one.model.low for one in curve],
            [one.model.high for one in curve],
            color=NO_TUMOR_COLOR,
            alpha=0.25,
            lw=0,
            label="95 % band",
        )
        axes.plot(x, [one.model.estimate for one in curve], color=NO_TUMOR_COLOR, label="model")
        everyone = [one.everyone.estimate for one in curve]
        axes.plot(x, everyone, "--", color=TUMOR_COLOR, label="act on everyone")
        axes.axhline(0, ls=":", color=GUIDE_COLOR, label="act on no one")
        axes.legend()
        _clean(axes)
    _save(figure, path)


def plot_predictive_values(path: Path, points: Mapping[str, Row]) -> None:
    """Draw predictive values and false alarms for each tumor over the share of tumors."""
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    prevalence = np.geomspace(PREVALENCES[0], PREVALENCES[-1], 60)
    names = {
        "ppv": "positive predictive value",
        "npv": "negative predictive value",
        "false_alarms_per_tumor": "false alarms for each tumor found",
    }
    panels = figure.subplots(1, len(names))
    for axes, (metric, label) in zip(panels, names.items(), strict=True):
        for index, (name, row) in enumerate(points.items()):
            found = [
                predictive_values(row["sensitivity"], row["specificity"], one)[metric]
                for one in prevalence
            ]
            line = axes.plot(
                prevalence,
                [one.estimate for one in found],
                _DASHES[index % len(_DASHES)],
                label=name,
            )
            ends = np.nan_to_num([(one.low, one.high) for one in found], posinf=1e6)
            axes.fill_between(
                prevalence, ends[:, 0], ends[:, 1], alpha=0.15, lw=0, color=line[0].get_color()
            )
        axes.set(xlabel="share of tumors among those tested", ylabel=label, xscale="log")
        axes.minorticks_off()
        axes.set_xticks((0.005, 0.02, 0.1, 0.5), ("0.5 %", "2 %", "10 %", "50 %"))
        if metric == "false_alarms_per_tumor":
            axes.set(yscale="log", ylim=(1e-2, 1e3))
        _clean(axes)
    panels[0].legend()
    _save(figure, path)


def plot_readers(path: Path, study: ReaderStudy) -> None:
    """Draw each reader without and with help, and the mean of the readers with its interval."""
    figure = Figure(figsize=(13, 4.6), layout="constrained")
    panels = figure.subplots(1, len(study.readers))
    ends = (0, 1)
    for axes, (measure, values) in zip(panels, study.readers.items(), strict=True):
        axes.plot(ends, values, color=GUIDE_COLOR, marker="o", alpha=0.6, label="_a reader")
        means = [study.alone[measure], study.helped[measure]]
        spans = [
            [one.estimate - one.low for one in means],
            [one.high - one.estimate for one in means],
        ]
        estimates = [one.estimate for one in means]
        axes.errorbar(
            ends,
            estimates,
            yerr=np.nan_to_num(spans),
            color=TUMOR_COLOR,
            marker="D",
            lw=2,
            capsize=5,
            label="mean of the readers, 95 % interval",
        )
        axes.set(ylabel=READER_MEASURES[measure], xlim=(-0.3, 1.3), ylim=(None, 1.02))
        axes.set_xticks(ends, ("without help", "with help"))
        _clean(axes)
    panels[0].plot([], [], color=GUIDE_COLOR, marker="o", alpha=0.6, label="a reader")
    panels[0].legend(loc="upper left")
    _save(figure, path)


def plot_confusion(
    path: Path, counts: NDArray[np.int_], names: Sequence[str], *, title: str
) -> None:
    """Draw a confusion matrix: counts, and shares of each row.

    Parameters
    ----------
    counts
        Shape (classes, classes), truth in rows and answers in columns.
    """
    figure, axes = _square("answer", "truth", title)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(names)), names, rotation=90, va="center")
    axes.tick_params(length=0)
    for (row, column), count in np.ndenumerate(counts):
        color = "white" if shares[row, column] > 0.5 else "black"
        text = f"{count}\n{shares[row, column]:.1%}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=14)
    _save(figure, path)


def plot_scores(
    path: Path, y_true: Labels, y_prob: Floats, *, thresholds: Mapping[str, float]
) -> None:
    """Draw the distribution of the probability in both classes, with the operating points."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel="probability of tumor", ylabel="images", title="Scores by class")
    bins = np.linspace(0, 1, 41).tolist()
    drawn = ((0, "no tumor", NO_TUMOR_COLOR, "////"), (1, "tumor", TUMOR_COLOR, "...."))
    for label, name, color, hatch in drawn:
        axes.hist(
            y_prob[y_true == label], bins, histtype="stepfilled", facecolor=(*_rgb(color), 0.25),
            edgecolor=color, hatch=hatch, lw=1.5, label=f"{name} ({(y_true == label).sum()})",
        )  # fmt: skip
    for index, (name, threshold) in enumerate(thresholds.items()):
        dashes = _DASHES[index % len(_DASHES)]
        axes.axvline(threshold, color="black", lw=1.2, ls=dashes, label=f"{name} {threshold:.3f}")
    axes.set_yscale("symlog", linthresh=10)
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1))
    _clean(axes)
    _save(figure, path)


def _plot_counts(axes: Axes, score: Floats, counts: Sequence[int]) -> None:
    axes.bar(score, counts, width=0.6 / BINS, color=NO_TUMOR_COLOR, alpha=0.6)
    for x, count in zip(score, counts, strict=True):
        axes.annotate(
            str(count), (x, count), (0, 2), textcoords="offset points", ha="center", fontsize=8
        )
    axes.set(xlabel="probability of tumor", ylabel="images", xlim=(-0.02, 1.02), yscale="log")
    axes.set_ylim(0.5, 4 * max(counts))


def _square(x: str, y: str, title: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=(6, 5.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, title=title)
    axes.set_aspect("equal")
    _clean(axes)
    return figure, axes


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))


def _save(figure: Figure, path: Path) -> None:
    figure.supxlabel(NOTICE, fontsize=8, color=GUIDE_COLOR)
    figure.savefig(path, dpi=DOTS_PER_INCH)
