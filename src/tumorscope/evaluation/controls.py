"""Trivial controls: what can be had without looking at the anatomy.

Each is trained on the train split and measured on the same test images as the model. A model
that is not clearly better than these has learned the archive.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier

from tumorscope.errors import UsageError
from tumorscope.evaluation.discrimination import RANKING, at_threshold
from tumorscope.evaluation.intervals import Estimate, bootstrap

FRAME_PIXELS: Final = 6
THUMBNAIL: Final = 32
_NORMAL_SIDE: Final = 128
"""Images are brought to this side before the frame is taken, so that all have one length."""


@dataclass(frozen=True, slots=True, eq=False)
class ControlFeatures:
    """What the controls see of some images, as arrays of length n.

    Attributes
    ----------
    sizes
        (width, height) of the original files.
    frames
        The outer six pixels of the image brought to 128 x 128.
    thumbnails
        The canvas brought to 32 x 32, less its mean and of length 1.
    areas
        Share of the canvas that is foreground.
    y_true, groups
        Labels and units of independence.
    """

    sizes: NDArray[np.float32]
    frames: NDArray[np.float32]
    thumbnails: NDArray[np.float32]
    areas: NDArray[np.float32]
    y_true: NDArray[np.int_]
    groups: NDArray[np.str_]

    @classmethod
    def measure(
        cls,
        *,
        pixels: Iterable[NDArray[np.float32]],
        sizes: NDArray[Any],
        canvases: NDArray[np.uint8],
        y_true: NDArray[Any],
        groups: NDArray[Any],
    ) -> ControlFeatures:
        """Measure images; ``pixels`` as read, ``canvases`` (n, size, size)."""
        return cls(
            sizes.astype(np.float32),
            np.stack([_frame(one) for one in pixels]),
            np.stack([_thumbnail(one) for one in canvases]),
            (canvases > 20).mean(axis=(1, 2), dtype=np.float32)[:, None],
            y_true.astype(np.int_),
            groups.astype(np.str_),
        )


def evaluate_controls(
    train: ControlFeatures, test: ControlFeatures, *, seed: int = 0
) -> dict[str, dict[str, Estimate]]:
    """Train and measure every control.

    Returns
    -------
    dict
        Metrics with intervals by name of the control.
    """
    if len(np.unique(train.y_true)) < 2:
        raise UsageError("The controls need training images with and without tumor.")

    def forest() -> RandomForestClassifier:
        return RandomForestClassifier(200, min_samples_leaf=2, n_jobs=-1, random_state=seed)

    controls = {
        "width and height only": (forest(), "sizes"),
        "outer frame only": (forest(), "frames"),
        "foreground area only": (forest(), "areas"),
        "nearest thumbnail": (KNeighborsClassifier(1), "thumbnails"),
    }
    found = {}
    for name, (estimator, feature) in controls.items():
        estimator.fit(getattr(train, feature), train.y_true)
        score = estimator.predict_proba(getattr(test, feature))[:, 1].astype(np.float64)
        metrics = {**RANKING, **at_threshold(0.5)}
        found[name] = bootstrap(metrics, test.y_true, score, test.groups, seed=seed, resamples=300)
    return found


def _frame(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = float(pixels.min()), float(pixels.max())
    scaled = (pixels - low) / max(high - low, 1e-6)
    small = np.asarray(
        Image.fromarray(scaled).resize((_NORMAL_SIDE, _NORMAL_SIDE), Image.Resampling.BILINEAR)
    )
    outside = np.ones(small.shape, np.bool_)
    outside[FRAME_PIXELS:-FRAME_PIXELS, FRAME_PIXELS:-FRAME_PIXELS] = False
    frame: NDArray[np.float32] = small[outside]
    return frame


def _thumbnail(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    picture = Image.fromarray(canvas).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    vector = np.asarray(picture, np.float32).ravel()
    vector = vector - vector.mean()
    unit: NDArray[np.float32] = vector / np.float32(max(np.linalg.norm(vector), 1e-6))
    return unit
