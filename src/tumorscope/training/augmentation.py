"""Random changes of a training canvas; only the train split ever passes through here.

Geometry: rotation, flip, scale, shift. Anatomy: the skull. Intensity: gamma, bias field, noise,
blur, resolution, JPEG, inversion and a blanked or drawn frame, so that neither archive nor scanner
tells the label.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from tumorscope.imaging.skull import paint_skull, strip_skull

Canvas = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Ranges and chances of every random change.

    Parameters
    ----------
    rotation_degrees, shift_fraction
        Largest rotation (degrees) and shift (share of the canvas) to either side.
    scale
        Smallest and largest zoom.
    flip_chance, turn_chance
        Chance of a left-right mirror, and of an up-down mirror or a quarter turn.
    gamma
        Smallest and largest exponent; drawn evenly on a log scale.
    bias_field, noise
        Largest relative gain of a smooth shading, and standard deviation of the Rician noise as
        a share of full scale.
    blur_chance, resolution_chance, jpeg_chance, inversion_chance, frame_chance
        Chance of each change.
    skull_chance
        Chance that a head loses its skull, or a brain without one is given it.
    """

    rotation_degrees: float = 20.0
    shift_fraction: float = 0.08
    scale: tuple[float, float] = (0.8, 1.2)
    flip_chance: float = 0.5
    turn_chance: float = 0.1
    gamma: tuple[float, float] = (0.6, 1.7)
    bias_field: float = 0.4
    noise: float = 0.05
    blur_chance: float = 0.2
    resolution_chance: float = 0.35
    jpeg_chance: float = 0.4
    inversion_chance: float = 0.02
    frame_chance: float = 0.15
    skull_chance: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)

    def apply(
        self, canvas: Canvas, mask: Canvas | None, rng: Generator
    ) -> tuple[Canvas, Canvas | None]:
        """Draw one changed copy.

        Parameters
        ----------
        canvas
            Shape (size, size), uint8.
        mask
            Shape (size, size), uint8 coverage 0-255, or ``None``.
        rng
            Source of all randomness; the same state gives the same copy.

        Returns
        -------
        canvas, mask
            New arrays of the same shapes; the mask has undergone the same geometry.
        """
        if self.skull_chance and rng.random() < self.skull_chance:
            canvas, mask = _with_other_skull(canvas, mask, rng)
        canvas, mask = self._move(canvas, mask, rng)
        canvas = self._degrade(canvas, rng)
        image = self._shade(canvas.astype(np.float32) / np.float32(255), rng)
        canvas = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        if rng.random() < self.jpeg_chance:
            canvas = _jpeg(canvas, quality=int(rng.integers(25, 95)))
        if rng.random() < self.frame_chance:
            canvas = _frame(canvas, rng)
        return canvas, mask

    def _move(
        self, canvas: Canvas, mask: Canvas | None, rng: Generator
    ) -> tuple[Canvas, Canvas | None]:
        coefficients = self._affine(canvas.shape[0], rng)
        flip, turn = rng.random() < self.flip_chance, rng.random() < self.turn_chance
        quarter = int(rng.integers(0, 4))

        def moved(picture: Canvas) -> Canvas:
            picture = picture[:, ::-1] if flip else picture
            if turn:
                picture = np.rot90(picture, quarter) if quarter else picture[::-1]
            warped = Image.fromarray(np.ascontiguousarray(picture)).transform(
                picture.shape, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
            )
            return np.asarray(warped)

        return moved(canvas), None if mask is None else moved(mask)

    def _affine(self, size: int, rng: Generator) -> tuple[float, ...]:
        angle = np.deg2rad(rng.uniform(-self.rotation_degrees, self.rotation_degrees))
        zoom = rng.uniform(*self.scale) * np.exp(rng.uniform(-0.06, 0.06, 2))  # slight squeeze
        shift = rng.uniform(-self.shift_fraction, self.shift_fraction, 2) * size
        cos, sin, center = np.cos(angle), np.sin(angle), size / 2
        a, b, d, e = cos / zoom[0], sin / zoom[0], -sin / zoom[1], cos / zoom[1]
        c = center - a * (center + shift[0]) - b * (center + shift[1])
        f = center - d * (center + shift[0]) - e * (center + shift[1])
        return tuple(float(value) for value in (a, b, c, d, e, f))

    def _degrade(self, canvas: Canvas, rng: Generator) -> Canvas:
        if rng.random() < self.resolution_chance:
            small = int(canvas.shape[0] * rng.uniform(0.3, 0.9))
            method = Image.Resampling(int(rng.choice([0, 2, 3])))  # nearest, bilinear, bicubic
            picture = Image.fromarray(canvas).resize((small, small), Image.Resampling.BOX)
            canvas = np.asarray(picture.resize(canvas.shape, method))
        if rng.random() < self.blur_chance:
            canvas = gaussian_filter(canvas, rng.uniform(0.4, 1.5))
        return canvas

    def _shade(self, image: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
        low, high = np.log(self.gamma)
        image = image ** np.float32(np.exp(rng.uniform(low, high)))
        image = image * (1 + rng.uniform(0, self.bias_field) * _smooth_field(image.shape, rng))
        image = image * np.float32(rng.uniform(0.75, 1.25))  # windows set too wide or too narrow
        sigma = self.noise * rng.beta(1, 3)
        noise = rng.standard_normal((2, *image.shape), dtype=np.float32) * np.float32(sigma)
        image = np.hypot(image + noise[0], noise[1])  # magnitude images have Rician noise
        if rng.random() < self.inversion_chance:
            image = np.where(image > 0.05, 1.05 - image, image)
        return image.astype(np.float32, copy=False)


def _with_other_skull(
    canvas: Canvas, mask: Canvas | None, rng: Generator
) -> tuple[Canvas, Canvas | None]:
    """Take the skull away or paint one; neither where it is not clear whether there is one."""
    return strip_skull(canvas, mask) or paint_skull(canvas, rng, mask) or (canvas, mask)


def _smooth_field(shape: tuple[int, ...], rng: Generator) -> NDArray[np.float32]:
    """Draw a smooth field in [-1, 1]: a 4 x 4 random grid enlarged to ``shape``."""
    grid = rng.uniform(-1, 1, (4, 4)).astype(np.float32)
    field = Image.fromarray(grid).resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    smooth: NDArray[np.float32] = np.clip(np.asarray(field), -1, 1)
    return smooth


def _jpeg(canvas: Canvas, *, quality: int) -> Canvas:
    buffer = io.BytesIO()
    Image.fromarray(canvas).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer))


def _frame(canvas: Canvas, rng: Generator) -> Canvas:
    """Blank the border or draw a line along it: archives differ in their margins."""
    framed = canvas.copy()
    width, value = int(rng.integers(1, 10)), 0
    if rng.random() < 0.4:
        width, value = int(rng.integers(1, 3)), int(rng.integers(60, 256))
    for side in np.flatnonzero(rng.random(4) < 0.6):
        np.rot90(framed, int(side))[:width] = value
    return framed
