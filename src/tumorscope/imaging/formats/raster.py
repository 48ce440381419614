"""PNG, JPEG, BMP, TIFF and WebP: 1 to 32 bits, grey, colour or palette, into grey float."""

from __future__ import annotations

import ctypes
import functools
import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin, UnidentifiedImageError, _imaging

from tumorscope.errors import (
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from tumorscope.imaging.background import fill_backgrounds
from tumorscope.imaging.formats.deep_color import read_deep_color
from tumorscope.imaging.formats.tiff_pieces import check_pieces, check_stack, is_extra
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.luma import LUMA
from tumorscope.imaging.quiet import quiet
from tumorscope.imaging.scan import Scan

Result = TypeVar("Result")

FORMATS: Final = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")

_PNG_MAGIC: Final = b"\x89PNG\r\n\x1a\n"

_LOGGERS: Final = ("PIL", "PIL.Image", "PIL.PngImagePlugin", "PIL.TiffImagePlugin")
"""Where Pillow reports; a filter is needed at each, for it does not hold for those below."""

_DEEP_MODES: Final = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
"""Grey modes with more than 8 bits: converting them to 8 would clip."""

_TRANSPARENT_MODES: Final = frozenset({"LA", "PA", "RGBA", "RGBa"})
_OPAQUE_MODES: Final = frozenset({"1", "L", "P", "RGB", "RGBX", "CMYK", "YCbCr", "HSV"})


_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_UNSIGNED, _SIGNED = 1, 2
_WHITE_IS_ZERO: Final = 0
"""TIFF 6.0: tags BitsPerSample, PhotometricInterpretation, SampleFormat and some of their values
(section 8 and pages 37 and 80)."""

_FLOATS_OF_64: Final = (TiffImagePlugin.II, 1, (3,), 1, (64,), ())
"""TIFF in which NumPy's usual floats are stored: little-endian, black is zero, floating point, rows
from the top, 64 bits. Pillow decodes these and lacks the line that says so."""

TiffImagePlugin.OPEN_INFO.setdefault(_FLOATS_OF_64, ("F", "F;64F"))


def read_raster(content: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every page of an encoded picture.

    Of animations only the first picture is read. Colour becomes luma, what is transparent becomes
    black, the orientation noted in EXIF is applied, and no value is clipped.

    Returns
    -------
    list of Scan
        One per page; more than one only for TIFF, whose pages then form a series.

    Raises
    ------
    ImageError
        If the picture is damaged, too large or of another format.
    """
    try:
        pages = _quietly(lambda: _read_pages(content, limits), limits)
    except UnidentifiedImageError as error:
        raise UnsupportedFormatError(
            "The content starts like an image but cannot be read: its header is damaged, or it "
            "is a rare kind of TIFF or BMP. Save it as PNG or as TIFF of 16-bit integers."
        ) from error
    several = len(pages) > 1
    return [
        Scan(
            pixels,
            source,
            slice_index=index if several else None,
            series_uid=source if several else None,
            position_mm=float(index) if several else None,
        )
        for index, pixels in enumerate(pages)
    ]


def from_pil(picture: Image.Image, source: str, limits: Limits = DEFAULT_LIMITS) -> Scan:
    """Take a PIL image, of several pages the current one.

    Raises
    ------
    ImageError
        If the image is too large, or is still to be loaded from a damaged file.
    """
    return Scan(_quietly(lambda: _read_page(picture, limits), limits), source)


_CHANNELS: Final = (1, 3, 4)
MIN_SIDE: Final = 16
"""Pixels of the smallest image that is analyzed; a shorter side is one of channels."""


def from_array(array: NDArray[Any], source: str, limits: Limits = DEFAULT_LIMITS) -> Scan:
    """Take an array of shape (rows, columns), or with 1, 3 or 4 channels last or first, real dtype.

    The result is that of a file with the same values: colour is weighed into luma; a fourth
    channel of 8 bits is opacity, of other depths it is ignored; ``True`` is white.

    Raises
    ------
    ImageError
        If the array is of another shape or dtype, or too large.
    """
    if array.dtype.kind not in "buif":
        raise UnsupportedFormatError(f"An array of real numbers is needed; received {array.dtype}.")
    if array.ndim == 3 and array.shape[0] in _CHANNELS and min(array.shape[1:]) >= MIN_SIDE:
        array = np.moveaxis(array, 0, 2)  # as PyTorch has it
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    is_color = array.ndim == 3 and array.shape[2] in (3, 4)
    if array.ndim != 2 and not is_color:
        raise UnsupportedFormatError(
            "An array of shape (rows, columns) or (rows, columns, 3) is needed; received shape "
            f"{array.shape}. A volume is given as tumorscope.Volume(array, spacing_mm)."
        )
    limits.check_picture(array.shape[0], array.shape[1])
    if is_color and array.dtype == np.uint8:
        return from_pil(Image.fromarray(np.ascontiguousarray(array)), source, limits)
    # Infinities that appear here are found when the picture is checked.
    with np.errstate(over="ignore", invalid="ignore"):
        values = array.astype(np.float32)
        if is_color:
            values = values[..., :3] @ LUMA
    return Scan(values * np.float32(255) if array.dtype.kind == "b" else values, source)


def _quietly(read: Callable[[], Result], limits: Limits) -> Result:
    _quiet_libtiff()
    with quiet(*_LOGGERS):
        try:
            return read()
        except (ImageError, UnidentifiedImageError):
            raise
        except Image.DecompressionBombError as error:
            raise ImageTooLargeError(
                "The image says it has far more pixels than could be decoded safely; the limit is "
                f"{limits.max_pixels:,} pixels."
            ) from error
        # Pillow's decoders raise all sorts of classes on damaged content.
        except Exception as error:
            raise CorruptImageError(f"The image cannot be decoded: {_reason(error)}.") from error


@functools.cache
def _quiet_libtiff() -> None:
    """Keep libtiff, alone of Pillow's codecs, from writing to the terminal what it finds."""
    try:
        library = ctypes.CDLL(_imaging.__file__)
        for name in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):
            set_handler = getattr(library, name)
            set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            set_handler(None)
    except (AttributeError, OSError):
        return  # a Pillow built in another way; its readers work all the same


def _check_png(content: bytes) -> None:
    """Check the checksums of the chunks that a picture needs, which Pillow leaves out."""
    position = len(_PNG_MAGIC)
    while position + 12 <= len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        name = content[position + 4 : position + 8]
        end = position + 8 + length
        stated = content[end : end + 4]
        # The names of critical chunks begin with a capital.
        if name[:1].isupper() and len(stated) == 4:
            found = zlib.crc32(memoryview(content)[position + 4 : end])
            if found != int.from_bytes(stated, "big"):
                raise CorruptImageError("The PNG's checksum is wrong; the file is damaged.")
        if name == b"IEND":
            return
        position = end + 4


def _read_pages(content: bytes, limits: Limits) -> list[NDArray[np.float32]]:
    if content.startswith(_PNG_MAGIC):
        _check_png(content)
    with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
        first = dict(getattr(picture, "tag_v2", {}))
        found: list[NDArray[np.float32]] = []
        extra: list[NDArray[np.float32]] = []
        for page in _iterate_pages(picture, limits):
            pages = extra if is_extra(getattr(page, "tag_v2", {})) else found
            pages.append(_read_file_page(page, content, limits))
    check_stack(first, len(found) + len(extra))
    return fill_backgrounds(found or extra)


def _read_file_page(page: Image.Image, content: bytes, limits: Limits) -> NDArray[np.float32]:
    limits.check_picture(page.height, page.width)
    check_pieces(getattr(page, "tag_v2", {}))
    deep = read_deep_color(page, content)
    return _read_page(page, limits) if deep is None else deep


def _iterate_pages(picture: Image.Image, limits: Limits) -> Iterator[Image.Image]:
    """Seek page by page: counting them first would walk through a hostile file unchecked."""
    yield picture
    pixels = picture.width * picture.height
    for index in range(1, limits.max_frames + 1):
        try:
            if picture.format != "TIFF":
                return
            picture.seek(index)
        except EOFError:
            return
        pixels += picture.width * picture.height
        if index == limits.max_frames or pixels > limits.max_voxels:
            limits.check_picture(picture.height, picture.width, index + 1)
            raise ImageTooLargeError(
                f"The TIFF's pages have more than {limits.max_voxels:,} pixels together."
            )
        yield picture


def _read_page(page: Image.Image, limits: Limits) -> NDArray[np.float32]:
    limits.check_picture(page.height, page.width)
    page.load()
    tags = getattr(page, "tag_v2", {})
    upright = ImageOps.exif_transpose(page)
    if upright.mode in _DEEP_MODES:
        return _deep_grey(upright, tags)
    if tags.get(_SAMPLE_FORMAT) == (_SIGNED,) and upright.mode == "L":
        return np.asarray(upright).view(np.int8).astype(np.float32)
    return _grey(upright)


def _deep_grey(picture: Image.Image, tags: Any) -> NDArray[np.float32]:
    values = np.asarray(picture)
    unsigned = tags.get(_SAMPLE_FORMAT, (_UNSIGNED,)) == (_UNSIGNED,)
    if values.dtype == np.int32 and tags.get(_BITS) == (32,) and unsigned:
        values = values.view(np.uint32)  # Pillow has no mode for these
    grey = values.astype(np.float32)
    return grey.max() - grey if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey


def _grey(picture: Image.Image) -> NDArray[np.float32]:
    if picture.mode not in _OPAQUE_MODES | _TRANSPARENT_MODES:
        raise UnsupportedFormatError(
            f"The image's color mode {picture.mode} is not supported; save it as gray or RGB."
        )
    if "transparency" in picture.info or picture.mode in _TRANSPARENT_MODES:
        # What is transparent is shown black, the background of a scan.
        picture = picture.convert("RGBA")
        black = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(black, picture)
    if picture.mode == "P":
        picture = picture.convert("RGB")
    return np.asarray(picture.convert("L"), dtype=np.float32)


def _reason(error: Exception) -> str:
    text = str(error).strip().rstrip(".")
    return text[:200] if text and "\n" not in text and "0x" not in text else type(error).__name__
