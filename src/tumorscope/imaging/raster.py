"""PNG, JPEG, BMP, TIFF and WebP: 1 to 32 bits, grey, colour or palette, into grey float."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import Scan

FORMATS: Final = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
_DEEP_MODES: Final = frozenset({"I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
"""Grey modes with more than 8 bits: converting them to 8 would clip."""

_MULTI_PAGE_FORMATS: Final = frozenset({"TIFF"})


def read_raster(content: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every page of an encoded picture.

    Returns
    -------
    list of Scan
        One per page; more than one only for TIFF, which then form a series.

    Raises
    ------
    ImageError
        If the picture is damaged, too large or of another format.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
                pages = [_page(page, limits) for page in _pages(picture, limits)]
        except ImageError:
            raise
        except UnidentifiedImageError as error:
            raise UnsupportedFormatError(
                "The content looks like a picture but is not a PNG, JPEG, BMP, TIFF or WebP."
            ) from error
        # Pillow's decoders raise these and more on damaged content; none is a fault of ours.
        except Exception as error:
            raise CorruptImageError(f"The picture cannot be decoded: {_reason(error)}.") from error
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


def from_pil(picture: Image.Image, source: str) -> Scan:
    """Take a PIL image as it is."""
    return Scan(_grey(ImageOps.exif_transpose(picture)), source)


def from_array(array: NDArray[np.generic], source: str) -> Scan:
    """Take an array of shape (rows, columns) or (rows, columns, 1, 3 or 4), real dtype.

    Colour is weighed into luma (ITU-R BT.601) as for a colour file; a fourth channel is ignored.
    """
    if array.dtype.kind not in "buif":
        raise UnsupportedFormatError(f"An array of real numbers is needed; received {array.dtype}.")
    if array.ndim == 3 and array.shape[2] in (1, 3, 4):
        if array.dtype == np.uint8 and array.shape[2] > 1:
            return from_pil(Image.fromarray(np.ascontiguousarray(array[..., :3])), source)
        values = array.astype(np.float32)
        luma = np.array([0.299, 0.587, 0.114], np.float32)
        return Scan(values[..., 0] if array.shape[2] == 1 else values[..., :3] @ luma, source)
    if array.ndim != 2:
        raise UnsupportedFormatError(
            "An array of shape (rows, columns) or (rows, columns, 3) is needed; received shape "
            f"{array.shape}."
        )
    return Scan(array.astype(np.float32), source)


def _pages(picture: Image.Image, limits: Limits) -> Iterator[Image.Image]:
    frames = getattr(picture, "n_frames", 1) if picture.format in _MULTI_PAGE_FORMATS else 1
    limits.check_picture(picture.height, picture.width, frames)
    if frames == 1:
        yield picture
    else:
        yield from ImageSequence.Iterator(picture)


def _page(page: Image.Image, limits: Limits) -> NDArray[np.float32]:
    limits.check_picture(page.height, page.width)
    page.load()
    return _grey(ImageOps.exif_transpose(page))


def _grey(picture: Image.Image) -> NDArray[np.float32]:
    if picture.mode in _DEEP_MODES:
        return np.asarray(picture).astype(np.float32)
    if "transparency" in picture.info or picture.mode in ("LA", "PA", "RGBA", "La", "RGBa"):
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
