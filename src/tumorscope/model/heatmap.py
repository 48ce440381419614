"""The picture of the evidence over the image."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PNG_EFFORT: Final = 1
"""zlib level of a saved overlay: Pillow's default takes four times as long to save a tenth."""


def draw_overlay(
    pixels: NDArray[np.floating[Any]], evidence: NDArray[np.float32], *, opacity: float = 0.5
) -> Image.Image:
    """Colour the evidence over the grey image.

    Parameters
    ----------
    pixels
        Shape (rows, columns), any range.
    evidence
        Same shape, in [0, 1].
    opacity
        Of the strongest evidence.
    """
    grey = _scale_to_unit(pixels)[..., None] * 255
    # Black over red to yellow: ordered in lightness, so it is read without telling hues apart.
    color = np.stack([np.full_like(evidence, 255), 230 * evidence, 40 * evidence], axis=-1)
    alpha = (opacity * np.sqrt(evidence))[..., None]
    return Image.fromarray(np.rint(grey * (1 - alpha) + color * alpha).astype(np.uint8))


def _scale_to_unit(pixels: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Stretch all but the darkest and brightest 0.5 % over [0, 1]; a constant becomes 0."""
    values = pixels.astype(np.float64)
    low, high = np.percentile(values, (0.5, 99.5))
    if high <= low:
        low, high = values.min(), values.max()
    if high <= low:
        return np.zeros_like(values)
    return np.asarray(np.clip((values - low) / (high - low), 0, 1))
