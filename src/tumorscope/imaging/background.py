"""Pixels without a value become background."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import ImageContentError


def fill_background(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return values as float32, with the least of them for each that is not finite.

    Masking tools write NaN, and divisions infinity, where there is no head.

    Raises
    ------
    ImageContentError
        If none of them is finite.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        numbers = np.asarray(values).astype(np.float32)
    finite = np.isfinite(numbers)
    if finite.all():
        return numbers
    if not finite.any():
        raise ImageContentError("The image holds only NaN or infinite values; there is no picture.")
    numbers[~finite] = numbers[finite].min()
    return numbers
