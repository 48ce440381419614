"""What the tags of a TIFF say of its pages: whether they are whole, and pictures of their own."""

from __future__ import annotations

import re
from math import ceil
from typing import Any, Final

from tumorscope.errors import CorruptImageError, UnsupportedFormatError

_WIDTH, _LENGTH, _SAMPLES, _PLANAR = 256, 257, 277, 284
_STRIP_OFFSETS, _ROWS_PER_STRIP = 273, 278
_TILE_WIDTH, _TILE_LENGTH, _TILE_OFFSETS = 322, 323, 324
_SEPARATE: Final = 2
"""TIFF 6.0: tags and one of their values."""

_KIND, _REDUCED, _MASK = 254, 1, 4
"""Tag NewSubfileType, and its bits for a smaller copy and for a transparency mask."""

_DESCRIPTION, _DEPTH = 270, 32997
_IMAGEJ_IMAGES: Final = re.compile(r"^images=(\d{1,9})\s*$", re.MULTILINE)
"""Where ImageJ, and writers of volumes, say how many slices stand behind one page's tags."""


def is_extra(tags: Any) -> bool:
    """Tell whether a page is no picture of its own: a smaller copy of another, or its mask."""
    kind = tags.get(_KIND, 0)
    return isinstance(kind, int) and bool(kind & (_REDUCED | _MASK))


def check_stack(tags: Any, pages: int) -> None:
    """Refuse a file whose one page stands for several slices, of which only the first is seen.

    Parameters
    ----------
    tags
        Of the first page, by number.
    pages
        Pages that the file has.

    Raises
    ------
    UnsupportedFormatError
        If there are more slices than pages.
    """
    depth = tags.get(_DEPTH, 1)
    text = tags.get(_DESCRIPTION, "")
    stated = _IMAGEJ_IMAGES.search(text) if str(text).startswith("ImageJ=") else None
    slices = max(depth if isinstance(depth, int) else 1, int(stated[1]) if stated else 1)
    if pages == 1 < slices:
        raise UnsupportedFormatError(
            f"The TIFF has {slices:,} slices behind the header of one page, of which only the "
            "first would be seen; save it with a page for each slice, or as NIfTI (.nii.gz)."
        )


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
