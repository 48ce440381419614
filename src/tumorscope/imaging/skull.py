"""The skull taken away from a model input, or painted around it: everything else stays.

A brain that was skull-stripped shows the same lesion as the head it came from. What a model answers
must not hang on it; these two changes teach that, and test it. Both work on one picture: a path of
least brightness around the head is its bone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.ndimage import (
    affine_transform,
    binary_fill_holes,
    gaussian_filter,
    gaussian_filter1d,
    label,
    map_coordinates,
)

from tumorscope.imaging.preprocess import Preprocessing

Grey = NDArray[np.uint8]
_Floats = NDArray[np.float64]

ANGLES: Final = 256
STEPS: Final = 112

NEAREST: Final = 0.62
"""Of the head's radius: no bone of the vault lies deeper."""

FOREGROUND: Final = 16.0
"""Of 255: above it is tissue, below it air, bone and the noise of both."""

DARK: Final = 0.5
"""Bone is at most this bright, as a share of the scalp outside of it."""

LESS_THAN_BRAIN: Final = 0.8
"""And at most this bright as a share of the brain."""

FEWEST_DARK: Final = 0.6
MOST_DARK: Final = 0.25
"""Of the angles in which that holds: at least the first in a head, at most the second in a brain
without a skull."""

HALF_BONE: Final = 2.0
"""Pixels from the middle of the bone to its inner rim."""

FEWEST_BRAIN: Final = 0.3
"""Of the head's area that must lie within the bone."""

JUMP_COST: Final = 0.03
"""Of a step up or down from one angle to the next, where 1 is the brightness of the scalp: the rim
of bone is smooth."""

FLUID: Final = (0.01, 0.05)
BONE: Final = (0.04, 0.09)
SCALP: Final = (0.05, 0.12)
"""Least and largest thickness of what is painted, as shares of the brain's radius (about 70 mm):
1-3 mm of fluid, 3-6 mm of bone, 4-8 mm of scalp."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A closed line around a center.

    Attributes
    ----------
    center
        Row and column, in pixels.
    radii
        Shape (ANGLES,), pixels, from the angle 0 on, where the columns grow.
    """

    center: tuple[float, float]
    radii: _Floats

    def distance(self, size: int) -> _Floats:
        """Return each pixel's distance from the center as a share of the line's."""
        radii = np.append(self.radii, self.radii[0])
        line = np.interp(self.angle(size), np.arange(ANGLES + 1), radii)
        return np.asarray(np.hypot(*self._from_center(size)) / np.maximum(line, 1))

    def angle(self, size: int) -> _Floats:
        """Return the angle at which each pixel lies, in [0, ANGLES)."""
        return np.asarray(np.arctan2(*self._from_center(size)) / (2 * np.pi) % 1 * ANGLES)

    def _from_center(self, size: int) -> tuple[_Floats, _Floats]:
        rows, columns = np.mgrid[:size, :size]
        return rows - self.center[0], columns - self.center[1]


def strip_skull(canvas: Grey, mask: Grey | None = None) -> tuple[Grey, Grey | None] | None:
    """Blank what lies outside of the brain and let the brain fill the picture.

    Parameters
    ----------
    canvas
        Shape (size, size), a head with its skull.
    mask
        Of the same shape; undergoes the same crop.

    Returns
    -------
    canvas, mask
        As the preprocessing would make them of the stripped image; ``None`` where no skull was
        found, as in a brain that has none, or at the base of the skull.
    """
    brain = brain_within_skull(canvas)
    if brain is None:
        return None
    preprocessing = Preprocessing(size=len(canvas))
    stripped, geometry = preprocessing.apply(np.where(brain, canvas, 0).astype(np.float32))
    if mask is None:
        return stripped, None
    covered = preprocessing.apply_mask(np.where(brain, mask, 0) > 127, geometry)
    return stripped, np.rint(covered * 255).astype(np.uint8)


def brain_within_skull(canvas: Grey) -> NDArray[np.bool_] | None:
    """Return what lies within the bone, shape (size, size), or ``None`` where there is no skull."""
    head = _outer_outline(gaussian_filter(canvas.astype(np.float64), 1.0))
    if head is None:
        return None
    bone, dark_share = _find_bone(canvas, head)
    within = bone.distance(len(canvas)) < 1
    is_head = head.distance(len(canvas)) < 1
    is_skull = dark_share >= FEWEST_DARK and within.sum() >= FEWEST_BRAIN * is_head.sum()
    return within if is_skull else None


def skull_share(canvas: Grey) -> float:
    """Return the share of the angles in which bone surrounds the brain, 0 to 1.

    Near 1 in a head and near 0 in a brain that was skull-stripped; low also at the base of the
    skull and in the face.
    """
    head = _outer_outline(gaussian_filter(canvas.astype(np.float64), 1.0))
    return 0.0 if head is None else _find_bone(canvas, head)[1]


def _find_bone(canvas: Grey, head: Outline) -> tuple[Outline, float]:
    """Return the inner rim of what is darkest around the brain, and where it is dark as bone.

    Returns
    -------
    bone, dark_share
        The share of the angles in which it is darker than the brain within and the scalp outside.
    """
    smooth = gaussian_filter(canvas.astype(np.float64), 1.0)
    shares = np.linspace(NEAREST, 1.0, STEPS)
    unrolled = _sample(smooth, head, shares)
    inside = _sample(smooth, head, np.linspace(0.3, NEAREST, 24)).mean()
    outward = np.maximum.accumulate(unrolled[:, ::-1], axis=1)[:, ::-1]
    scalp = np.maximum(outward, DARK * inside)
    darkness = unrolled / scalp
    path = _darkest_path(darkness)
    angles = np.arange(ANGLES)
    found = unrolled[angles, path]
    is_dark = (found < DARK * outward[angles, path]) & (found < LESS_THAN_BRAIN * inside)
    radii = gaussian_filter1d(shares[path] * head.radii, 2, mode="wrap") - HALF_BONE
    return Outline(head.center, radii), float(is_dark.mean())


def paint_skull(
    canvas: Grey, rng: Generator, mask: Grey | None = None
) -> tuple[Grey, Grey | None] | None:
    """Paint fluid, bone and scalp around a brain that has none, and fit it into the picture.

    Returns
    -------
    canvas, mask
        ``None`` where a skull was found, or no brain.
    """
    smooth = gaussian_filter(canvas.astype(np.float64), 1.0)
    brain = _outer_outline(smooth)
    if brain is None or _find_bone(canvas, brain)[1] > MOST_DARK:
        return None
    size = len(canvas)
    thickness = np.array(
        [rng.uniform(low, high) * _wave(rng) for low, high in (FLUID, BONE, SCALP)]
    )
    ends = 1 + thickness.cumsum(axis=0)
    zoom = min(1.0, 0.97 * size / 2 / float((brain.radii * ends[-1]).max()))
    small = _shrunk(canvas, brain.center, zoom)
    line = Outline(((size - 1) / 2,) * 2, gaussian_filter1d(brain.radii, 4, mode="wrap") * zoom)
    result = _layered(small, line, ends, rng)
    if mask is None:
        return result, None
    return result, np.rint(_shrunk(mask, brain.center, zoom)).astype(np.uint8)


def _layered(small: _Floats, line: Outline, ends: _Floats, rng: Generator) -> Grey:
    """Lay fluid, bone and scalp around the brain that a line encloses."""
    size = len(small)
    distance = line.distance(size)
    inside = float(np.median(small[distance < NEAREST]))
    angle = line.angle(size)
    around = [np.interp(angle, np.arange(ANGLES), end) for end in ends]
    greys = [rng.uniform(0.2, 1.2) * inside, rng.uniform(0, 0.25) * inside, rng.uniform(60, 255)]
    rough = gaussian_filter(rng.standard_normal((size, size)), 1.5) * 4
    grain = 1 + 0.25 * rough
    picture = np.zeros((size, size))
    for end, grey in reversed(list(zip(around, greys, strict=True))):
        picture = np.where(distance < end, grey * grain, picture)
    brain = (distance < 1) & (small > 0)
    picture = gaussian_filter(np.where(brain, small, picture), 0.6)
    picture = np.where(gaussian_filter(brain.astype(np.float64), 1) > 0.95, small, picture)
    return np.rint(np.clip(picture, 0, 255)).astype(np.uint8)


def _outer_outline(smooth: _Floats) -> Outline | None:
    """Return the rim of the largest thing in a picture."""
    parts, count = label(binary_fill_holes(smooth > FOREGROUND))
    if count == 0:
        return None
    largest = parts == 1 + np.bincount(parts.ravel())[1:].argmax()
    rows, columns = np.nonzero(largest)
    center = (float(rows.mean()), float(columns.mean()))
    steps = np.arange(len(smooth), dtype=np.float64)
    turns = np.arange(ANGLES) / ANGLES * 2 * np.pi
    row = np.clip(center[0] + np.sin(turns)[:, None] * steps, 0, len(smooth) - 1).astype(int)
    column = np.clip(center[1] + np.cos(turns)[:, None] * steps, 0, len(smooth) - 1).astype(int)
    is_in_picture = steps < _to_border(center, turns, len(smooth))[:, None]
    hit = largest[row, column] & is_in_picture
    radii = (len(steps) - 1 - hit[:, ::-1].argmax(axis=1)).astype(np.float64)
    return Outline(center, np.where(hit.any(axis=1), radii, 0))


def _to_border(center: tuple[float, float], turns: _Floats, size: int) -> _Floats:
    """Return the distance from the center to the picture's border in each direction."""
    sides = []
    for middle, direction in zip(center, (np.sin(turns), np.cos(turns)), strict=True):
        room = np.where(direction > 0, size - 1 - middle, middle)
        sides.append(room / np.maximum(np.abs(direction), 1e-9))
    return np.minimum(*sides)


def _sample(smooth: _Floats, line: Outline, shares: _Floats) -> _Floats:
    """Return the picture along rays, at shares of the line's radius: (ANGLES, len(shares))."""
    turns = np.arange(ANGLES) / ANGLES * 2 * np.pi
    reach = line.radii[:, None] * shares
    rows = line.center[0] + np.sin(turns)[:, None] * reach
    columns = line.center[1] + np.cos(turns)[:, None] * reach
    return np.asarray(map_coordinates(smooth, [rows, columns], order=1, mode="nearest"))


def _darkest_path(unrolled: _Floats) -> NDArray[np.intp]:
    """Return the step at each angle of a closed path of least brightness (dynamic programming)."""
    first = _darkest_open_path(np.concatenate([unrolled, unrolled]))
    middle = len(unrolled) // 2
    return np.roll(first[middle : middle + len(unrolled)], middle)


def _darkest_open_path(unrolled: _Floats) -> NDArray[np.intp]:
    width = unrolled.shape[1]
    before = np.full(width + 2, np.inf)  # what led to each step, with no way in from beyond
    before[1:-1] = unrolled[0]
    options = np.empty((3, width))
    came_from = np.empty((len(unrolled) - 1, width), np.int8)
    for step, row in zip(came_from, unrolled[1:], strict=True):
        np.add(before[:-2], JUMP_COST, out=options[0])
        options[1] = before[1:-1]
        np.add(before[2:], JUMP_COST, out=options[2])
        np.subtract(options.argmin(axis=0), 1, out=step, casting="unsafe")
        np.add(row, options.min(axis=0), out=before[1:-1])
    path = [int(before[1:-1].argmin())]
    for step in reversed(came_from):
        path.append(path[-1] + int(step[path[-1]]))
    return np.array(path[::-1])


def _shrunk(picture: Grey, center: tuple[float, float], zoom: float) -> _Floats:
    """Shrink a picture by ``zoom``, with ``center`` in the middle."""
    middle = (len(picture) - 1) / 2
    offset = np.array(center) - middle / zoom
    return np.asarray(
        affine_transform(
            picture.astype(np.float64), np.full(2, 1 / zoom), offset, order=1, mode="constant"
        )
    )


def _wave(rng: Generator) -> _Floats:
    """Return a smooth factor about 1 for each angle."""
    noise = gaussian_filter1d(rng.standard_normal(ANGLES), ANGLES / 12, mode="wrap")
    return np.asarray(np.clip(1 + 0.3 * noise / max(float(noise.std()), 1e-9), 0.3, 2))
