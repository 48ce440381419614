"""Colour with 16 bits a channel, of which Pillow keeps the upper 8.

A scan of 12 bits that was saved as colour would be left with 16 shades of grey. Pillow's decoders
read it twice, for the upper and for the lower bytes; planes that lie one behind the other in a
TIFF are read as a grey picture each.
"""

from __future__ import annotations

import io
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.errors import CorruptImageError, UnsupportedFormatError
from tumorscope.imaging.luma import LUMA

_LOWER: Final = {
    "RGB;16B": "RGB;16L",
    "RGB;16L": "RGB;16B",
    "RGB;16N": "RGB;16B",
    "RGBA;16B": "RGBA;16L",
    "RGBA;16L": "RGBA;16B",
    "RGBA;16N": "RGBA;16B",
    "RGBX;16B": "RGBX;16L",
    "RGBX;16L": "RGBX;16B",
    "RGBX;16N": "RGBX;16B",
}
"""Pillow's raw mode that takes the other byte of each sample. ``N`` is the machine's own order."""

_GREY_ALPHA: Final = "LA;16B"

_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 258, 259, 262, 266
_STRIP_OFFSETS, _ORIENTATION, _ROWS_PER_STRIP, _STRIP_BYTES = 273, 274, 278, 279
_PLANAR, _PREDICTOR, _TILE_WIDTH, _TILE_LENGTH = 284, 317, 322, 323
_TILE_OFFSETS, _TILE_BYTES, _EXTRA, _SAMPLE_FORMAT = 324, 325, 338, 339
_WIDTH, _LENGTH, _SAMPLES = 256, 257, 277
_SEPARATE, _RGB, _BLACK_IS_ZERO, _UNSIGNED, _UNASSOCIATED = 2, 2, 1, 1, 2
"""TIFF 6.0: tags and some of their values."""

_COMPRESSIONS: Final = (1, 5, 8, 32773, 32946)
"""None, LZW, Deflate (two numbers) and PackBits."""

_LONG, _SHORT = 4, 3
_SHORTS: Final = frozenset({_BITS, _PHOTOMETRIC, _SAMPLES, _COMPRESSION, _FILL_ORDER, _PREDICTOR})
"""Types of values, and the tags whose one value is of the shorter type."""

_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF orientation, as Pillow's own ``exif_transpose``."""


def read_deep_color(page: Image.Image, content: bytes) -> NDArray[np.float32] | None:
    """Read the current page of a file that was opened but not loaded, if it is of this kind.

    Returns
    -------
    ndarray or None
        Luma, shape (rows, columns), float32 in [0, 65535]; ``None`` for pictures of other kinds.

    Raises
    ------
    ImageError
        If the picture is damaged or of a kind that would come out wrong.
    """
    tags = getattr(page, "tag_v2", {})
    if _is_deep(tags) and tags.get(_PLANAR) == _SEPARATE:
        samples = _read_planes(tags, content)
    else:
        found = _read_twice(page, content)
        if found is None:
            return None
        samples = found
    grey = samples[..., 0] if samples.shape[2] < 3 else samples[..., :3] @ LUMA
    if samples.shape[2] in (2, 4) and _has_alpha(page, tags):
        grey = grey * (samples[..., -1] / np.float32(65535))  # what is transparent is shown black
    return _upright(grey, page)


def _is_deep(tags: Any) -> bool:
    bits = tags.get(_BITS) or ()
    return len(bits) > 1 and max(bits) > 8


def _has_alpha(page: Image.Image, tags: Any) -> bool:
    return page.format != "TIFF" or tags.get(_EXTRA, (0,))[0] == _UNASSOCIATED


def _read_twice(page: Image.Image, content: bytes) -> NDArray[np.float32] | None:
    tiles = getattr(page, "tile", ())
    modes = {_raw_mode(tile.args) for tile in tiles}
    if len(modes) != 1:
        return None
    mode = str(modes.pop())
    if mode == _GREY_ALPHA:  # two samples of two bytes are read as four of one
        four = _load_as(page, content, "RGBA", "RGBA")
        return np.dstack([256 * four[..., at] + four[..., at + 1] for at in (0, 2)])
    if mode not in _LOWER:
        return None
    upper = _load_as(page, content, page.mode, mode)
    return 256 * upper + _load_as(page, content, page.mode, _LOWER[mode])


def _raw_mode(args: Any) -> Any:
    return args[0] if isinstance(args, tuple) and args else args


def _load_as(page: Image.Image, content: bytes, mode: str, raw_mode: str) -> NDArray[np.float32]:
    with Image.open(io.BytesIO(content), formats=(str(page.format),)) as other:
        if page.format == "TIFF":
            other.seek(page.tell())
        other._mode = mode
        other.tile = [
            tile._replace(
                args=(raw_mode, *tile.args[1:]) if isinstance(tile.args, tuple) else raw_mode
            )
            for tile in other.tile
        ]
        other.load()
        return np.asarray(other, dtype=np.float32)


def _read_planes(tags: Any, content: bytes) -> NDArray[np.float32]:
    count = int(tags.get(_SAMPLES, 1))
    known = (
        tags.get(_PHOTOMETRIC) == _RGB
        and set(tags.get(_BITS, ())) == {16}
        and set(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))) == {_UNSIGNED}
        and tags.get(_COMPRESSION, 1) in _COMPRESSIONS
        and count in (3, 4)
    )
    if not known:
        raise UnsupportedFormatError(
            "The TIFF keeps the channels of its picture apart in a way that is not read; save it "
            "with interleaved channels."
        )
    tiled = _TILE_OFFSETS in tags
    offsets = tags.get(_TILE_OFFSETS if tiled else _STRIP_OFFSETS, ())
    sizes = tags.get(_TILE_BYTES if tiled else _STRIP_BYTES, ())
    share = len(offsets) // count
    if share < 1 or len(offsets) != len(sizes) or len(offsets) != share * count:
        raise CorruptImageError("The TIFF's channels are not all there; it is damaged.")
    # Pieces that overlap could take any multiple of the file's size in memory.
    if sum(sizes) > len(content):
        raise CorruptImageError("The TIFF's channels are longer than the file; it is damaged.")
    planes = []
    for number in range(count):
        part = slice(number * share, (number + 1) * share)
        pieces = [
            content[start : start + size]
            for start, size in zip(offsets[part], sizes[part], strict=True)
        ]
        planes.append(_read_plane(tags, pieces, tiled=tiled))
    return np.dstack(planes)


def _read_plane(tags: Any, pieces: list[bytes], *, tiled: bool) -> NDArray[np.float32]:
    """Decode one channel as the grey TIFF that its pieces make."""
    with Image.open(io.BytesIO(_grey_tiff(tags, pieces, tiled=tiled)), formats=("TIFF",)) as plane:
        plane.load()
        return np.asarray(plane, dtype=np.float32)


def _grey_tiff(tags: Any, pieces: list[bytes], *, tiled: bool) -> bytes:
    """Write a TIFF of one directory, 16 bits and one sample around pieces of another file."""
    copied = (_WIDTH, _LENGTH, _COMPRESSION, _FILL_ORDER, _PREDICTOR)
    layout = (_TILE_WIDTH, _TILE_LENGTH) if tiled else (_ROWS_PER_STRIP,)
    entries = {tag: [int(tags[tag])] for tag in (*copied, *layout) if tag in tags}
    entries |= {_BITS: [16], _PHOTOMETRIC: [_BLACK_IS_ZERO], _SAMPLES: [1]}
    places, lengths = (_TILE_OFFSETS, _TILE_BYTES) if tiled else (_STRIP_OFFSETS, _STRIP_BYTES)
    entries[lengths] = [len(piece) for piece in pieces]
    entries[places] = [0] * len(pieces)
    order = "<" if tags.prefix[:2] == b"II" else ">"
    start = len(_directory(entries, order))  # which does not change with the places
    ends = np.cumsum([start, *entries[lengths]])[:-1]
    entries[places] = ends.tolist()
    return _directory(entries, order) + b"".join(pieces)


def _directory(entries: dict[int, list[int]], order: str) -> bytes:
    """Write header and directory of a TIFF whose values are all 32 bits. TIFF 6.0 section 2."""
    after = 8 + 2 + 12 * len(entries) + 4
    table, values = b"", b""
    for tag, numbers in sorted(entries.items()):
        packed = struct.pack(f"{order}{len(numbers)}I", *numbers)
        if len(numbers) > 1:
            place = after + len(values)
            values += packed
            packed = struct.pack(f"{order}I", place)
        # SHORT values stand at the beginning of their four bytes.
        if len(numbers) == 1 and tag in _SHORTS:
            packed = struct.pack(f"{order}HH", numbers[0], 0)
        kind = _SHORT if tag in _SHORTS else _LONG
        table += struct.pack(f"{order}HHI", tag, kind, len(numbers)) + packed
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HIH", 42, 8, len(entries))
    return head + table + bytes(4) + values


def _upright(grey: NDArray[np.float32], page: Image.Image) -> NDArray[np.float32]:
    method = _TRANSPOSE.get(page.getexif().get(_ORIENTATION, 1))
    if method is None:
        return np.asarray(grey, np.float32)
    return np.asarray(Image.fromarray(np.asarray(grey, np.float32)).transpose(method))
