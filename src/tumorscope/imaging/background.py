"""Pixels without a value become background."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import ImageContentError


def fill_background(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return values as float32, with the least of them for each that is not finite.

    Masking tools write NaN, and divisions infinity, where there is no head. Values that are float32
    and finite are returned as they are, not copied: a file's frames take memory enough once.

    Raises
    ------
    ImageContentError
        If none of them is finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.asarray(values).astype(np.float32, copy=False)
    finite = np.isfinite(numbers)
    if finite.all():
        return numbers
    if not finite.any():
        raise ImageContentError("The image holds only NaN or infinite values; there is no picture.")
    return np.where(finite, numbers, numbers[finite].min())


def fill_backgrounds(pictures: Sequence[NDArray[Any]]) -> list[NDArray[np.float32]]:
    """Fill the background of the pictures of one file.

    One that holds no value at all is blank, as slices beyond the head are, while another does.

    Raises
    ------
    ImageContentError
        If none of them holds a finite value.
    """
    if len(pictures) == 1 or not any(np.isfinite(one).any() for one in pictures):
        return [fill_background(one) for one in pictures]
    return [
        fill_background(one) if np.isfinite(one).any() else np.zeros(one.shape, np.float32)
        for one in pictures
    ]
