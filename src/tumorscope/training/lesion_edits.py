"""Training canvases whose lesion was taken away, put in, or whose brain was blanked.

An archive, plane or sequence that holds tumors alone lets a network answer from the archive.
Edits break that tie: the same head without its lesion is an example without tumor, a foreign
lesion in a tumor-free head one with. What is laid over a lesion leaves the same soft edge as a
lesion that is laid in, so that the edge tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Canvas = NDArray[np.uint8]
Mask = NDArray[np.bool_]

MARGINS: Final = (2, 8)
"""Canvas pixels by which a region is widened before it is covered: masks are drawn tightly."""

RING: Final = 6
"""Width in canvas pixels of the surroundings that brightness is matched with."""

MIRROR_OVERLAP: Final = 0.1
"""Share of a region that may lie on its own mirror image; beyond, there is no other side."""

MIN_LESION: Final = 0.003
"""Share of the canvas that a lesion must cover to be put into another head."""

BRIGHT_RING: Final = 1.35
"""Brightness of a lesion's surroundings over the head's median beyond which the mask leaves too
much of it outside to call the rest tumor-free."""

HEAD_GREY: Final = 20
RIM: Final = (0.06, 0.14)
"""Of the canvas: scalp and skull, which stay when a brain is blanked."""


@dataclass(frozen=True, slots=True)
class Donor:
    """A canvas with a lesion, and its mask.

    Attributes
    ----------
    canvas, mask
        Shape (size, size), uint8; the mask holds coverage 0-255.
    """

    canvas: Canvas
    mask: Canvas


@dataclass(frozen=True, slots=True)
class LesionEdits:
    """Chances of the edits.

    Parameters
    ----------
    removal
        That a known lesion is covered.
    insertion
        That a foreign lesion is put into a tumor-free head.
    blanking
        That the brain is blanked, in either.
    """

    removal: float
    insertion: float
    blanking: float

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return {name: getattr(self, name) for name in self.__slots__}

    def apply(
        self, canvas: Canvas, mask: Canvas | None, donor: Donor | None, rng: Generator
    ) -> tuple[Canvas, Canvas | None]:
        """Draw an edit, or none.

        Parameters
        ----------
        canvas
            Shape (size, size), uint8, with a known mask or free of tumor.
        mask
            Coverage 0-255 of the same shape, ``None`` where there is no tumor.
        donor
            Where a lesion to put in comes from; ``None``: none is put in.
        rng
            Source of all randomness.

        Returns
        -------
        canvas, mask
            The mask is empty where the tumor is gone.
        """
        draw = rng.random()
        lesion = None if mask is None else mask > 0
        has_lesion = lesion is not None and bool(lesion.any())
        if draw < self.blanking:
            return _blank_brain(canvas, rng), np.zeros_like(canvas)
        draw -= self.blanking
        if lesion is not None and has_lesion and draw < self.removal:
            covered = _cover(canvas, lesion, rng)
            return (canvas, mask) if covered is None else (covered, np.zeros_like(canvas))
        if not has_lesion and donor is not None and draw < self.insertion:
            return _insert(canvas, donor, rng)
        return canvas, mask


def _blank_brain(canvas: Canvas, rng: Generator) -> Canvas:
    rim = int(rng.uniform(*RIM) * canvas.shape[0])
    inside = ndimage.distance_transform_edt(np.pad(_head(canvas), 1))[1:-1, 1:-1] > rim
    return np.where(inside, np.uint8(rng.integers(0, 60)), canvas)


def _head(canvas: Canvas) -> Mask:
    head: Mask = ndimage.binary_fill_holes(ndimage.binary_closing(canvas > HEAD_GREY, iterations=3))
    return head


def _cover(canvas: Canvas, lesion: Mask, rng: Generator) -> Canvas | None:
    """Lay the other side of the head over a lesion, or what the surroundings suggest.

    ``None`` where the surroundings look like more of the lesion.
    """
    region = ndimage.binary_dilation(lesion, iterations=int(rng.integers(*MARGINS)))
    around = canvas[_ring(region)]
    head = np.median(canvas[canvas > HEAD_GREY]) if (canvas > HEAD_GREY).any() else 0
    if not around.size or np.median(around) > BRIGHT_RING * head:
        return None
    has_other_side = (region & region[:, ::-1]).sum() <= MIRROR_OVERLAP * region.sum()
    if has_other_side and rng.random() < 0.6:
        filling = canvas[:, ::-1].astype(np.float32)
        filling = filling * _gain(canvas, region, canvas, region[:, ::-1])
    else:
        filling = _from_surroundings(canvas, region, rng)
    return _blend(canvas, filling, region, rng)


def _from_surroundings(canvas: Canvas, region: Mask, rng: Generator) -> NDArray[np.float32]:
    """Mean of the known neighbors, nearer ones first, with or without the head's own grain."""
    known = (~region).astype(np.float32)
    grey = canvas.astype(np.float32)
    filling = np.full_like(grey, grey[~region].mean() if known.any() else 0)
    for sigma in (32, 16, 8, 4, 2):
        weight = ndimage.gaussian_filter(known, sigma)
        mean = ndimage.gaussian_filter(grey * known, sigma) / np.maximum(weight, 1e-6)
        share = np.clip(weight * 4, 0, 1)
        filling = share * mean + (1 - share) * filling
    if rng.random() < 0.5:
        grain = grey - ndimage.gaussian_filter(grey, 2)
        moves = rng.integers(-40, 40, 2)
        filling += np.roll(grain, (int(moves[0]), int(moves[1])), axis=(0, 1))
    return filling


def _insert(canvas: Canvas, donor: Donor, rng: Generator) -> tuple[Canvas, Canvas | None]:
    """Put a donor's lesion, turned and scaled, somewhere into the head."""
    rows, columns = (np.flatnonzero((donor.mask > 127).any(axis=axis)) for axis in (1, 0))
    if rows.size < 3 or columns.size < 3:
        return canvas, None
    margin = RING + MARGINS[1]
    window = (
        slice(max(rows[0] - margin, 0), rows[-1] + margin),
        slice(max(columns[0] - margin, 0), columns[-1] + margin),
    )
    turns, flip, zoom = int(rng.integers(0, 4)), rng.random() < 0.5, rng.uniform(0.6, 1.1)

    def moved(picture: Canvas) -> Canvas:
        piece = np.rot90(picture[window], turns)
        piece = piece[:, ::-1] if flip else piece
        size = tuple(max(8, round(side * zoom)) for side in reversed(piece.shape))
        return np.asarray(Image.fromarray(np.ascontiguousarray(piece)).resize(size))

    patch, cover = moved(donor.canvas), moved(donor.mask)
    corner = _place(canvas, patch.shape, rng)
    if corner is None:
        return canvas, None
    host = tuple(
        slice(first, first + side) for first, side in zip(corner, patch.shape, strict=True)
    )
    lesion = np.zeros(canvas.shape, dtype=np.bool_)
    lesion[host] = cover > 127
    laid = np.zeros_like(canvas)
    laid[host] = patch
    filling = laid.astype(np.float32) * _gain(canvas, lesion, laid, lesion)
    widened = ndimage.binary_dilation(lesion, iterations=int(rng.integers(1, 4)))
    edited = _blend(canvas, filling, widened & (laid > 0), rng)
    mask = np.zeros_like(canvas)
    mask[host] = cover
    return edited, mask


def _place(canvas: Canvas, shape: tuple[int, ...], rng: Generator) -> tuple[int, int] | None:
    """Draw the top left corner of a patch whose middle lies well inside the head."""
    depth = ndimage.distance_transform_edt(np.pad(_head(canvas), 1))[1:-1, 1:-1]
    inside = np.argwhere(depth > max(0.12 * canvas.shape[0], 0.35 * max(shape)))
    if not len(inside):
        return None
    middle = inside[rng.integers(len(inside))]
    row, column = (int(middle[axis]) - shape[axis] // 2 for axis in (0, 1))
    limit = tuple(side - piece for side, piece in zip(canvas.shape, shape, strict=True))
    if not (0 <= row <= limit[0] and 0 <= column <= limit[1]):
        return None
    return row, column


def _gain(canvas: Canvas, region: Mask, source: Canvas, taken: Mask) -> np.float32:
    """Factor that gives the surroundings of what is taken the brightness of those of the region."""
    here, there = canvas[_ring(region)], source[_ring(taken)]
    here, there = here[here > HEAD_GREY], there[there > HEAD_GREY]
    if not here.size or not there.size:
        return np.float32(1)
    return np.float32(np.clip(np.median(here) / np.median(there), 0.5, 2))


def _ring(region: Mask) -> Mask:
    ring: Mask = ndimage.binary_dilation(region, iterations=RING) & ~region
    return ring


def _blend(canvas: Canvas, filling: NDArray[np.float32], region: Mask, rng: Generator) -> Canvas:
    soft = ndimage.gaussian_filter(region.astype(np.float32), rng.uniform(0.7, 2.5))
    mixed = soft * filling + (1 - soft) * canvas
    blended: Canvas = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
    return blended
