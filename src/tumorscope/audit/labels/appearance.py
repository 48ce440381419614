"""What a picture looks like, in a few hundred numbers and without a network.

A network that was trained on a collection has seen its labels and may have learned the wrong ones
by heart; these numbers have seen nothing.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE: Final = 64
CELL: Final = 8
DIRECTIONS: Final = 9
THUMBNAIL_SIDE: Final = 16

_CELLS: Final = SIDE // CELL
_BLOCK: Final = 2


def describe_appearance(canvas: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Describe a preprocessed picture of shape (size, size).

    Returns
    -------
    ndarray
        Shape (832,), float32: directions of edges, and a thumbnail of mean 0 and length 1.
    """
    picture = Image.fromarray(canvas)
    thumbnail = _shrink(picture, THUMBNAIL_SIDE).ravel()
    thumbnail = _to_unit_length(thumbnail - thumbnail.mean())
    return np.concatenate([_edge_directions(_shrink(picture, SIDE)), thumbnail])


def _shrink(picture: Image.Image, side: int) -> NDArray[np.float32]:
    return np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float32)


def _edge_directions(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return histograms of oriented gradients, shape (576,).

    As Dalal & Triggs 2005, doi 10.1109/CVPR.2005.177, with blocks that do not overlap.
    """
    down, right = np.gradient(grey)
    strength = np.hypot(down, right).ravel()
    turn = np.arctan2(down, right) % np.pi * (DIRECTIONS / np.pi)
    lower = np.floor(turn).astype(np.int64)
    share = (turn - lower).ravel()
    line = np.arange(SIDE) // CELL
    cell = line[:, None] * _CELLS + line[None, :]
    histogram = np.zeros(_CELLS * _CELLS * DIRECTIONS)
    for offset, weight in ((0, 1 - share), (1, share)):
        at = (cell * DIRECTIONS + (lower + offset) % DIRECTIONS).ravel()
        histogram += np.bincount(at, strength * weight, len(histogram))
    blocks = histogram.reshape(_CELLS // _BLOCK, _BLOCK, _CELLS // _BLOCK, _BLOCK, DIRECTIONS)
    blocks = blocks.transpose(0, 2, 1, 3, 4).reshape(-1, _BLOCK * _BLOCK * DIRECTIONS)
    return np.concatenate([_to_unit_length(block.astype(np.float32)) for block in blocks])


def _to_unit_length(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return vector / np.float32(max(float(np.linalg.norm(vector)), 1e-6))
