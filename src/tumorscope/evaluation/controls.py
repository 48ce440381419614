"""Trivial controls: what can be had without looking at the anatomy.

Each is trained on the train split and measured on the same test images as the model. A model
that is not clearly better than these has learned the archive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import NearestNeighbors

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import Floats, check_arrays, check_binary, check_groups
from tumorscope.imaging.preprocess import Preprocessing

FRAME_PIXELS: Final = 6
"""Width of the outer frame: narrow enough to hold background only where an image is not cropped."""

FRAME_SIDE: Final = 128
"""Images are brought to this side before the frame is taken, so that all frames are alike."""

AREA_CONTROL: Final = "foreground area only"
THUMBNAIL_SIDE: Final = 32
TREES: Final = 200

WORTH_THREADS: Final = 100_000
"""Numbers to learn from; with fewer, starting threads takes longer than the trees."""

_Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class ControlFeatures:
    """What the controls see of n images, and the truth.

    Attributes
    ----------
    sizes
        Shape (n, 2), width and height of the original files in pixels.
    frames
        Shape (n, 2928), the outer six pixels of the image brought to 128 x 128, in [0, 1].
    thumbnails
        Shape (n, 1024), the canvas brought to 32 x 32, of mean 0 and length 1.
    areas
        Shape (n, 1), share of the image that is foreground.
    y_true, groups
        Shape (n,), labels and units of independence.
    """

    sizes: _Array
    frames: _Array
    thumbnails: _Array
    areas: _Array
    y_true: NDArray[np.int_]
    groups: NDArray[np.str_]

    def __post_init__(self) -> None:
        check_arrays(**{one.name: getattr(self, one.name) for one in fields(self)})
        check_binary(self.y_true)
        check_groups(self.groups)

    @classmethod
    def measure(
        cls,
        *,
        pixels: Iterable[NDArray[Any]],
        sizes: NDArray[Any],
        canvases: NDArray[np.uint8],
        y_true: NDArray[Any],
        groups: NDArray[Any],
    ) -> ControlFeatures:
        """Measure images.

        Parameters
        ----------
        pixels
            n images as read, each of shape (rows, columns), any real dtype; taken one by one.
        sizes
            Shape (n, 2), width and height of the original files.
        canvases
            Shape (n, size, size), uint8.
        y_true, groups
            Shape (n,).

        Raises
        ------
        UsageError
            If lengths differ, there are no images or labels are not 0 or 1.
        """
        frames, areas = [], []
        for one in pixels:
            unit = scale_to_unit(one)
            frames.append(outer_frame(unit))
            areas.append([_foreground_share(unit)])
        return cls(
            sizes=sizes.astype(np.float32),
            frames=np.array(frames, np.float32),
            thumbnails=np.array([unit_thumbnail(one) for one in canvases], np.float32),
            areas=np.array(areas, np.float32),
            y_true=y_true.astype(np.int_),
            groups=groups.astype(np.str_),
        )

    @classmethod
    def join(cls, parts: Sequence[ControlFeatures]) -> ControlFeatures:
        """Put the features of several lists of images, at least one, after each other."""
        names = [one.name for one in fields(cls)]
        return cls(
            **{name: np.concatenate([getattr(one, name) for one in parts]) for name in names}
        )


def score_controls(
    train: ControlFeatures, test: ControlFeatures, *, seed: int = 0
) -> dict[str, Floats]:
    """Train every control on ``train`` and let it score ``test``.

    Returns
    -------
    dict
        By name of the control: shape (n,) in [0, 1], higher for tumor; 0.5 is undecided.

    Raises
    ------
    UsageError
        If ``train`` lacks a class.
    """
    if len(np.unique(train.y_true)) < 2:
        raise UsageError("The controls need training images with and without tumor.")
    forest = partial(score_by_forest, seed=seed)
    controls: dict[str, tuple[Callable[[_Array, NDArray[np.int_], _Array], Floats], str]] = {
        "width and height only": (forest, "sizes"),
        "outer frame only": (forest, "frames"),
        AREA_CONTROL: (forest, "areas"),
        "nearest thumbnail": (score_by_neighbor, "thumbnails"),
    }
    return {
        name: score_by(getattr(train, feature), train.y_true, getattr(test, feature))
        for name, (score_by, feature) in controls.items()
    }


def score_by_forest(
    seen: _Array, y_true: NDArray[np.int_], asked: _Array, *, seed: int, trees: int = TREES
) -> Floats:
    """Return the probability of tumor, shape (asked,), by a random forest."""
    threads = -1 if seen.size > WORTH_THREADS else 1
    forest = RandomForestClassifier(trees, min_samples_leaf=2, n_jobs=threads, random_state=seed)
    forest.fit(seen, y_true)
    # Threads add up the trees in the order in which they finish, which moves the last bit and
    # with it ties; one thread gives the same answer every time.
    forest.set_params(n_jobs=1)
    score: Floats = forest.predict_proba(asked)[:, 1].astype(np.float64)
    return score


def score_by_neighbor(seen: _Array, y_true: NDArray[np.int_], asked: _Array) -> Floats:
    """Return where between the nearest tumor-free (0) and the nearest tumor image (1) each lies.

    Above 0.5 the nearest neighbor has a tumor, as in a 1-nearest-neighbor classifier, but the
    score is not only 0 or 1.
    """
    to_free, to_tumor = (
        NearestNeighbors(n_neighbors=1).fit(seen[y_true == label]).kneighbors(asked)[0][:, 0]
        for label in (0, 1)
    )
    total = (to_free + to_tumor).astype(np.float64)
    return np.where(total > 0, to_free / np.maximum(total, np.finfo(np.float64).tiny), 0.5)


def scale_to_unit(pixels: NDArray[Any]) -> _Array:
    """Bring pixels of any shape to [0, 1], their 1st to 99th percentile."""
    # Percentiles as in the preprocessing, so that one bright pixel does not darken the rest.
    low, high = np.percentile(pixels, (1, 99))
    if high <= low:
        low, high = pixels.min(), pixels.max()
    scaled = (pixels.astype(np.float32) - low) / max(float(high - low), 1e-6)
    unit: _Array = np.clip(scaled, 0, 1).astype(np.float32)
    return unit


def _foreground_share(unit: _Array) -> float:
    return float((unit > Preprocessing().foreground_fraction).mean())


def outer_frame(unit: _Array) -> _Array:
    """Return the outer six pixels of an image in [0, 1] brought to 128 x 128, shape (2928,)."""
    small = Image.fromarray(unit).resize((FRAME_SIDE, FRAME_SIDE), Image.Resampling.BILINEAR)
    outside = np.ones((FRAME_SIDE, FRAME_SIDE), np.bool_)
    outside[FRAME_PIXELS:-FRAME_PIXELS, FRAME_PIXELS:-FRAME_PIXELS] = False
    frame: _Array = np.asarray(small)[outside]
    return frame


def unit_thumbnail(canvas: NDArray[np.uint8]) -> _Array:
    """Return a canvas brought to 32 x 32, of mean 0 and length 1, shape (1024,)."""
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    picture = Image.fromarray(canvas).resize(side, Image.Resampling.BOX)
    vector = np.asarray(picture, np.float32).ravel()
    vector = vector - vector.mean()
    unit: _Array = vector / np.float32(max(float(np.linalg.norm(vector)), 1e-6))
    return unit
