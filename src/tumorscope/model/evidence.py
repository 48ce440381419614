"""From the evidence map on the canvas to places and pictures on the image as read."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.answer import Localization
from tumorscope.imaging.preprocess import CanvasGeometry

_MAX_LOGIT: Final = 700.0
"""Where the exponential of a float64 still has a value; the sigmoid is 0 or 1 long before."""

_ROUNDING: Final = 1e-6
"""Pixels by which a product of cell and scale may miss the edge it stands for."""


def localize(
    evidence: NDArray[np.floating[Any]],
    geometry: CanvasGeometry,
    *,
    canvas_size: int,
    threshold: float,
) -> Localization:
    """Find the peak of the evidence and the box of the connected evidence around it.

    Parameters
    ----------
    evidence
        Shape (cells, cells), logits.
    geometry
        How the canvas lies over the image.
    canvas_size
        Side of the canvas in pixels.
    threshold
        Logit above which a cell belongs to the box; the peak's cell always does.
    """
    cell = canvas_size / evidence.shape[0]
    peak = np.unravel_index(int(np.argmax(evidence)), evidence.shape)
    inside = _connected(evidence >= threshold, (int(peak[0]), int(peak[1])))
    rows, columns = np.nonzero(inside)
    corner0 = geometry.to_image(rows.min() * cell, columns.min() * cell)
    corner1 = geometry.to_image((rows.max() + 1) * cell, (columns.max() + 1) * cell)
    center = geometry.to_image((peak[0] + 0.5) * cell, (peak[1] + 0.5) * cell)
    row0, column0 = _pixel(corner0, geometry.shape)
    last = [math.ceil(value - _ROUNDING) - 1 for value in corner1]
    row1, column1 = _pixel((last[0], last[1]), geometry.shape)
    return Localization(_pixel(center, geometry.shape), (row0, column0, row1, column1))


def evidence_on_image(
    evidence: NDArray[np.floating[Any]], geometry: CanvasGeometry, *, canvas_size: int
) -> NDArray[np.float32]:
    """Lay the evidence over the image as read.

    Returns
    -------
    ndarray
        Shape (rows, columns) of the image, float32 in [0, 1]: sigmoid of the evidence,
        interpolated between the cells; 0 outside the canvas.
    """
    probability = sigmoid(evidence).astype(np.float32)
    rows, columns = geometry.shape
    cell = canvas_size / evidence.shape[0] * geometry.scale  # square pixels per cell
    tall, wide = (cell / factor for factor in geometry.stretch)  # pixels as read per cell
    row0, column0 = geometry.to_image(0, 0)
    across = _neighbors(columns, len(probability), cell=wide, offset=column0)
    down = _neighbors(rows, len(probability), cell=tall, offset=row0)
    lines = _interpolate(np.ascontiguousarray(probability.T), across).T
    laid = _interpolate(np.ascontiguousarray(lines), down)
    return np.minimum(laid, 1, out=laid)  # weights may add up to a rounding more than 1


_Neighbors = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]


def _neighbors(pixels: int, cells: int, *, cell: float, offset: float) -> _Neighbors:
    """Return the two cells around each pixel of a line, and what each of them counts.

    Linear between the centers of cells, flat beyond the outermost, 0 outside of them.
    """
    place = (np.arange(pixels) + 0.5 - offset) / cell
    inside = (place >= 0) & (place < cells)
    below = np.floor(place - 0.5)
    share = place - 0.5 - below
    low, high = (np.clip(one, 0, cells - 1).astype(np.intp) for one in (below, below + 1))
    weights = ((inside * part).astype(np.float32) for part in (1 - share, share))
    return low, high, *weights


def _interpolate(values: NDArray[np.float32], neighbors: _Neighbors) -> NDArray[np.float32]:
    """Interpolate along the first axis.

    Whole rows are copied and added, which takes a third of the time of an image library's
    transform; a product of matrices would wake threads that the network needs.
    """
    low, high, low_weight, high_weight = neighbors
    laid = values[low] * low_weight[:, None]
    laid += values[high] * high_weight[:, None]
    return laid


def sigmoid(logits: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Turn logits of any size into probabilities, same shape."""
    exponents = np.clip(-logits.astype(np.float64), -_MAX_LOGIT, _MAX_LOGIT)
    return np.asarray(1 / (1 + np.exp(exponents)))


def _connected(above: NDArray[np.bool_], seed: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the cells that are joined to ``seed`` through cells above, edge to edge."""
    inside = np.zeros_like(above)
    inside[seed] = True
    while True:
        grown = inside.copy()
        grown[1:] |= inside[:-1]
        grown[:-1] |= inside[1:]
        grown[:, 1:] |= inside[:, :-1]
        grown[:, :-1] |= inside[:, 1:]
        grown &= above
        grown[seed] = True
        if np.array_equal(grown, inside):
            return inside
        inside = grown


def _pixel(point: tuple[float, float], shape: tuple[int, int]) -> tuple[int, int]:
    row, column = (
        min(max(0, math.floor(value + _ROUNDING)), side - 1)
        for value, side in zip(point, shape, strict=True)
    )
    return row, column
