"""The picture of the evidence over the image."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tumorscope.labels import NOTICE

_SAMPLED: Final = 128
"""Rows and columns that the range of grey levels is taken from: 80 pixels are brighter than its
upper end, and all of a larger picture would take longer than drawing it."""

_LEVEL: Final = np.arange(256) / 255
_COLORS: Final = (np.full(256, 255.0), 230 * _LEVEL**2, 40 * _LEVEL**2)
"""Red, green and blue by level. Black over red to yellow: ordered in lightness, so it is read
without telling hues apart."""

_BOX: Final = (0, 255, 255)
"""Cyan: nothing of scan or evidence has it."""

_BAR, _LINE, _FONT = 8, 13, 10
_CHARACTER: Final = 6
"""Width of a character of the font, at most on average."""
_SCALE_WORDS: Final = "evidence from 0 to 1, box around it"
_LEAST_WIDTH: Final = 64
"""Below, words could not be read."""


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
    # Of the evidence its root is kept in 8 bits, so that faint evidence fades without steps.
    root = Image.fromarray((np.sqrt(evidence) * 255 + np.float32(0.5)).astype(np.uint8))
    grey = Image.fromarray(_scale_to_levels(pixels))
    share = root.point(_table(255 * opacity * _LEVEL))
    # A channel at a time: in colour Pillow moves a fourth one along.
    channels = [Image.composite(root.point(_table(one)), grey, share) for one in _COLORS]
    return Image.merge("RGB", channels)


def draw_box(picture: Image.Image, box: Sequence[int]) -> None:
    """Draw the outline of a box into a picture.

    Parameters
    ----------
    box
        First row, first column, last row and last column, which are inside.
    """
    row0, column0, row1, column1 = box
    ImageDraw.Draw(picture).rectangle((column0, row0, column1, row1), outline=_BOX)


def with_scale(picture: Image.Image, *, opacity: float = 0.5) -> Image.Image:
    """Return the picture with the colours of the evidence from 0 to 1, and the notice, below it.

    The rows and columns of the picture stay where they were.
    """
    words = [] if picture.width < _LEAST_WIDTH else [_SCALE_WORDS, NOTICE]
    lines = [
        line for word in words for line in textwrap.wrap(word, max(8, picture.width // _CHARACTER))
    ]
    size = (picture.width, picture.height + _BAR + _LINE * len(lines) + (4 if lines else 0))
    page = Image.new("RGB", size)
    page.paste(picture, (0, 0))
    ramp = np.tile(np.linspace(0, 1, picture.width, dtype=np.float32), (_BAR, 1))
    page.paste(draw_overlay(np.zeros_like(ramp), ramp, opacity=opacity), (0, picture.height))
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(_FONT)
    for number, line in enumerate(lines):
        pen.text((3, picture.height + _BAR + number * _LINE), line, fill="white", font=font)
    return page


def _table(values: NDArray[np.floating[Any]]) -> list[int]:
    """Return a picture's new level by its old one."""
    return [int(level) for level in np.rint(values)]


def _scale_to_levels(pixels: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Stretch all but the darkest and brightest 0.5 % over [0, 255]; a constant becomes 0."""
    step = max(1, min(pixels.shape) // _SAMPLED)
    low, high = np.percentile(pixels[::step, ::step].astype(np.float64), (0.5, 99.5))
    if high <= low:
        low, high = float(pixels.min()), float(pixels.max())
    if high <= low:
        return np.zeros(pixels.shape, np.uint8)
    scaled = (pixels - np.float32(low)) * np.float32(255 / (high - low)) + np.float32(0.5)
    return np.asarray(np.clip(scaled, 0, 255), np.uint8)
