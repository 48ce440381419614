"""Can the label be told without the anatomy? Controls trained and asked by group, out of fold.

Measurement (:func:`measure_shortcuts`) and threshold (:class:`ShortcutThresholds`) are apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import Floats, check_arrays, check_binary, check_groups
from tumorscope.evaluation.controls import (
    outer_frame,
    scale_to_unit,
    score_by_forest,
    score_by_neighbor,
    unit_thumbnail,
)
from tumorscope.evaluation.intervals import FEW_GROUPS, RESAMPLES, Estimate, bootstrap
from tumorscope.evaluation.statistic import roc_auc
from tumorscope.imaging.skull import skull_share

CHANCE: Final = 0.5
FOLDS: Final = 5
"""As many as are customary; fewer where a class has fewer groups."""

MIN_GROUPS: Final = FEW_GROUPS
"""Groups that each class must have for a set to be judged on its own; see the intervals."""

TREES: Final = 50
"""A quarter of the controls' beside a model: many traces of many sets are measured at once."""

GREY_LEVELS: Final = 32
FREQUENCIES: Final = 32
NEAREST: Final = "nearest thumbnail"

TRACES: Final[Mapping[str, str]] = {
    "size": "width and height",
    "file": "file size and type",
    "frame": "outer frame",
    "histogram": "intensity histogram",
    "spectrum": "radial power spectrum",
    "thumbnail": NEAREST,
    "skull": "skull present",
    "source": "source (set)",
}
"""What is looked at, in words."""

_Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ShortcutThresholds:
    """When a trace is called a shortcut.

    Attributes
    ----------
    auroc
        A trace is one where the lower end of its AUROC's 95 % interval lies above this. It is
        0.10 above chance, for two reasons. Eight traces are judged at once, each with a chance of
        its own to lie above 0.50. And what looks like the outside follows from the anatomy a
        little: a lesion adds detail, so it makes a JPEG larger and a histogram wider.
    """

    auroc: float = 0.60

    def __post_init__(self) -> None:
        if not CHANCE <= self.auroc < 1:
            raise UsageError(
                f"The threshold of the AUROC must be at least {CHANCE}, which is chance, and below "
                f"1; received {self.auroc}."
            )

    def is_shortcut(self, auroc: Estimate) -> bool:
        """Tell whether a trace separates the classes; without an interval it is not called."""
        return auroc.low > self.auroc


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """What n pictures tell about themselves besides the anatomy, and their labels.

    Attributes
    ----------
    features
        By the names of :data:`TRACES`: shape (n, k), float32.
    y_true, groups
        Shape (n,), labels and units of independence.
    """

    features: Mapping[str, _Array]
    y_true: NDArray[np.int_]
    groups: NDArray[np.str_]

    def __post_init__(self) -> None:
        check_arrays(y_true=self.y_true, groups=self.groups, **self.features)
        check_binary(self.y_true)
        check_groups(self.groups)

    def take(self, rows: NDArray[np.bool_]) -> Traces:
        """Return some of the pictures; ``rows`` has shape (n,)."""
        features = {name: array[rows] for name, array in self.features.items()}
        return Traces(features, self.y_true[rows], self.groups[rows])

    def without(self, trace: str) -> Traces:
        """Leave one trace out."""
        features = {name: one for name, one in self.features.items() if name != trace}
        return Traces(features, self.y_true, self.groups)

    def groups_of(self, label: int) -> int:
        """Return the number of groups in which a label occurs."""
        return len(np.unique(self.groups[self.y_true == label]))

    @property
    def has_few_groups(self) -> bool:
        """Whether a class has too few groups for the intervals to hold."""
        return min(self.groups_of(0), self.groups_of(1)) < FEW_GROUPS


def picture_traces(pixels: NDArray[Any], canvas: NDArray[np.uint8]) -> dict[str, _Array]:
    """Return the traces of one picture that its pixels hold.

    Parameters
    ----------
    pixels
        Shape (rows, columns), any real dtype, as read.
    canvas
        Shape (size, size), as preprocessed.

    Returns
    -------
    dict
        ``frame`` (2928,), ``histogram`` (32,), ``spectrum`` (32,), ``thumbnail`` (1024,) and
        ``skull`` (1,).
    """
    return {
        "frame": outer_frame(scale_to_unit(pixels)),
        "histogram": _histogram(pixels),
        "spectrum": radial_spectrum(pixels),
        "thumbnail": unit_thumbnail(canvas),
        "skull": np.array([skull_share(canvas)], np.float32),
    }


def radial_spectrum(pixels: NDArray[Any]) -> _Array:
    """Return the log of the mean power in 32 rings from 0 to 0.5 cycles per pixel, shape (32,).

    It is relative to the whole, so brightness does not count; enlarging and compressing leave
    their marks in the outer rings. A Hann window keeps the edges out of it.
    """
    rows, columns = pixels.shape
    window = np.outer(np.hanning(rows), np.hanning(columns)).astype(np.float32)
    centered = (pixels - np.mean(pixels)).astype(np.float32) * window
    power = np.abs(np.fft.rfft2(centered)) ** 2
    radius = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)[None, :])
    ring = np.minimum((radius * 2 * FREQUENCIES).astype(np.int64), FREQUENCIES)  # corners: the last
    total = np.bincount(ring.ravel(), power.ravel(), FREQUENCIES + 1)[:FREQUENCIES]
    count = np.bincount(ring.ravel(), minlength=FREQUENCIES + 1)[:FREQUENCIES]
    mean = total / np.maximum(count, 1)
    spectrum: _Array = np.log10(mean / max(float(mean.sum()), 1e-12) + 1e-12).astype(np.float32)
    return spectrum


def score_out_of_fold(traces: Traces, *, seed: int = 0) -> dict[str, Floats]:
    """Let each trace tell the label of every picture, having learned from other groups.

    Returns
    -------
    dict
        By trace: shape (n,) in [0, 1], higher for tumor.

    Raises
    ------
    UsageError
        If a class is in fewer than two groups.
    """
    folds = list(_folds(traces, seed))
    forest = partial(score_by_forest, seed=seed, trees=TREES)
    scores = {}
    for name, features in traces.features.items():
        score_by = score_by_neighbor if name == "thumbnail" else forest
        score = np.zeros(len(traces.y_true))
        for seen, asked in folds:
            score[asked] = score_by(features[seen], traces.y_true[seen], features[asked])
        scores[name] = score
    return scores


def measure_shortcuts(
    traces: Traces, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Estimate]:
    """Measure how well each trace alone tells the classes apart.

    Returns
    -------
    dict
        By trace: AUROC with its 95 % interval by bootstrap over groups. The folds are drawn once;
        the interval says nothing of how another draw would differ.

    Raises
    ------
    UsageError
        If a class is in fewer than two groups.
    """
    rows = np.ones(len(traces.y_true), np.bool_)
    statistics = {
        name: roc_auc(traces.y_true, score, traces.groups, rows=rows)
        for name, score in score_out_of_fold(traces, seed=seed).items()
    }
    return bootstrap(statistics, traces.groups, seed=seed, resamples=resamples)


def _folds(traces: Traces, seed: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield what is learned from and what is asked, as indices."""
    scarce = min(traces.groups_of(0), traces.groups_of(1))
    if scarce < 2:
        raise UsageError(
            "Finding shortcuts needs images with and without tumor from at least two groups each "
            f"(patients or clusters of copies); there are {traces.groups_of(1)} groups with and "
            f"{traces.groups_of(0)} without tumor."
        )
    split = StratifiedGroupKFold(min(FOLDS, scarce), shuffle=True, random_state=seed)
    for seen, asked in split.split(traces.y_true, traces.y_true, traces.groups):
        if len(np.unique(traces.y_true[seen])) < 2:
            raise UsageError(
                "One group contains nearly all images of a class, so no fold can be trained "
                "without it; more groups are needed."
            )
        yield seen, asked


def _histogram(pixels: NDArray[Any]) -> _Array:
    """Return the share of the pixels in 32 steps from the least to the greatest value."""
    low, high = float(pixels.min()), float(pixels.max())
    counts, _ = np.histogram(pixels, GREY_LEVELS, (low, max(high, low + 1e-6)))
    share: _Array = (counts / pixels.size).astype(np.float32)
    return share
