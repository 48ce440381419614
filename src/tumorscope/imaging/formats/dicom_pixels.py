"""Stored pixels of a DICOM data set, frame by frame, whatever they are compressed with."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import Decoder, get_decoder
from pydicom.uid import UID

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging.formats import gdcm_process
from tumorscope.imaging.formats.codestream import FrameHeader, read_frame_header
from tumorscope.imaging.formats.dicom_header import number, term, whole

PIXEL_KEYWORDS: Final = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

_PILLOW_SYNTAXES: Final = (uid.JPEGBaseline8Bit, uid.JPEG2000Lossless, uid.JPEG2000)

_JPEG_BITS_OF_PILLOW: Final = 8

_BITS_OF_THEIR_OWN: Final = frozenset(
    {*uid.JPEGTransferSyntaxes, *uid.JPEGLSTransferSyntaxes, *uid.JPEG2000TransferSyntaxes}
)
"""Their streams hold values and not bits in a place; HighBit says nothing of them."""

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
        for frame in _decoded(decoder, ds, syntax, plugin):
            yield _signed(frame, ds) if syntax in _BITS_OF_THEIR_OWN else _in_place(frame, ds)
    except ImageError:
        raise
    # Each decoder raises classes of its own; all mean that the pixels are not to be had. Their
    # messages may quote the file, so none is passed on.
    except Exception as error:
        raise CorruptImageError(
            f"The DICOM pixel data ({syntax_name(syntax)}) cannot be decoded; they are truncated, "
            "damaged or of an unsupported kind."
        ) from error


def _decoded(decoder: Decoder, ds: pydicom.Dataset, syntax: UID, plugin: str) -> Iterator[Any]:
    clean, count = described(ds), frame_count(ds)
    if syntax in uid.JPEG2000TransferSyntaxes and clean.PixelRepresentation == 1:
        # pydicom turns the sign in place, and the arrays of its iterator are read-only.
        for index in range(count):
            yield decoder.as_array(
                clean,
                index=index,
                decoding_plugin=plugin,
                correct_unused_bits=False,  # type: ignore[arg-type]  # annotated as all options
            )[0]
        return
    # Bits above those stored are cleared by the caller, where HighBit is known.
    decoded = decoder.iter_array(clean, decoding_plugin=plugin, correct_unused_bits=False)
    for frame, _ in islice(decoded, count):
        yield frame


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
    """Return the number of frames that the data set claims to have; 0 is written for one, too."""
    return whole(ds, "NumberOfFrames", 1) or 1


def photometric(ds: pydicom.Dataset) -> str:
    """Return the photometric interpretation, where it is missing that of a grey picture.

    A picture of one sample has a palette, or is grey, whatever word the file has for it.
    """
    stated = (term(ds, "PhotometricInterpretation") or "").replace(" ", "")
    samples = whole(ds, "SamplesPerPixel", 1)
    if stated == "PALETTECOLOR":
        return "PALETTE COLOR"
    if samples == 1:
        return stated if stated == "MONOCHROME1" else "MONOCHROME2"
    return stated or ("RGB" if samples == 3 else "MONOCHROME2")


def described(ds: pydicom.Dataset) -> pydicom.Dataset:
    """Return the pixels of a data set with a description that pydicom takes.

    What is missing gets the value that it nearly always has, and what is there is spelled as the
    standard says.
    """
    clean = pydicom.Dataset()
    clean.file_meta = getattr(ds, "file_meta", None) or pydicom.dataset.FileMetaDataset()
    for keyword in (*PIXEL_KEYWORDS, "ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if keyword in ds:
            clean[keyword] = ds[keyword]
    clean.Rows, clean.Columns = whole(ds, "Rows"), whole(ds, "Columns")
    clean.NumberOfFrames = frame_count(ds)
    clean.SamplesPerPixel = whole(ds, "SamplesPerPixel", 1)
    if clean.SamplesPerPixel > 1:
        clean.PlanarConfiguration = whole(ds, "PlanarConfiguration", 0)
    clean.PhotometricInterpretation = photometric(ds)
    clean.BitsAllocated = bits_allocated(ds)
    if "PixelData" in ds:
        clean.BitsStored = bits_stored(ds)
        clean.HighBit = clean.BitsStored - 1
        clean.PixelRepresentation = int(whole(ds, "PixelRepresentation", 0) == 1)
    return clean


def bits_allocated(ds: pydicom.Dataset) -> int:
    """Return the bits of a sample as stored; where they are missing, from the pixels' length."""
    stated = whole(ds, "BitsAllocated", 0)
    if stated > 0:
        return stated
    samples = whole(ds, "Rows") * whole(ds, "Columns") * whole(ds, "SamplesPerPixel", 1)
    length = len(ds["PixelData"].value or b"") if "PixelData" in ds else 0
    return 8 if 0 < length < 2 * samples * frame_count(ds) else 16


def bits_stored(ds: pydicom.Dataset) -> int:
    """Return the bits of a sample that hold its value."""
    allocated = bits_allocated(ds)
    return min(whole(ds, "BitsStored", 0) or allocated, allocated)


def padding_range(ds: pydicom.Dataset, dtype: np.dtype[Any]) -> tuple[Any, Any] | None:
    """Return the least and the largest value that stands for none, as samples of a type have them.

    ``None`` where the header names no such value.
    """
    value = number(ds, "PixelPaddingValue")
    if value is None:
        return None
    limit = number(ds, "PixelPaddingRangeLimit")
    # The header may give the same bits with another sign.
    ends = np.array([value, value if limit is None else limit]).astype(np.int64)
    low, high = np.sort(ends.astype(dtype))
    return low, high


def _in_place(frame: NDArray[Any], ds: pydicom.Dataset) -> NDArray[Any]:
    """Take the bits of the value out of each sample.

    They end at ``HighBit``. Where everything above ``BitsStored`` is empty while something is
    below ``HighBit - BitsStored``, the header is wrong and the value lies at the bottom. Padding
    that takes more bits than a value stays as it is.
    """
    allocated, stored = bits_allocated(ds), bits_stored(ds)
    if frame.dtype.kind not in "iu" or stored >= allocated or frame.ndim != 2:
        return frame
    width = 8 * frame.dtype.itemsize
    bits = frame.astype(f"u{frame.dtype.itemsize}")  # in the machine's byte order
    shift = whole(ds, "HighBit", stored - 1) + 1 - stored
    if not 0 <= shift <= allocated - stored:
        shift = 0
    if shift and (bits & ((1 << shift) - 1)).any() and not (bits >> stored).any():
        shift = 0
    values = (bits >> shift) & ((1 << stored) - 1)
    is_signed = frame.dtype.kind == "i"
    if is_signed:
        values = (values << (width - stored)).view(f"i{frame.dtype.itemsize}") >> (width - stored)
    padding = padding_range(ds, values.dtype)
    if padding is None or _fits(padding, stored, is_signed=is_signed):
        return values
    is_padding = (frame >= padding[0]) & (frame <= padding[1])
    return np.where(is_padding, frame, values).astype(values.dtype)


def _fits(ends: tuple[Any, Any], stored: int, *, is_signed: bool) -> bool:
    low, high = (-(1 << (stored - 1)), 1 << (stored - 1)) if is_signed else (0, 1 << stored)
    return all(low <= int(end) < high for end in ends)


def _signed(frame: NDArray[Any], ds: pydicom.Dataset) -> NDArray[Any]:
    """Extend the sign of negative values that a stream holds as bare bits of a shorter number."""
    stored, width = bits_stored(ds), 8 * frame.dtype.itemsize
    if frame.dtype.kind != "i" or stored >= width or frame.size == 0:
        return frame
    if frame.min() < 0 or not 1 << (stored - 1) <= int(frame.max()) < 1 << stored:
        return frame
    return (frame << (width - stored)) >> (width - stored)


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
    rows, columns = whole(ds, "Rows"), whole(ds, "Columns")
    size = rows * columns * whole(ds, "SamplesPerPixel", 1) * bits_allocated(ds) // 8
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
    if (header.rows, header.columns) != (rows, columns):
        raise CorruptImageError(
            f"The DICOM file says it has {rows} rows and {columns} columns, its compressed "
            f"frame {header.rows} and {header.columns}; the file is damaged."
        )
    return header
