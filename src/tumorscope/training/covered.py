"""Training canvases whose tumor was covered, as examples without tumor.

An archive that holds tumors alone lets a network answer from the archive, and what lies around a
tumor from the rest of the head. The same head with its tumor covered is an example that neither
answer fits.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy import ndimage

from tumorscope.training.examples import UNKNOWN, Examples

Canvas = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Grey = NDArray[np.float32]
_Value = TypeVar("_Value", bound=np.generic)

HALF_COVERED: Final = 128
"""Mask value from which a pixel of the canvas counts as tumor; 255 is wholly covered."""

VISIBLE_CONTRAST: Final = 18.0
"""Grey levels of 255 between the medians of a tumor and of its surroundings. Below, covering it
would change the label and hardly the picture: masks drawn on FLAIR lie on T1, too."""

MARGINS: Final = (3, 9)
"""Canvas pixels by which a mask is widened before it is covered: masks are drawn tightly."""

RING: Final = 6
"""Width in canvas pixels of the surroundings that brightness is matched with."""

CONTRAST_RING: Final = 7
"""Width in canvas pixels of the surroundings that a tumor is told from."""

MIRROR_OVERLAP: Final = 0.1
"""Share of a tumor that may lie on its own mirror image; beyond, there is no other side."""

BRIGHTEST: Final = 1.3
"""Of the head's median grey: where the surroundings, or what was laid over the tumor, are brighter,
too much of it may be left to call the rest free of tumor."""

HEAD_GREY: Final = 20
"""Grey level above which a canvas shows something."""

FROM_OTHER_SIDE: Final = 0.4
"""Share of the tumors with another side that it is laid over."""

FROM_THE_HEAD: Final = 0.7
"""Share that the other side or another place is laid over; the rest is smoothed over, so that no
way of covering is the sign of a covered tumor."""

REACH: Final = 0.4
"""Share of the canvas's side from within which another place in the head is taken."""

TRIES: Final = 20
"""Draws of another place in the head to copy from, before the tumor is smoothed over instead."""


def with_covered(examples: Examples, *, share: float, seed: int) -> Examples:
    """Return the examples and, after them, covered copies of those that show their tumor.

    Parameters
    ----------
    examples
        Of the train split.
    share
        Of the outlined tumors that show, how many are copied, drawn one by one; 0 to 1.
    seed
        Of every random draw; with the key of an example it fixes its copy.
    """
    rows, copies = [], []
    for row in np.flatnonzero((examples.mask_index != UNKNOWN) & (examples.tumor == 1)):
        name = np.frombuffer(str(examples.keys[row]).encode(), dtype=np.uint8)
        rng = np.random.default_rng([seed, *name.tolist()])
        if rng.random() >= share:
            continue
        canvas = examples.canvases[row]
        mask = examples.masks[examples.mask_index[row]] >= HALF_COVERED
        if contrast(canvas, mask) < VISIBLE_CONTRAST:
            continue
        covered = cover(canvas, mask, rng)
        if not _is_left(covered, mask):
            rows.append(row)
            copies.append(covered)
    return _extended(examples, np.array(rows), copies) if rows else examples


def _extended(examples: Examples, rows: NDArray[np.intp], copies: list[Canvas]) -> Examples:
    n = len(rows)
    return Examples(
        keys=np.concatenate([examples.keys, [f"{key} covered" for key in examples.keys[rows]]]),
        canvases=np.concatenate([examples.canvases, np.stack(copies)]),
        tumor=np.concatenate([examples.tumor, np.zeros(n, np.int8)]),
        tumor_type=np.concatenate([examples.tumor_type, np.full(n, UNKNOWN, np.int8)]),
        source=np.concatenate([examples.source, examples.source[rows]]),
        masks=examples.masks,
        mask_index=np.concatenate([examples.mask_index, np.full(n, UNKNOWN, np.int32)]),
    )


def contrast(canvas: Canvas, tumor: Mask) -> float:
    """Return how far the grey of a tumor is from that around it, in levels of 255."""
    around = _widened(tumor, MARGINS[0] + CONTRAST_RING) & ~_widened(tumor, MARGINS[0])
    if not tumor.any() or not around.any():
        return 0.0
    return float(abs(np.median(canvas[tumor]) - np.median(canvas[around])))


def cover(canvas: Canvas, tumor: Mask, rng: Generator) -> Canvas:
    """Lay the other side of the head, another place of it, or the surroundings over a tumor.

    Parameters
    ----------
    canvas
        Shape (size, size), uint8.
    tumor
        Shape (size, size), bool.
    rng
        Source of all randomness.
    """
    region = _widened(tumor, int(rng.integers(*MARGINS)))
    has_other_side = (region & region[:, ::-1]).sum() <= MIRROR_OVERLAP * region.sum()
    draw = rng.random()
    filling: Grey | None = None
    if has_other_side and draw < FROM_OTHER_SIDE:
        filling = _taken(canvas, region, canvas[:, ::-1], region)
    elif draw < FROM_THE_HEAD:
        filling = _from_elsewhere(canvas, region, rng)
    if filling is None:
        filling = _from_surroundings(canvas, region, rng)
    soft = ndimage.gaussian_filter(region.astype(np.float32), rng.uniform(0.7, 2.5))
    mixed = soft * filling + (1 - soft) * canvas
    covered: Canvas = np.rint(np.clip(mixed, 0, 255)).astype(np.uint8)
    return covered


def _is_left(covered: Canvas, tumor: Mask) -> bool:
    """Whether the place of the tumor, or what lies around it, is still as bright as one."""
    most = BRIGHTEST * float(np.median(covered[covered > HEAD_GREY]))
    around = _ring(_widened(tumor, MARGINS[0]))
    return bool(np.median(covered[tumor]) > most or np.median(covered[around]) > most)


def _taken(canvas: Canvas, region: Mask, source: Canvas, taken: Mask) -> Grey:
    """Return the source with the brightness of its surroundings matched to the region's."""
    here, there = canvas[_ring(region)], source[_ring(taken)]
    here, there = here[here > HEAD_GREY], there[there > HEAD_GREY]
    gain = np.median(here) / np.median(there) if here.size and there.size else 1.0
    return source.astype(np.float32) * np.float32(np.clip(gain, 0.5, 2))


def _from_elsewhere(canvas: Canvas, region: Mask, rng: Generator) -> Grey | None:
    """Return the canvas moved so that another part of the head lies on the region."""
    head = ndimage.binary_erosion(ndimage.binary_fill_holes(canvas > HEAD_GREY), iterations=8)
    reach = round(REACH * len(canvas))
    for _ in range(TRIES):
        move = tuple(int(one) for one in rng.integers(-reach, reach + 1, 2))
        taken = _moved(region, (-move[0], -move[1]))
        if taken.sum() == region.sum() and head[taken].all() and not (taken & region).any():
            return _taken(canvas, region, _moved(canvas, move), region)
    return None


def _moved(picture: NDArray[_Value], move: tuple[int, ...]) -> NDArray[_Value]:
    moved = np.zeros_like(picture)
    rows, columns = picture.shape
    down, right = move
    moved[max(down, 0) : rows + min(down, 0), max(right, 0) : columns + min(right, 0)] = picture[
        max(-down, 0) : rows - max(down, 0), max(-right, 0) : columns - max(right, 0)
    ]
    return moved


def _from_surroundings(canvas: Canvas, region: Mask, rng: Generator) -> Grey:
    """Return a mean of what lies around, nearer parts first, with or without the head's grain."""
    known = (~region).astype(np.float32)
    grey = canvas.astype(np.float32)
    filling = np.full_like(grey, grey[~region].mean() if known.any() else 0)
    for sigma in (32, 16, 8, 4, 2):
        weight = ndimage.gaussian_filter(known, sigma)
        mean = ndimage.gaussian_filter(grey * known, sigma) / np.maximum(weight, 1e-6)
        share = np.clip(weight * 4, 0, 1)
        filling = share * mean + (1 - share) * filling
    if rng.random() < 0.5:
        grain = np.where(region, 0, grey - ndimage.gaussian_filter(grey, 2))
        moves = rng.integers(-40, 41, 2)
        filling += np.roll(grain, (int(moves[0]), int(moves[1])), axis=(0, 1))
    return filling


def _widened(region: Mask, pixels: int) -> Mask:
    widened: Mask = ndimage.distance_transform_edt(~region) <= pixels if region.any() else region
    return widened


def _ring(region: Mask) -> Mask:
    return _widened(region, RING) & ~region
