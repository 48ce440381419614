"""Verify a candidate on its pixels: lay one picture over the other and compare what overlaps."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tumorscope.audit.duplicates.perceptual_descriptors import WORK_SIDE

THUMBNAIL_SIDE: Final = 64
"""Longer side in pixels on which two pictures are aligned."""

_WINDOW: Final = 9  # pixels of a 64-pixel thumbnail: an eyeball or a ventricle's width
_DROPPED: Final = 0.55  # of the windows, the worst: dense captions touch half of a small scan's
_TEXTURE: Final = 60.0  # variance in grey levels from which a window shows structure
_MIN_WINDOWS: Final = 0.04  # of the thumbnail that must show structure in the overlap
_MIN_COVER: Final = 0.6  # of the smaller picture's foreground in the overlap; copies begin at 0.75
_FOREGROUND: Final = 25  # grey level
_HOPELESS: Final = 0.45  # before alignment; planted copies begin at 0.53
_UNLIKELY: Final = 0.65  # after the first of two alignments
_ALIKE: Final = 0.90  # trimmed correlation after alignment, below which the score is 0
_FINE_WINDOW: Final = 5  # pixels of a 96-pixel picture: what neighbouring slices do not share
_MOST: Final = 0.70  # that half of the windows must reach with nothing left out
_FINE_STEPS: Final = 12
_LEVELS: Final = 22  # steps of 12 grey levels, in which one picture's levels follow the other's
_LEVEL: Final = 12
_FEW: Final = 8  # pixels of a level that do not tell its counterpart
_SPARSE: Final = 3  # every third pixel is enough for what is true of all
_WRITTEN: Final = (3.0, 20.0)  # deviations and grey levels from which a pixel is written over
_QUANTILE: Final = (0.4, 0.524)  # of the differences, and its place in the normal distribution
_GOOD: Final = 0.95  # from which no further coarse alignment is tried
_CLEAR: Final = 0.75  # from which no further fine alignment is tried
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
        Mean correlation of windows of 5 x 5 pixels without what was written over, in [0, 1]; 1 is
        a perfect copy. 0 where the pictures are not alike when seen coarsely, or not in half of
        the windows when nothing is left out.
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
    first: NDArray[np.uint8], second: NDArray[np.uint8], placement: tuple[bool, complex, complex]
) -> Placement:
    """Align two pictures from a first guess and measure how well they agree.

    They are aligned and compared coarsely first, which most pairs do not pass: without the worst
    55 % of the windows, so that captions do no harm. Neighbouring slices do pass; they are told
    from copies by fine detail, in what is left when outlying pixels, as of captions, are left out.

    Parameters
    ----------
    first, second
        Grey content boxes, longer side 96 pixels, uint8.
    placement
        Mirrored, turn and shift of :class:`~tumorscope.audit.duplicates.candidates.Candidates`.
    """
    small = _shrink(first), _shrink(second)
    coarse, cover, matrix = _align_coarsely(*small, _matrix(*placement))
    score = 0.0
    if coarse >= _ALIKE:
        score, matrix = _measure_finely(first, second, matrix)
    return _describe((score, cover, matrix), mirrored=placement[0])


def _shrink(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = THUMBNAIL_SIDE / max(picture.shape)
    rows, columns = (max(8, round(length * scale)) for length in picture.shape)
    size = (columns, rows)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _align_coarsely(
    first: NDArray[np.uint8], second: NDArray[np.uint8], guess: NDArray[np.float32]
) -> tuple[float, float, NDArray[np.float32]]:
    """Return trimmed correlation, cover and placement."""
    best = (*_compare(first, second, guess), guess)
    for fine, least in ((False, _HOPELESS), (True, _UNLIKELY)):
        if not least <= best[0] < _GOOD:
            break
        aligned = _align(first, second, best[2], fine=fine)
        if aligned is not None:
            best = max(best, (*_compare(first, second, aligned), aligned), key=lambda one: one[0])
    return best


def _measure_finely(
    first: NDArray[np.uint8], second: NDArray[np.uint8], coarse: NDArray[np.float32]
) -> tuple[float, NDArray[np.float32]]:
    """Return score and placement of the thumbnails, once more aligned at full size."""
    pictures = first.astype(np.float32), second.astype(np.float32)
    best = _rescale(coarse, WORK_SIDE / THUMBNAIL_SIDE)
    score = _fine_score(*pictures, best)
    # Captions draw grey levels, so that detail comes first; a clear pair is only placed better.
    for is_detail in (False,) if score >= _CLEAR else (True, False):
        one, other = (_detail(picture) if is_detail else picture for picture in pictures)
        better = _align_finely(one, other, best)
        if better is not None and (again := _fine_score(*pictures, better)) > score:
            score, best = again, better
        if score >= _CLEAR:
            break
    return score, _rescale(best, THUMBNAIL_SIDE / WORK_SIDE)


def _align_finely(
    first: NDArray[np.float32], second: NDArray[np.float32], matrix: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    align: Any = cv2.findTransformECC  # its stub knows no way to leave the mask out
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _FINE_STEPS, 1e-3)
    try:
        _, better = align(first, second, matrix.copy(), cv2.MOTION_AFFINE, stop, None, _BLUR)
    except cv2.error:  # does not converge
        return None
    return np.asarray(better, np.float32)


def _fine_score(
    first: NDArray[np.float32], second: NDArray[np.float32], matrix: NDArray[np.float32]
) -> float:
    """Return the score of one placement."""
    moved, seen = _lay_over(first, second, matrix)
    everywhere = _correlate_windows(first, moved, seen.astype(np.float32), _FINE_WINDOW)
    if everywhere.size == 0 or np.median(everywhere) < _MOST:
        return 0.0
    clean = seen & ~_written_over(first, moved, seen)
    values = _correlate_windows(first, moved, clean.astype(np.float32), _FINE_WINDOW)
    if values.size < _MIN_WINDOWS * WORK_SIDE**2:
        return 0.0
    return float(np.clip(values.mean(), 0, 1))


def _written_over(
    first: NDArray[np.float32], moved: NDArray[np.float32], seen: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Find pixels that do not follow the grey levels of the other picture as the others do.

    The levels may follow each other in any way (gamma, windowing); how far pixels usually are
    from that decides what is too far. Neighbouring slices differ everywhere, so that little of
    their difference is left out.
    """
    table = _follow(first.ravel()[::_SPARSE], moved.ravel()[::_SPARSE], seen.ravel()[::_SPARSE])
    if table is None:
        return np.zeros_like(seen)
    difference = np.abs(first - table[moved.astype(np.uint8)])
    shown = (seen & _has_structure(first, moved)).ravel()[::_SPARSE]
    if not shown.any():
        return np.zeros_like(seen)
    usual = np.quantile(difference.ravel()[::_SPARSE][shown], _QUANTILE[0]) / _QUANTILE[1]
    far = difference > max(_WRITTEN[1], _WRITTEN[0] * usual)
    return np.asarray(cv2.dilate((far & seen).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _has_structure(first: NDArray[np.float32], moved: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Find where one of the pictures is not flat: a flat ground agrees with any other."""
    size = (_FINE_WINDOW, _FINE_WINDOW)
    variances = [
        cv2.sqrBoxFilter(one, -1, size) - cv2.blur(one, size) ** 2 for one in (first, moved)
    ]
    return np.asarray(np.maximum(*variances) > _TEXTURE)


def _follow(
    first: NDArray[np.float32], moved: NDArray[np.float32], seen: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """Return the grey level of the first picture that each of 256 levels of the other stands for.

    Nothing where the other picture has one level only.
    """
    levels, grey = (moved[seen] / _LEVEL).astype(np.intp), first[seen]
    order = np.lexsort((grey, levels))
    bounds = np.searchsorted(levels[order], np.arange(_LEVELS + 1))
    start, stop = bounds[:-1], bounds[1:]
    known = np.flatnonzero(stop - start >= _FEW)
    if len(known) < 2:
        return None
    start, stop, grey = start[known], stop[known], grey[order]
    medians = (grey[(start + stop - 1) // 2] + grey[(start + stop) // 2]) / 2
    middles = known * _LEVEL + _LEVEL / 2
    return np.asarray(np.interp(np.arange(256), middles, medians), np.float32)


def _rescale(matrix: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    """Return a placement between pixel centers of pictures that are larger by a factor."""
    linear = matrix[:, :2]
    origin = np.full(2, 0.5 / factor - 0.5)
    offset = factor * (linear @ origin + matrix[:, 2] + 0.5) - 0.5
    return np.column_stack((linear, offset)).astype(np.float32)


def _matrix(mirrored: bool, turn: complex, shift: complex) -> NDArray[np.float32]:
    """Return the placement as a matrix between pixel centers of the thumbnails."""
    sign = -1 if mirrored else 1
    linear = np.array([[turn.real, -turn.imag * sign], [turn.imag, turn.real * sign]])
    offset = linear @ np.full(2, 0.5) + (shift.real, shift.imag) - 0.5  # centers, not corners
    matrix = np.column_stack((linear, offset)).astype(np.float32)
    return _rescale(matrix, THUMBNAIL_SIDE / WORK_SIDE)


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


def _detail(picture: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    grey = picture.astype(np.float32)
    detail = grey - cv2.GaussianBlur(grey, (0, 0), _FINE)
    strength = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 1.5 * _FINE))
    return np.asarray(detail / (strength + 8), np.float32)


def _compare(
    first: NDArray[np.uint8], second: NDArray[np.uint8], matrix: NDArray[np.float32]
) -> tuple[float, float]:
    """Return trimmed correlation and cover."""
    grey = first.astype(np.float32)
    moved, seen = _lay_over(grey, second.astype(np.float32), matrix)
    mask = seen.astype(np.float32)
    cover = _cover(first, second, (moved, mask), matrix)
    if cover < _MIN_COVER:
        return 0.0, cover
    values = _correlate_windows(grey, moved, mask, _WINDOW)
    if values.size < _MIN_WINDOWS * THUMBNAIL_SIDE**2:
        return 0.0, cover
    kept = np.sort(values)[int(_DROPPED * len(values)) :]
    return float(np.clip(kept.mean(), -1, 1)), cover


def _lay_over(
    first: NDArray[np.float32], second: NDArray[np.float32], matrix: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return the second picture as it lies over the first, and where it does."""
    rows, columns = first.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(second, matrix, (columns, rows), flags=flags)
    seen = cv2.warpAffine(np.ones_like(second), matrix, (columns, rows), flags=flags)
    return np.asarray(moved), np.asarray(seen > 0.99)


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


def _correlate_windows(
    first: NDArray[np.float32], second: NDArray[np.float32], mask: NDArray[np.float32], side: int
) -> NDArray[np.float32]:
    """Return the correlation of each window that shows structure and is half inside the mask."""
    size = (side, side)
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
    scale = np.sqrt(np.maximum(variances[0], 1) * np.maximum(variances[1], 1))
    values: NDArray[np.float32] = (common / scale)[chosen]
    return values


def _describe(best: tuple[float, float, NDArray[np.float32]], *, mirrored: bool) -> Placement:
    score, cover, matrix = best
    # The first column is where the horizontal axis goes; rows count downward.
    axis = -matrix[:, 0] if mirrored else matrix[:, 0]
    rotation = -math.degrees(math.atan2(float(axis[1]), float(axis[0])))
    scale = math.sqrt(abs(float(np.linalg.det(matrix[:, :2]))))
    return Placement(score, mirrored, rotation if rotation > -180 else 180.0, scale, cover)
