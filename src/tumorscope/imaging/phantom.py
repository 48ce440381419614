"""Made-up axial head slices with and without a bright lesion: the bundled samples.

They are drawn from ellipses and smooth noise, so nobody's scan has to be shipped. They look
enough like a contrast-enhanced T1 slice to try every door of the program on, and say nothing about
how well the model does on patients.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Grey = NDArray[np.float32]

SIZE: Final = 256

RIM_SOFTNESS: Final = 0.015
"""Of a lesion's ring, as a share of the image: sharper ones look more like a bone's cortex."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """A ring-enhancing lesion.

    Parameters
    ----------
    center
        (row, column) as shares of the image.
    radius
        Share of the image.
    """

    center: tuple[float, float] = (0.42, 0.63)
    radius: float = 0.085


SAMPLES: Final[dict[str, Lesion | None]] = {
    "phantom_with_lesion": Lesion(),
    "phantom_without_lesion": None,
}
"""Names of the bundled samples."""


def head_phantom(
    *, lesion: Lesion | None = None, seed: int = 0, size: int = SIZE
) -> NDArray[np.uint8]:
    """Draw one slice.

    Parameters
    ----------
    lesion
        Where to put a lesion; ``None`` for none.
    seed
        Of the texture.
    size
        Side in pixels.

    Returns
    -------
    ndarray
        Shape (size, size), uint8.
    """
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32) / np.float32(size)
    head = _ellipse(rows, columns, (0.5, 0.5), (0.44, 0.36))
    skull = _ellipse(rows, columns, (0.5, 0.5), (0.415, 0.335))
    brain = _ellipse(rows, columns, (0.5, 0.5), (0.385, 0.305))
    image = 0.75 * (head - skull) + 0.12 * (skull - brain) + 0.38 * brain
    image += brain * (0.07 * _noise(rng, size, 28) + 0.05 * _noise(rng, size, 60))
    image -= 0.22 * brain * _ventricles(rows, columns)
    image -= 0.18 * brain * np.exp(-(((columns - 0.5) / 0.006) ** 2)) * (np.abs(rows - 0.5) > 0.2)
    if lesion is not None:
        image = _with_lesion(image, rows, columns, lesion)
    image = image * (1 + 0.08 * _noise(rng, size, 3))
    image = image + 0.012 * rng.standard_normal(image.shape)
    drawn: NDArray[np.uint8] = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    return drawn


def _with_lesion(image: Grey, rows: Grey, columns: Grey, lesion: Lesion) -> Grey:
    radius = lesion.radius
    outer = _ellipse(rows, columns, lesion.center, (radius, radius), soft=RIM_SOFTNESS)
    core = (0.55 * radius, 0.55 * radius)
    inner = _ellipse(rows, columns, lesion.center, core, soft=RIM_SOFTNESS)
    edema = _ellipse(rows, columns, lesion.center, (1.7 * radius, 1.6 * radius), soft=0.04)
    image = image * (1 - 0.25 * edema)
    image = image * (1 - outer) + 0.8 * outer
    return image * (1 - inner) + 0.3 * inner


def _ventricles(rows: Grey, columns: Grey) -> Grey:
    left = _ellipse(rows, columns, (0.47, 0.455), (0.11, 0.022), soft=0.01)
    right = _ellipse(rows, columns, (0.47, 0.545), (0.11, 0.022), soft=0.01)
    return np.maximum(left, right)


def _ellipse(
    rows: Grey,
    columns: Grey,
    center: tuple[float, float],
    radii: tuple[float, float],
    soft: float = 0.006,
) -> Grey:
    """Return 1 inside, 0 outside, with an edge of about ``soft``."""
    distance = np.hypot((rows - center[0]) / radii[0], (columns - center[1]) / radii[1])
    edge = (1 - distance) * (min(radii) / soft)
    inside = 1 / (1 + np.exp(-np.clip(4 * edge, -50, 50)))
    return np.asarray(inside, dtype=np.float32)


def _noise(rng: np.random.Generator, size: int, cells: int) -> Grey:
    grid = rng.standard_normal((cells, cells)).astype(np.float32)
    picture = Image.fromarray(grid).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(picture)
