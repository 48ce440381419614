"""Whether a page of a TIFF has as many strips or tiles as its size takes."""

from __future__ import annotations

from math import ceil
from typing import Any, Final

from tumorscope.errors import CorruptImageError

_WIDTH, _LENGTH, _SAMPLES, _PLANAR = 256, 257, 277, 284
_STRIP_OFFSETS, _ROWS_PER_STRIP = 273, 278
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS = 322, 323, 324
_SEPARATE: Final = 2
"""TIFF 6.0: tags and one of their values."""


def check_pieces(tags: Any) -> None:
    """Refuse a page that lacks strips or tiles.

    Decoders leave what they do not find black, so a damaged size would be answered as a large
    picture without content, and a small file would take any allowed amount of memory.

    Parameters
    ----------
    tags
        Values by the number of their tag, as Pillow's ``tag_v2``; without a size nothing is
        checked.

    Raises
    ------
    CorruptImageError
        If strips or tiles are missing.
    """
    rows, columns = int(tags.get(_LENGTH, 0)), int(tags.get(_WIDTH, 0))
    is_tiled = _TILE_OFFSETS in tags
    there = len(tags.get(_TILE_OFFSETS if is_tiled else _STRIP_OFFSETS, ()))
    if is_tiled:
        height, width = int(tags.get(_TILE_LENGTH, 0)), int(tags.get(_TILE_WIDTH, 0))
        needed = ceil(rows / max(1, height)) * ceil(columns / max(1, width))
    else:
        needed = ceil(rows / max(1, int(tags.get(_ROWS_PER_STRIP, rows))))
    if tags.get(_PLANAR) == _SEPARATE:
        needed *= int(tags.get(_SAMPLES, 1))
    if there < needed:
        raise CorruptImageError(
            f"The TIFF has {there:,} of the {needed:,} {'tiles' if is_tiled else 'strips'} that "
            f"{rows:,} rows and {columns:,} columns take; it is damaged."
        )
