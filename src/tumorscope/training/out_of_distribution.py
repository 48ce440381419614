"""Pictures that show no brain, made from training scans and from noise.

An input check that has only seen brain MR images takes what has their texture for one: the heart,
a joint. These pictures have that texture in another layout, or a layout of the kind with other
texture, so that what tells them apart must look at how the parts lie to each other. None is a
picture of anything; other organs, photographs and X-rays remain unseen and are a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2, rfft2
from scipy.ndimage import (
    binary_fill_holes,
    distance_transform_edt,
    fourier_gaussian,
    gaussian_filter,
    map_coordinates,
)

from tumorscope.imaging.skull import FOREGROUND, brain_within_skull

Canvas = NDArray[np.uint8]
_Floats = NDArray[np.float64]

PIECE: Final = (0.25, 0.5)
"""Side of a cut-out as a share of the scan's: too little to tell where in the head it lies."""


class Counterexamples(NamedTuple):
    """Pictures that show no brain, and how they came about.

    Attributes
    ----------
    canvases
        Shape (n, size, size).
    kinds
        Shape (n,), name of what was done.
    scans
        Shape (n, 2), places of the training scans that each was made of; a kind may need one or
        none of them.
    """

    canvases: Canvas
    kinds: NDArray[np.str_]
    scans: NDArray[np.intp]


def make_counterexamples(canvases: Canvas, count: int, *, seed: int = 0) -> Counterexamples:
    """Make pictures that are no brain MR images.

    Parameters
    ----------
    canvases
        Shape (n, size, size), training scans of at least 2.
    count
        How many, in the order of ``TURNS``.
    seed
        Same seed, same pictures.
    """
    rng = np.random.default_rng(seed)
    kinds = np.array([TURNS[index % len(TURNS)] for index in range(count)])
    made = np.empty((count, *canvases.shape[1:]), np.uint8)
    places = np.empty((count, 2), np.intp)
    for index, kind in enumerate(kinds):
        places[index] = rng.choice(len(canvases), 2, replace=False)
        scans = canvases[places[index]].astype(np.float64)
        made[index] = _to_grey(KINDS[str(kind)](scans, rng))
    return Counterexamples(made, kinds, places)


def _cut_out(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Enlarge a turned piece of a scan."""
    size = scans.shape[1]
    share = rng.uniform(*PIECE)
    center = (0.5 + rng.uniform(-0.25, 0.25, 2)) * size
    return _sample(scans[0], _turned_grid(size, rng.uniform(0, 2 * np.pi), share, center))


def _shuffled(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Put the tiles of a scan in another order, each turned."""
    size = scans.shape[1]
    tiles = int(rng.integers(2, 5))
    side = size // tiles
    picture = np.zeros((size, size))
    for target, source in enumerate(rng.permutation(tiles**2).tolist()):
        row, column = (side * one for one in divmod(source, tiles))
        tile = _turned(scans[0, row : row + side, column : column + side], rng)
        row, column = (side * one for one in divmod(target, tiles))
        picture[row : row + side, column : column + side] = tile
    return picture


def _warped(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Shift every point of a scan by a third of the picture, neighbours alike."""
    size = scans.shape[1]
    shift = np.stack([_clouds(size, rng, scale=rng.uniform(0.08, 0.2)) for _ in range(2)])
    shift *= size / 4
    return _sample(scans[0], np.mgrid[:size, :size] + shift)


def _unrolled(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Lay angles of a scan along one side and radii along the other, or the other way round."""
    size = scans.shape[1]
    rows, columns = np.mgrid[:size, :size] / size
    angle = 2 * np.pi * (columns * rng.choice([0.5, 1.0]) + rng.uniform())
    radius = size / 2 * (rows if rng.uniform() < 0.5 else 1 - rows)
    points = np.stack([size / 2 + radius * np.sin(angle), size / 2 + radius * np.cos(angle)])
    return _turned(_sample(scans[0], points), rng)


def _organs(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Fill a body's outline with round parts, each with texture of a scan or none."""
    size = scans.shape[1]
    body = _blob(size, rng, radius=rng.uniform(0.7, 1.0), center=rng.uniform(-0.15, 0.15, 2))
    picture = np.where(body, rng.uniform(20, 120), 0.0)
    for _ in range(int(rng.integers(3, 14))):
        part = _blob(size, rng, radius=rng.uniform(0.08, 0.45), center=rng.uniform(-0.7, 0.7, 2))
        grey: float | _Floats = rng.uniform(0, 255)
        if rng.uniform() < 0.5:
            grey = grey + 0.7 * (_cut_out(scans, rng) - 100)
        picture = np.where(part & body, grey, picture)
    skin = body & ~_eroded(body, rng.uniform(1, 6))
    picture = np.where(skin, rng.uniform(0, 255), picture)
    blurred = gaussian_filter(picture, rng.uniform(0.4, 2))
    return np.asarray(blurred + rng.normal(0, 3, picture.shape))


def _limbs(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Lay bright and dark bars with round ends across each other."""
    size = scans.shape[1]
    picture = _clouds(size, rng, scale=0.2) * 20 + rng.uniform(0, 90)
    for _ in range(int(rng.integers(2, 7))):
        points = _turned_grid(size, rng.uniform(0, np.pi), 1.0, rng.uniform(0.2, 0.8, 2) * size)
        across, along = (points - size / 2) / (size / 2)
        width, length = rng.uniform(0.06, 0.4), rng.uniform(0.4, 1.6)
        beyond = np.maximum(np.abs(along) - length, 0)
        edge = width * (1 + 0.4 * _clouds(size, rng, scale=0.2)) - np.hypot(across, beyond)
        grey: float | _Floats = rng.uniform(0, 255)
        if rng.uniform() < 0.5:
            grey = grey + 0.7 * (_cut_out(scans, rng) - 100)
        picture = np.where(edge > 0, grey, picture)
        picture = np.where(np.abs(edge) < rng.uniform(0, 0.03), rng.uniform(0, 255), picture)
    if rng.uniform() < 0.5:
        body = _blob(size, rng, radius=rng.uniform(0.7, 1.1), center=rng.uniform(-0.4, 0.4, 2))
        picture = np.where(body, picture, 0)
    blurred = gaussian_filter(picture, rng.uniform(0.4, 2))
    return np.asarray(blurred + rng.normal(0, 3, picture.shape))


def _sections(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Cut a made-up limb across: skin, fat, muscles with what parts them, bones and vessels.

    As in MR, fat and marrow are bright or, where fat is suppressed, dark.
    """
    size = scans.shape[1]
    radius, center = _limb(rng)
    depth = 1 - _rim(size, rng, radius=radius, center=center)
    body = depth > 0
    fat = rng.uniform(0, 255)
    thickness = rng.uniform(0.02, 0.3) * (1 + 0.5 * _clouds(size, rng, scale=0.25))
    inner = depth > np.clip(thickness, 0.01, 0.6)
    picture = np.where(inner, _muscles(size, rng, fat=fat), np.where(body, fat, 0.0))
    for _ in range(int(rng.integers(1, 4))):
        where = center + rng.uniform(-0.5, 0.5, 2) * radius
        picture = _with_bone(picture, body, rng, fat=fat, center=where)
    for _ in range(int(rng.integers(0, 12))):
        where = center + rng.uniform(-0.7, 0.7, 2) * radius
        vessel = _rim(size, rng, radius=rng.uniform(0.01, 0.05), center=where) < 1
        picture = np.where(vessel & body, rng.uniform(0, 255), picture)
    skin = body & (depth < rng.uniform(0.01, 0.04))
    picture = np.where(skin, rng.uniform(20, 255), picture)
    shade = np.exp(rng.uniform(0, 0.5) * _clouds(size, rng, scale=rng.uniform(0.2, 0.4)))
    blurred = gaussian_filter(picture * shade, rng.uniform(0.4, 2))
    return np.asarray(blurred + rng.normal(0, rng.uniform(1, 8), picture.shape))


def _limb(rng: np.random.Generator) -> tuple[float, _Floats]:
    """Return radius and center of a limb within the picture or cut off by its border."""
    if rng.uniform() < 0.6:
        return float(rng.uniform(0.6, 1.0)), rng.uniform(-0.15, 0.15, 2)
    radius, side = float(rng.uniform(0.8, 1.5)), rng.uniform(0, 2 * np.pi)
    return radius, radius * rng.uniform(0.3, 0.8) * np.array([np.sin(side), np.cos(side)])


def _muscles(size: int, rng: np.random.Generator, *, fat: float) -> _Floats:
    """Return the texture of some muscles that touch, each of its own grey."""
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    rows, columns = (axis + 0.06 * _clouds(size, rng, scale=0.1) for axis in (rows, columns))
    count = int(rng.integers(2, 12))
    middles = rng.uniform(-0.9, 0.9, (count, 2))
    distance = np.stack([np.hypot(rows - row, columns - column) for row, column in middles])
    greys = rng.uniform(30, 130) * (1 + rng.normal(0, rng.uniform(0, 0.25), count))
    fibers = _clouds(size, rng, scale=rng.uniform(0.004, 0.02)) * rng.uniform(1, 12)
    nearest, second = np.partition(distance, 1, axis=0)[:2]
    width = rng.uniform(0.005, 0.04) * np.maximum(1 + _clouds(size, rng, scale=0.1), 0)
    septum = rng.choice([fat, rng.uniform(0, 40), rng.uniform(100, 255)])
    muscles = greys[distance.argmin(axis=0)] + fibers
    return np.asarray(np.where(second - nearest < width, septum, muscles))


def _with_bone(
    picture: _Floats,
    body: NDArray[np.bool_],
    rng: np.random.Generator,
    *,
    fat: float,
    center: _Floats,
) -> _Floats:
    """Lay a bone in: dark cortex about marrow, at times with cartilage or fluid beside it."""
    size = len(picture)
    bone = _rim(size, rng, radius=rng.uniform(0.12, 0.7), center=center)
    if rng.uniform() < 0.4:
        beside = (bone < 1 + rng.uniform(0.05, 0.3)) & (
            _clouds(size, rng, scale=0.15) > rng.uniform(-0.5, 1.0)
        )
        picture = np.where(beside & body, rng.uniform(100, 255), picture)
    marrow = rng.choice([rng.uniform(0, 60), fat, rng.uniform(0, 255), rng.uniform(30, 130)])
    trabeculae = _clouds(size, rng, scale=rng.uniform(0.004, 0.03)) * rng.uniform(0, 20)
    picture = np.where((bone < 1) & body, rng.uniform(0, 40), picture)
    return np.where((bone < 1 - rng.uniform(0.02, 0.2)) & body, marrow + trabeculae, picture)


def _halves(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Turn two scans inside out: what lay at the rim meets in the middle."""
    size = scans.shape[1]
    shift = (rng.uniform(0.3, 0.7, 2) * size).astype(int)
    picture = np.roll(scans[0], shift, axis=(0, 1))
    if rng.uniform() < 0.5:
        other = _turned(scans[1], rng)
        picture = np.maximum(picture, np.roll(other, -shift, axis=(0, 1)))
    return _turned(picture, rng)


def _noise(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Draw clouds, stripes, steps and edges."""
    size = scans.shape[1]
    picture = sum(
        _clouds(size, rng, scale=scale) * rng.uniform(0, 1) for scale in (0.005, 0.02, 0.08, 0.3)
    )
    if rng.uniform() < 0.5:
        points = _turned_grid(size, rng.uniform(0, np.pi), 1.0, (size / 2, size / 2))
        picture = picture + rng.uniform(0.5, 2) * np.sin(points[0] * rng.uniform(0.02, 1.0))
    if rng.uniform() < 0.5:
        picture = np.round(picture * rng.uniform(0.5, 2))
    low, high = np.percentile(picture, (1, 99))
    return np.asarray((picture - low) / max(high - low, 1e-6) * 255)


def _x_rayed(scans: _Floats, rng: np.random.Generator) -> _Floats:
    """Show a head as CT does: bone is white, the brain nearly of one grey, fat as dark as air."""
    size = scans.shape[1]
    scan = _sample(scans[0], _turned_grid(size, 0, rng.uniform(1.0, 1.3), (size / 2, size / 2)))
    brain = brain_within_skull(_to_grey(scan))
    if brain is None:
        brain = binary_fill_holes(gaussian_filter(scan, 1) > FOREGROUND)
    depth = distance_transform_edt(~brain) / size - distance_transform_edt(brain) / size
    wavy = np.clip(1 + 0.3 * _clouds(size, rng, scale=0.15), 0.3, 2)
    inner = -rng.choice([0, rng.uniform(0, 0.1)]) * wavy
    bone = np.exp(rng.uniform(np.log(0.01), np.log(0.08))) * wavy
    scalp = bone + rng.uniform(0, 0.05) * np.clip(1 + 0.5 * _clouds(size, rng, scale=0.1), 0, 3)
    picture = np.where(depth < scalp, _soft_tissue(scan, brain, rng), 0.0)
    picture = np.where((depth < bone) & (depth > inner), rng.uniform(200, 255), picture)
    if rng.uniform() < 0.5:
        picture = _with_base(picture, depth < scalp, rng)
    if rng.uniform() < 0.5:
        rest = _rim(size, rng, radius=rng.uniform(0.8, 1.2), center=np.array([0.1, 0.0]))
        is_rest = (np.abs(rest - 1) < 0.008) & (np.arange(size) > size / 2)[:, None]
        picture = np.where(is_rest & (depth > scalp), rng.uniform(150, 255), picture)
    return np.asarray(gaussian_filter(picture, rng.uniform(0.3, 1.2)))


def _with_base(picture: _Floats, head: NDArray[np.bool_], rng: np.random.Generator) -> _Floats:
    """Put bone and air of the base of the skull, or of a face, into a part of a head."""
    size = len(picture)
    points = _turned_grid(size, rng.uniform(0, 2 * np.pi), 1.0, (size / 2, size / 2))
    edge = size * (rng.uniform(0.3, 0.8) + 0.08 * _clouds(size, rng, scale=0.1))
    part = head & (points[0] > edge)
    cells = _clouds(size, rng, scale=rng.uniform(0.015, 0.06))
    cells = cells + 0.5 * _clouds(size, rng, scale=rng.uniform(0.05, 0.15))
    picture = np.where(part & (cells < rng.uniform(-2, -0.3)), 0.0, picture)
    septa = np.abs(cells - rng.uniform(-0.5, 0.5)) < rng.uniform(0.1, 0.4)
    picture = np.where(part & septa, rng.uniform(200, 255), picture)
    return np.where(part & (cells > rng.uniform(0.8, 2.5)), rng.uniform(200, 255), picture)


def _soft_tissue(scan: _Floats, brain: NDArray[np.bool_], rng: np.random.Generator) -> _Floats:
    """Return the greys of what is neither bone nor air, which differ little in X-rays."""
    smooth = gaussian_filter(scan, rng.uniform(0.3, 1.5))
    inside = smooth[brain] if brain.any() else smooth
    contrast = np.clip((smooth - inside.mean()) / max(float(inside.std()), 1e-6), -2.5, 2.5)
    noise = rng.normal(0, rng.uniform(1, 10), scan.shape)
    within = rng.uniform(40, 170) + rng.choice([-1, 1]) * rng.uniform(2, 20) * contrast + noise
    return np.asarray(np.where(brain, within, rng.uniform(0, 140) + noise))


KINDS: Final[Mapping[str, Callable[[_Floats, np.random.Generator], _Floats]]] = {
    "cut-out": _cut_out,
    "shuffled": _shuffled,
    "warped": _warped,
    "unrolled": _unrolled,
    "organs": _organs,
    "limbs": _limbs,
    "sections": _sections,
    "halves": _halves,
    "x-rayed": _x_rayed,
    "noise": _noise,
}
"""What is done, by name."""

TURNS: Final = (*KINDS, "x-rayed", "x-rayed")
"""The order in which they are made. Head CT is nearest to what must be told from it, so there are
three times as many (decision 0110)."""


def _clouds(size: int, rng: np.random.Generator, *, scale: float) -> _Floats:
    """Return smooth noise of mean 0 and deviation 1 whose clouds have this share of the side."""
    # By Fourier transform, which takes as long for a wide filter as for a narrow one.
    waves = fourier_gaussian(rfft2(rng.normal(size=(size, size))), scale * size, n=size)
    noise = irfft2(waves, s=(size, size))
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-12))


def _blob(
    size: int, rng: np.random.Generator, *, radius: float, center: _Floats
) -> NDArray[np.bool_]:
    """Return an ellipse with a wavy rim; radius and center in halves of the side."""
    rows, columns = _around(size, center)
    waves = _waves(rows, columns, rng, deviation=0.25)
    distance = np.hypot(rows / rng.uniform(0.6, 1.0), columns)
    return np.asarray(distance < radius * (1 + waves))


def _rim(size: int, rng: np.random.Generator, *, radius: float, center: _Floats) -> _Floats:
    """Return the distance from the center as a share of that of a turned, wavy ellipse's rim.

    Radius and center in halves of the side.
    """
    rows, columns = _around(size, center)
    waves = _waves(rows, columns, rng, deviation=0.1)
    turn, stretch = rng.uniform(0, np.pi), rng.uniform(0.6, 1.0)
    across = (np.cos(turn) * rows - np.sin(turn) * columns) / stretch
    along = np.sin(turn) * rows + np.cos(turn) * columns
    return np.asarray(np.hypot(across, along) / (radius * np.maximum(1 + waves, 0.3)))


def _around(size: int, center: _Floats) -> tuple[_Floats, _Floats]:
    """Return how far each row and each column is from a center, in halves of the side."""
    side = np.linspace(-1, 1, size)
    return (side - center[0])[:, None], (side - center[1])[None, :]


def _waves(
    rows: _Floats, columns: _Floats, rng: np.random.Generator, *, deviation: float
) -> _Floats:
    """Return what a wavy rim adds to its radius, by direction: five waves, the finer the smaller.

    The n-th wave is the real part of the n-th power of the direction, as a complex number.
    """
    direction = columns + 1j * rows
    direction /= np.maximum(np.abs(direction), 1e-12)
    waves = np.zeros(direction.shape)
    power = np.ones_like(direction)
    for order in range(1, 6):
        power *= direction
        size, phase = rng.normal(0, deviation / order), rng.uniform(0, 2 * np.pi)
        waves += (size * np.exp(1j * phase) * power).real
    return waves


def _eroded(body: NDArray[np.bool_], pixels: float) -> NDArray[np.bool_]:
    return np.asarray(gaussian_filter(body.astype(np.float64), pixels) > 0.8)


def _turned_grid(
    size: int, angle: float, share: float, center: _Floats | tuple[float, float]
) -> _Floats:
    """Return the points, shape (2, size, size), of a turned window with this share of the side."""
    rows, columns = (np.mgrid[:size, :size] - (size - 1) / 2) * share
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack(
        [center[0] + cosine * rows - sine * columns, center[1] + sine * rows + cosine * columns]
    )


def _turned(picture: _Floats, rng: np.random.Generator) -> _Floats:
    """Turn by a random number of right angles."""
    return np.asarray(np.rot90(picture, int(rng.integers(4))))


def _sample(picture: _Floats, points: _Floats) -> _Floats:
    return np.asarray(map_coordinates(picture, points, order=1, mode="constant"))


def _to_grey(picture: _Floats) -> Canvas:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)
