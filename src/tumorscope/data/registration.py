"""Verify a candidate on its pixels: lay one picture over the other and compare what overlaps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tumorscope.data.looks import THUMBNAIL_SIDE, WORK_SIDE

_WINDOW: Final = 9  # pixels of a 64-pixel thumbnail: an eyeball or a ventricle's width
_DROPPED: Final = 0.55  # of the windows, the worst: dense captions touch half of a small scan's
_TEXTURE: Final = 60.0  # variance in grey levels from which a window shows structure
_MIN_WINDOWS: Final = 0.04  # of the thumbnail that must show structure in the overlap
_MIN_COVER: Final = 0.5  # of the smaller picture's foreground that must lie in the overlap
_FOREGROUND: Final = 25  # grey level
_HOPELESS: Final = 0.3  # before alignment; planted copies begin at 0.4
_ITERATIONS: Final = 20
_STOP: Final = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ITERATIONS, 1e-3)
_BLUR: Final = 3  # pixels, before alignment: wider than its first error
_FINE: Final = THUMBNAIL_SIDE / 16  # pixels; structure finer than this is aligned on at last


@dataclass(frozen=True, slots=True)
class Placement:
    """How the first picture lies over the second.

    Attributes
    ----------
    score
        Mean correlation of small windows, without the worst 55 %, in [-1, 1]; 1 is a perfect copy.
    mirrored
        Whether the second is a mirror image (left to right, before it is turned).
    rotation
        Degrees, counter-clockwise as displayed, in (-180, 180].
    scale
        Size of the content in the second, relative to its box, over that in the first.
    cover
        Share of the smaller picture's foreground that both show.
    """

    score: float
    mirrored: bool
    rotation: float
    scale: float
    cover: float


def register(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    placement: tuple[bool, complex, complex],
    *,
    good_enough: float,
) -> Placement:
    """Align two thumbnails from a first guess and measure how well they agree.

    Parameters
    ----------
    first, second
        Grey thumbnails, uint8.
    placement
        Mirrored, turn and shift of :class:`~tumorscope.data.candidates.Candidates`.
    good_enough
        Score from which no further alignment is tried.
    """
    guess = _matrix(*placement)
    score, cover = _compare(first, second, guess)
    best = (score, cover, guess)
    if score < _HOPELESS:
        return _describe(best, mirrored=placement[0])
    for fine in (False, True):
        if best[0] >= good_enough:
            break
        aligned = _align(first, second, best[2], fine=fine)
        if aligned is not None:
            best = max(best, (*_compare(first, second, aligned), aligned), key=lambda one: one[0])
    return _describe(best, mirrored=placement[0])


def _matrix(mirrored: bool, turn: complex, shift: complex) -> NDArray[np.float32]:
    """Return the placement as a matrix between pixel centers of the thumbnails."""
    sign = -1 if mirrored else 1
    linear = np.array([[turn.real, -turn.imag * sign], [turn.imag, turn.real * sign]])
    factor = THUMBNAIL_SIDE / WORK_SIDE
    origin = np.full(2, 0.5 / factor - 0.5)
    offset = (linear @ origin + (shift.real, shift.imag) + 0.5) * factor - 0.5
    return np.column_stack((linear, offset)).astype(np.float32)


def _align(
    first: NDArray[np.uint8], second: NDArray[np.uint8], guess: NDArray[np.float32], *, fine: bool
) -> NDArray[np.float32] | None:
    """Refine by the enhanced correlation coefficient (Evangelidis & Psarakis 2008)."""
    pictures = [_detail(one) if fine else one.astype(np.float32) for one in (first, second)]
    align: Any = cv2.findTransformECC  # its stub knows no way to leave the mask out
    try:
        _, matrix = align(*pictures, guess.copy(), cv2.MOTION_AFFINE, _STOP, None, _BLUR)
    except cv2.error:  # does not converge: these two do not fit
        return None
    size = abs(float(np.linalg.det(matrix[:, :2])))
    return np.asarray(matrix, np.float32) if 0.1 < size < 10 else None


def _detail(thumbnail: NDArray[np.uint8]) -> NDArray[np.float32]:
    grey = thumbnail.astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), _FINE)
    strength = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 1.5 * _FINE))
    return np.asarray(detail / (strength + 8), np.float32)


def _compare(
    first: NDArray[np.uint8], second: NDArray[np.uint8], matrix: NDArray[np.float32]
) -> tuple[float, float]:
    """Return score and cover."""
    rows, columns = first.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(second.astype(np.float32), matrix, (columns, rows), flags=flags)
    seen = cv2.warpAffine(np.ones(second.shape, np.float32), matrix, (columns, rows), flags=flags)
    mask = (seen > 0.99).astype(np.float32)
    cover = _cover(first, second, (moved, mask), matrix)
    if cover < _MIN_COVER:
        return 0.0, cover
    return _window_correlation(first.astype(np.float32), moved, mask), cover


def _cover(
    first: NDArray[np.uint8],
    second: NDArray[np.uint8],
    overlap: tuple[NDArray[np.float32], NDArray[np.float32]],
    matrix: NDArray[np.float32],
) -> float:
    moved, mask = overlap
    area = max(abs(float(np.linalg.det(matrix[:, :2]))), 1e-6)
    whole = max(float((first > _FOREGROUND).sum()), 1), float((second > _FOREGROUND).sum()) / area
    shared = ((first > _FOREGROUND) & (mask > 0)).sum(), ((moved > _FOREGROUND) & (mask > 0)).sum()
    return min(1.0, max(float(shared[0]) / whole[0], float(shared[1]) / max(whole[1], 1)))


def _window_correlation(
    first: NDArray[np.float32], second: NDArray[np.float32], mask: NDArray[np.float32]
) -> float:
    size = (_WINDOW, _WINDOW)
    inside = cv2.boxFilter(mask, -1, size)
    share = np.maximum(inside, 1e-3)
    first, second = first * mask, second * mask
    means = [cv2.boxFilter(one, -1, size) / share for one in (first, second)]
    variances = [
        cv2.boxFilter(one * one, -1, size) / share - mean * mean
        for one, mean in zip((first, second), means, strict=True)
    ]
    common = cv2.boxFilter(first * second, -1, size) / share - means[0] * means[1]
    chosen = (inside > 0.5) & (mask > 0) & (np.maximum(*variances) > _TEXTURE)
    if chosen.sum() < _MIN_WINDOWS * THUMBNAIL_SIDE**2:
        return 0.0
    scale = np.sqrt(np.maximum(variances[0], 1) * np.maximum(variances[1], 1))
    values = np.sort((common / scale)[chosen])
    return float(np.clip(values[int(_DROPPED * len(values)) :].mean(), -1, 1))


def _describe(best: tuple[float, float, NDArray[np.float32]], *, mirrored: bool) -> Placement:
    score, cover, matrix = best
    # The first column is where the horizontal axis goes; rows count downward.
    axis = -matrix[:, 0] if mirrored else matrix[:, 0]
    rotation = -math.degrees(math.atan2(float(axis[1]), float(axis[0])))
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    return Placement(score, mirrored, rotation if rotation > -180 else 180.0, scale, cover)
