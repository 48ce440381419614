"""Voxels behind a text header or in a file beside it, unpacked within bounds."""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, ImageTooLargeError
from tumorscope.imaging.limits import MEBIBYTE, Limits

Companion = Callable[[str], bytes]
"""Returns the content of a file in the same folder by its bare name; raises ImageError."""

_MAX_TEXT: Final = 32 * MEBIBYTE
"""Bytes of voxels written as digits; each becomes an object of its own on the way."""


def unpack(packed: bytes, method: str, needed: int, limits: Limits, name: str) -> bytes:
    """Return the first ``needed`` bytes of a compressed stream.

    Parameters
    ----------
    method
        ``gzip``, ``zlib`` or ``bzip2``.

    Raises
    ------
    ImageError
        If the stream is damaged, too short, or over a limit.
    """
    allowed = min(limits.max_bytes, limits.max_unpacked(len(packed)))
    if needed > allowed:
        raise ImageTooLargeError(
            f"The {name} file's {len(packed):,} bytes are to unpack to {needed:,}; {allowed:,} are "
            "allowed."
        )
    try:
        # One byte more, so that the end of the stream is reached and its checksum looked at.
        if method == "bzip2":
            bz2_stream = bz2.BZ2Decompressor()
            plain, ended = bz2_stream.decompress(packed, needed + 1), bz2_stream.eof
        else:
            zlib_stream = zlib.decompressobj(zlib.MAX_WBITS | (16 if method == "gzip" else 0))
            plain, ended = zlib_stream.decompress(packed, needed + 1), zlib_stream.eof
    except (zlib.error, OSError, ValueError, EOFError) as error:
        raise CorruptImageError(f"The {name} file's compressed voxels are damaged.") from error
    if len(plain) > needed:
        raise CorruptImageError(
            f"The {name} file holds more compressed voxels than its header says; it is damaged."
        )
    if len(plain) < needed or not ended:
        raise CorruptImageError(f"The {name} file's compressed voxels are truncated.")
    return plain


def take(content: bytes, dtype: np.dtype[Any], count: int, name: str) -> NDArray[Any]:
    """Return ``count`` values from the beginning of some bytes.

    Raises
    ------
    CorruptImageError
        If there are fewer.
    """
    needed = count * dtype.itemsize
    if len(content) < needed:
        raise CorruptImageError(
            f"The {name} file has {len(content):,} of {needed:,} bytes of voxels; it is truncated."
        )
    return np.frombuffer(content, dtype, count)


def parse_digits(content: bytes, count: int, name: str) -> NDArray[np.float64]:
    """Return ``count`` values that are written as text.

    Raises
    ------
    ImageError
        If there are fewer, they are no numbers, or they are too many to be read as text.
    """
    if len(content) > _MAX_TEXT:
        raise ImageTooLargeError(
            f"The {name} file has {len(content):,} bytes of voxels as text; {_MAX_TEXT:,} are read."
        )
    try:
        values = np.array(content.split(maxsplit=count)[:count], dtype=np.float64)
    except ValueError as error:
        raise CorruptImageError(f"The {name} file's voxels are not numbers.") from error
    if values.size < count:
        raise CorruptImageError(
            f"The {name} file has {values.size:,} of {count:,} voxels; it is truncated."
        )
    return values
