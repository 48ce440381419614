"""What is remembered of a picture so that its copies can be found: a thumbnail and key points.

Key points (SIFT) are what copies keep when they are turned, mirrored, cropped, padded or written
over; the thumbnail is what a pair is verified on. Both are taken from the picture's content box,
without the dark margin, so that padding costs no resolution.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from tumorscope.data.descriptors import is_blank
from tumorscope.imaging.preprocess import MIN_SIDE

LOOK_VERSION: Final = 4
"""Part of every cache key: raise it when a look of the same file changes."""

WORK_SIDE: Final = 96
"""Longer side in pixels on which key points are sought and copies are verified. With 192 key points
cost four times as much and find no more of 1,200 planted copies."""

DESCRIPTOR_LENGTH: Final = 64

_CELLS: Final = 4  # key points are taken evenly from 4 x 4 cells, so that a caption cannot take all
_PER_CELL: Final = 4
_MARGIN: Final = 4
_FOREGROUND: Final = 0.08  # as in the descriptors that groups are made of
_LINE: Final = 0.04
_CAPTION: Final = 0.7  # of the range of grey levels, above which captions lie
_GAP: Final = 0.5  # of it, below which everything else lies where there are captions
_WHITE: Final = 245  # grey level of captions, after stretching
_NEAR: Final = np.ones((7, 7), np.uint8)  # pixels: a caption's stroke and what it blurs
_DOUBT: Final = 0.1  # of the strength of a key point there, which may be a caption's
_GRID: Final = (4, 4, 8)  # SIFT: 4 x 4 fields of 8 directions (Lowe 2004)


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What is kept of one picture.

    Attributes
    ----------
    thumbnail
        Grey content box, longer side 96 pixels, uint8; shape (0, 0) where nothing is to be seen.
    points
        Shape (k, 4), float16: column, row, diameter (in pixels of a content box whose longer side
        is 96) and direction in degrees of each key point.
    descriptors
        Shape (k, 64), uint8.
    sha256
        Of the file, in hexadecimal; empty for pictures that come from no file.
    """

    thumbnail: NDArray[np.uint8]
    points: NDArray[np.float16]
    descriptors: NDArray[np.uint8]
    sha256: str = ""

    @property
    def key(self) -> bytes:
        """Return what pictures that look entirely the same have in common."""
        shape = str(self.thumbnail.shape).encode()
        return hashlib.sha256(
            shape + self.thumbnail.tobytes() + self.descriptors.tobytes()
        ).digest()

    @property
    def is_blank(self) -> bool:
        """Whether nothing is to be seen."""
        return self.thumbnail.size == 0


def take_look(pixels: NDArray[np.float32], sha256: str = "") -> Look:
    """Look at a picture of shape (rows, columns), any real range."""
    if is_blank(pixels):
        return blank_look(sha256)
    content = _content(pixels)
    work = _fit(content, WORK_SIDE)
    points, descriptors = _key_points(work)
    return Look(work, points, descriptors, sha256)


def blank_look(sha256: str = "") -> Look:
    """Return the look of a picture that shows nothing or cannot be read."""
    return Look(
        np.zeros((0, 0), np.uint8),
        np.zeros((0, 4), np.float16),
        np.zeros((0, DESCRIPTOR_LENGTH), np.uint8),
        sha256,
    )


def mirror_descriptors(descriptors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the descriptors that the same key points have in the mirrored picture.

    Mirroring about a key point's own direction turns the fields' rows around and each direction
    into its opposite, so that mirrored copies are found without a second look.
    """
    grid = descriptors.reshape(-1, _GRID[0], _GRID[1], DESCRIPTOR_LENGTH // 16)
    opposite = -np.arange(grid.shape[3]) % grid.shape[3]
    return np.ascontiguousarray(grid[:, ::-1][..., opposite]).reshape(len(descriptors), -1)


def _content(pixels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Cut out the content box, with its grey levels stretched over 0 to 255."""
    step = max(1, min(pixels.shape) // 64)
    low, high = _grey_range(pixels[::step, ::step])
    if high <= low:
        low, high = pixels.min(), pixels.max()
    seen = pixels > low + _FOREGROUND * (high - low)
    rows, columns = _span(seen.mean(axis=1)), _span(seen.mean(axis=0))
    part = pixels[rows, columns] if min(_length(rows), _length(columns)) >= MIN_SIDE else pixels
    grey: NDArray[np.uint8] = np.clip((part - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    return grey


def _grey_range(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Return the 1st and 99th percentile, the latter without captions.

    White captions on a dark scan would leave the scan itself a few levels. They are told by the
    gap below them, which scans do not have.
    """
    low, high, top = np.percentile(pixels, (1, 99, 100))
    below = pixels[pixels < low + _CAPTION * (top - low)]
    scan = np.percentile(below, 99) if below.size else high
    return low, scan if scan - low < _GAP * (high - low) else high


def _span(share: NDArray[np.floating]) -> slice:
    lines = np.flatnonzero(share >= _LINE)
    if lines.size == 0:
        return slice(0, 0)
    return slice(max(0, int(lines[0]) - _MARGIN), min(len(share), int(lines[-1]) + 1 + _MARGIN))


def _length(span: slice) -> int:
    return int(span.stop - span.start)


def _fit(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    scale = side / max(picture.shape)
    rows, columns = (max(8, round(length * scale)) for length in picture.shape)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (columns, rows), interpolation=method), dtype=np.uint8)


@cache
def _detector() -> cv2.SIFT:
    # Lower contrast and higher edge limits than Lowe's: the cells choose among what is found.
    return cv2.SIFT.create(nfeatures=0, contrastThreshold=0.01, edgeThreshold=15)


def _key_points(work: NDArray[np.uint8]) -> tuple[NDArray[np.float16], NDArray[np.uint8]]:
    found = _detector().detect(work, None)
    if not found:
        blank = blank_look()
        return blank.points, blank.descriptors
    kept, raw = _detector().compute(work, [found[index] for index in _choose(found, work)])
    points = np.array([(*one.pt, one.size, one.angle) for one in kept], dtype=np.float16)
    return points, _compress(np.asarray(raw, dtype=np.float32))


def _choose(found: Sequence[cv2.KeyPoint], work: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Choose the strongest key points of every cell; large ones survive resizing better.

    Those near white, as captions are, come last: nothing is stronger, and copies lack them.
    """
    measured = np.array([(*one.pt, one.response * one.size**0.5) for one in found])
    column, row = np.minimum(measured[:, :2].astype(np.intp).T, np.array(work.T.shape)[:, None] - 1)
    near_white = cv2.dilate((work >= _WHITE).astype(np.uint8), _NEAR) > 0
    strength = measured[:, 2] * np.where(near_white[row, column], _DOUBT, 1)
    cell = row * _CELLS // work.shape[0] * _CELLS + column * _CELLS // work.shape[1]
    order = np.lexsort((-strength, cell))
    rank = np.arange(len(order)) - np.searchsorted(cell[order], cell[order])
    return np.asarray(order[rank < _PER_CELL])


def _compress(raw: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Pool 8 directions to 4 and take the square root (RootSIFT: Arandjelovic & Zisserman 2012)."""
    grid = raw.reshape(-1, *_GRID)
    pooled = grid[..., ::2] + (grid[..., 1::2] + np.roll(grid, 1, axis=-1)[..., ::2]) / 2
    flat = pooled.reshape(len(raw), -1)
    share = flat / np.maximum(flat.sum(axis=1, keepdims=True), 1e-6)
    descriptors: NDArray[np.uint8] = np.minimum(np.sqrt(share) * 512, 255).astype(np.uint8)
    return descriptors
