"""DICOM files into grey float slices, as a viewer would show them."""

from __future__ import annotations

import io
import zlib
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.filereader import read_dataset
from pydicom.multival import MultiValue
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from tumorscope.errors import CorruptImageError, ImageError, ImageTooLargeError
from tumorscope.imaging.counted_bytes import CountedBytes
from tumorscope.imaging.dicom_geometry import functional_groups, slice_geometry
from tumorscope.imaging.dicom_pixels import (
    PIXEL_KEYWORDS,
    frame_count,
    stored_frames,
    syntax_name,
    transfer_syntax,
)
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.quiet import quiet
from tumorscope.imaging.scan import Scan

_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue. ITU-R BT.601, as in the raster formats."""

_LOGGERS: Final = ("pydicom", "pydicom.pixels.decoders.base")
"""Where pydicom reports; a filter is needed at each, for it does not hold for those below."""

_PREAMBLE: Final = 132
"""Bytes of preamble and prefix. DICOM PS3.10 section 7.1."""


def read_dicom(content: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every frame of a DICOM file, with or without preamble.

    Raises
    ------
    ImageError
        If the file is damaged, holds no pixels, is over a limit, or its transfer syntax cannot
        be decoded. No message quotes what the file says of the patient.
    """
    with quiet(*_LOGGERS):
        try:
            _check_deflated(content, limits)
            ds = pydicom.dcmread(CountedBytes(content), force=True)
        except ImageError:
            raise
        # A damaged header can fail anywhere inside the parser.
        except Exception as error:
            raise CorruptImageError(
                f"The DICOM header cannot be parsed ({type(error).__name__}); the file is "
                "truncated or damaged."
            ) from error
    return from_dataset(ds, source, limits)


def from_dataset(ds: pydicom.Dataset, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every frame of a data set; see :func:`read_dicom`."""
    with quiet(*_LOGGERS):
        try:
            _check_header(ds, limits)
            frames = _displayed_frames(ds)
            return [
                _scan(ds, frame, index, frames=len(frames), source=source)
                for index, frame in enumerate(frames)
            ]
        except ImageError:
            raise
        # Values of a damaged header surface anywhere.
        except Exception as error:
            raise CorruptImageError(
                f"The DICOM file cannot be interpreted ({type(error).__name__}); its header is "
                "damaged."
            ) from error


def _check_deflated(content: bytes, limits: Limits) -> None:
    """Unpack a deflated data set up to the limit, for pydicom would unpack all of it."""
    stream = io.BytesIO(content)
    stream.seek(_PREAMBLE if content[_PREAMBLE - 4 : _PREAMBLE] == b"DICM" else 0)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, _vr, _length: tag.group != 2)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    packed = stream.read()
    allowed = min(limits.max_bytes, limits.max_unpacked(len(packed)))
    plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, allowed + 1)
    if len(plain) > allowed:
        raise ImageTooLargeError(
            f"The deflated DICOM file of {len(content):,} bytes unpacks to more than "
            f"{allowed:,} bytes."
        )


def _check_header(ds: pydicom.Dataset, limits: Limits) -> None:
    syntax = transfer_syntax(ds)
    if not any(name in ds for name in PIXEL_KEYWORDS):
        raise CorruptImageError(_without_pixels(ds))
    rows, columns = (_count(ds, name) for name in ("Rows", "Columns"))
    frames = frame_count(ds)
    if min(rows, columns, frames) < 1:
        raise CorruptImageError(
            f"The DICOM file says it has {rows} rows, {columns} columns and {frames} frames."
        )
    limits.check_picture(rows, columns, frames)
    if syntax.is_encapsulated and "PixelData" not in ds:
        raise CorruptImageError(f"Float pixels cannot be compressed as {syntax_name(syntax)}.")


def _without_pixels(ds: pydicom.Dataset) -> str:
    meta = getattr(ds, "file_meta", None) or {}
    kind = UID(str(ds.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""))
    name = kind.name if kind.is_valid and kind.name != kind else "of an unknown kind"
    if len(ds) == 0:
        return (
            f"The DICOM file ({name}, transfer syntax {syntax_name(transfer_syntax(ds))}) is "
            "truncated: it ends before its pixel data do."
        )
    return (
        f"The DICOM file ({name}) holds no pixel data. Give an image; if this should be one, it "
        "is truncated."
    )


def _count(ds: pydicom.Dataset, keyword: str) -> int:
    value = ds.get(keyword)
    return 0 if value in (None, "") else int(value)


def _displayed_frames(ds: pydicom.Dataset) -> list[NDArray[np.float32]]:
    """Return the frames as shown on a screen: shape (rows, columns), brighter is larger."""
    photometric = str(ds.get("PhotometricInterpretation", "MONOCHROME2"))
    frames = [
        _displayed(frame, ds, index, photometric=photometric)
        for index, frame in enumerate(stored_frames(ds))
    ]
    if not all(np.isfinite(frame).all() for frame in frames):
        raise CorruptImageError("The DICOM file's pixel, rescale or window values are not finite.")
    if photometric == "MONOCHROME1":
        top = max(float(frame.max()) for frame in frames)
        return [top - frame for frame in frames]
    return frames


def _displayed(
    frame: NDArray[Any], ds: pydicom.Dataset, index: int, *, photometric: str
) -> NDArray[np.float32]:
    """Turn colour into luma; apply modality LUT and first VOI LUT or window to grey."""
    if photometric == "PALETTE COLOR":
        frame = apply_color_lut(frame, ds)
    if frame.ndim == 3:
        return np.asarray(frame[..., :3].astype(np.float32) @ _LUMA)
    groups = functional_groups(ds, index)
    rescale = groups.get("PixelValueTransformationSequence", ds)
    values = apply_modality_lut(frame, rescale)
    voi = groups.get("FrameVOILUTSequence", ds)
    if "VOILUTSequence" in voi or _has_usable_window(voi):
        values = apply_voi_lut(values, _with_context(voi, ds, rescale), index=0)
    return np.asarray(values, dtype=np.float32)


def _has_usable_window(voi: pydicom.Dataset) -> bool:
    center, width = (_first(voi.get(name)) for name in ("WindowCenter", "WindowWidth"))
    exact = str(voi.get("VOILUTFunction", "LINEAR")) != "LINEAR"
    return center is not None and width is not None and (width >= 1 or (exact and width > 0))


def _first(value: Any) -> float | None:
    if isinstance(value, (list, MultiValue)):
        value = value[0] if len(value) else None
    return None if value in (None, "") else float(value)


def _with_context(
    voi: pydicom.Dataset, ds: pydicom.Dataset, rescale: pydicom.Dataset
) -> pydicom.Dataset:
    """Return the VOI elements together with those that pydicom needs to apply them."""
    if voi is ds:
        return ds
    context = pydicom.Dataset()
    depth = ("PhotometricInterpretation", "BitsStored", "BitsAllocated", "PixelRepresentation")
    for owner, names in ((ds, depth), (rescale, ("RescaleSlope", "RescaleIntercept"))):
        for name in names:
            if name in owner:
                setattr(context, name, getattr(owner, name))
    context.update(voi)
    return context


def _scan(
    ds: pydicom.Dataset, pixels: NDArray[np.float32], index: int, *, frames: int, source: str
) -> Scan:
    geometry = slice_geometry(ds, index, frames=frames)
    return Scan(
        pixels=np.ascontiguousarray(pixels),
        source=source,
        slice_index=index if frames > 1 else None,
        sop_instance_uid=_text(ds, "SOPInstanceUID"),
        series_uid=_text(ds, "SeriesInstanceUID") or (source if frames > 1 else None),
        position_mm=geometry.position_mm,
        spacing_mm=geometry.spacing_mm,
        plane=geometry.plane,
        modality=_text(ds, "Modality"),
        sides=geometry.sides,
        body_part=_body_part(ds, index),
    )


def _body_part(ds: pydicom.Dataset, index: int) -> str | None:
    """Return the part of the body that the header names: the instance's, else the frame's."""
    part = _text(ds, "BodyPartExamined")
    anatomy = functional_groups(ds, index).get("FrameAnatomySequence", ds)
    regions = anatomy.get("AnatomicRegionSequence") or ds.get("AnatomicRegionSequence") or []
    if part is None and len(regions):
        part = _text(regions[0], "CodeMeaning")
    return None if part is None else part.strip().upper() or None


def _text(ds: pydicom.Dataset, keyword: str) -> str | None:
    value = ds.get(keyword)
    return str(value) if value else None
