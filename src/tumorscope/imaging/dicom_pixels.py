"""Stored pixels of a DICOM data set, frame by frame, whatever they are compressed with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging import gdcm_process
from tumorscope.imaging.codestream import FrameHeader, read_frame_header

PIXEL_KEYWORDS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

_PILLOW_SYNTAXES: Final = (uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEG2000)

_JPEG_BITS_OF_PILLOW: Final = 8

_MAX_EXPANSION: Final = 2
_EXPANSION_SLACK: Final = 65_536
"""A frame never compresses to more than about its own size (RLE: 129/128) and some headers; more
is damage, and would keep the decoders busy for long."""


def stored_frames(ds: pydicom.Dataset) -> Iterator[NDArray[Any]]:
    """Decode the frames of a data set one by one.

    Yields
    ------
    ndarray
        Shape (rows, columns), or (rows, columns, 3) in RGB for colour; stored values.

    Raises
    ------
    UnsupportedFormatError
        If the transfer syntax cannot be decoded here; the message names it.
    CorruptImageError
        If the pixel data are truncated or damaged.
    """
    syntax = transfer_syntax(ds)
    try:
        decoder = get_decoder(syntax)
        plugin = _choose_plugin(ds, syntax)
    except NotImplementedError as error:
        raise UnsupportedFormatError(
            f"The DICOM transfer syntax {syntax_name(syntax)} cannot be decoded here; convert the "
            "file to an uncompressed or a JPEG 2000 transfer syntax."
        ) from error
    try:
        decoded = decoder.iter_array(ds, decoding_plugin=plugin)
        for frame, _ in islice(decoded, frame_count(ds)):
            yield frame
    except ImageError:
        raise
    # Each decoder raises classes of its own; all mean that the pixels are not to be had. Their
    # messages may quote the file, so none is passed on.
    except Exception as error:
        raise CorruptImageError(
            f"The DICOM pixel data ({syntax_name(syntax)}) cannot be decoded; they are truncated, "
            "damaged or of an unsupported kind."
        ) from error


def transfer_syntax(ds: pydicom.Dataset) -> UID:
    """Return the transfer syntax, for files without meta information the one they were read in."""
    meta = getattr(ds, "file_meta", None)
    value = None if meta is None else meta.get("TransferSyntaxUID")
    if value:
        return UID(str(value))
    implicit, little = ds.original_encoding
    if little is False:
        return uid.ExplicitVRBigEndian
    return uid.ExplicitVRLittleEndian if implicit is False else uid.ImplicitVRLittleEndian


def syntax_name(syntax: UID) -> str:
    """Return a transfer syntax as name and identifier, as far as they are known."""
    if not syntax.is_valid:
        return "with an identifier that is not one"
    return f"{syntax.name} ({syntax})" if syntax.name != syntax else str(syntax)


def frame_count(ds: pydicom.Dataset) -> int:
    """Return the number of frames that the data set claims to have."""
    count = ds.get("NumberOfFrames")
    return 1 if count in (None, "") else int(count)


def _choose_plugin(ds: pydicom.Dataset, syntax: UID) -> str:
    """Return the name of the one decoder to use, after a look at every compressed frame."""
    if not syntax.is_encapsulated:
        return ""
    headers = [_check_frame(frame, ds, syntax) for frame in _encoded_frames(ds)]
    if syntax == uid.RLELossless:
        return "pydicom"
    deep = any(header and header.precision > _JPEG_BITS_OF_PILLOW for header in headers)
    if syntax in _PILLOW_SYNTAXES or (syntax == uid.JPEGExtended12Bit and not deep):
        return "pillow"
    if syntax in gdcm_process.SYNTAXES:
        gdcm_process.register()
        return gdcm_process.PLUGIN
    raise NotImplementedError


def _encoded_frames(ds: pydicom.Dataset) -> list[bytes]:
    try:
        frames = generate_frames(ds.PixelData, number_of_frames=frame_count(ds))
        encoded = list(islice(frames, frame_count(ds)))
    # A damaged encapsulation fails in many ways inside pydicom.
    except Exception as error:
        raise CorruptImageError(
            "The DICOM pixel data are not divided into frames correctly; the file is truncated "
            "or damaged."
        ) from error
    if len(encoded) < frame_count(ds):
        raise CorruptImageError(
            f"The DICOM file says it has {frame_count(ds)} frames, but holds {len(encoded)}; it is "
            "truncated."
        )
    return encoded


def _check_frame(frame: bytes, ds: pydicom.Dataset, syntax: UID) -> FrameHeader | None:
    size = int(ds.Rows) * int(ds.Columns) * int(ds.SamplesPerPixel) * int(ds.BitsAllocated) // 8
    if len(frame) > _MAX_EXPANSION * size + _EXPANSION_SLACK:
        raise CorruptImageError(
            f"A compressed DICOM frame has {len(frame):,} bytes instead of {size:,}; the file is "
            "damaged."
        )
    header = read_frame_header(frame)
    if header is None:
        if syntax != uid.RLELossless and syntax in (*_PILLOW_SYNTAXES, *gdcm_process.SYNTAXES):
            raise CorruptImageError(
                f"A compressed DICOM frame does not start as {syntax_name(syntax)}; the file is "
                "truncated or damaged."
            )
        return None
    if (header.rows, header.columns) != (int(ds.Rows), int(ds.Columns)):
        raise CorruptImageError(
            f"The DICOM file says it has {ds.Rows} rows and {ds.Columns} columns, its compressed "
            f"frame {header.rows} and {header.columns}; the file is damaged."
        )
    return header
