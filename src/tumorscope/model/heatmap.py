"""The picture of the evidence over the image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


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
    low, high = np.percentile(pixels, (0.5, 99.5))
    grey = np.clip((pixels - low) / max(high - low, 1e-6), 0, 1)[..., None] * 255
    # Black over red to yellow: ordered in lightness, so it is read without telling hues apart.
    color = np.stack([np.full_like(evidence, 255), 230 * evidence, 40 * evidence], axis=-1)
    alpha = (opacity * np.sqrt(evidence))[..., None]
    return Image.fromarray(np.rint(grey * (1 - alpha) + color * alpha).astype(np.uint8))
