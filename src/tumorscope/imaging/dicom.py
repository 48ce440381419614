"""DICOM files into grey float slices with their geometry."""

from __future__ import annotations

import io
import warnings
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut, convert_color_space
from pydicom.uid import UID, JPEGExtended12Bit

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging.deep_jpeg import decode_deep_jpeg
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import Scan
from tumorscope.labels import Plane

_PLANE_BY_AXIS: Final[tuple[Plane, ...]] = ("sagittal", "coronal", "axial")
"""Plane whose normal is the patient's x (left), y (posterior) or z (head) axis."""

_MIN_ALIGNMENT: Final = 0.8
"""Cosine between a slice normal and an axis from which the plane is given its name (37 degrees)."""

_DIRECTIONS: Final = (("L", "R"), ("P", "A"), ("H", "F"))
"""Letters of the positive and negative patient axes. DICOM PS3.3 C.7.6.1.1.1."""


def read_dicom(content: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every frame of a DICOM file.

    Raises
    ------
    ImageError
        If the file is damaged, holds no pixels, or its transfer syntax cannot be decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = pydicom.dcmread(io.BytesIO(content), force=True)
        # A damaged header can fail anywhere inside the parser.
        except Exception as error:
            raise CorruptImageError(
                f"The DICOM header cannot be parsed ({type(error).__name__}); the file is "
                "damaged or incomplete."
            ) from error
    return from_dataset(ds, source, limits)


def from_dataset(ds: pydicom.Dataset, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every frame of a dataset; see :func:`read_dicom`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            _check_header(ds, limits)
            frames = _decode(ds)
            return [
                _scan(ds, frame, index, len(frames), source) for index, frame in enumerate(frames)
            ]
        except ImageError:
            raise
        # Values of a damaged header surface anywhere; the message must not quote them.
        except Exception as error:
            raise CorruptImageError(
                f"The DICOM file cannot be interpreted ({type(error).__name__})."
            ) from error


def _check_header(ds: pydicom.Dataset, limits: Limits) -> None:
    if not any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        kind = UID(str(ds.get("SOPClassUID", ""))).name or "unknown kind"
        raise CorruptImageError(
            f"The DICOM file ({kind}) holds no pixel data; if it should, the file is truncated."
        )
    rows, columns = int(ds.get("Rows", 0)), int(ds.get("Columns", 0))
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    if min(rows, columns, frames) < 1:
        raise CorruptImageError(
            f"The DICOM file says it has {rows} rows, {columns} columns and {frames} frames."
        )
    limits.check_picture(rows, columns, frames)


def _decode(ds: pydicom.Dataset) -> list[NDArray[np.float32]]:
    """Return the frames as shown on a screen: shape (rows, columns), brighter is larger."""
    stored = _stored_pixels(ds)
    photometric = str(ds.get("PhotometricInterpretation", "MONOCHROME2"))
    if int(ds.get("SamplesPerPixel", 1)) > 1:
        return [_luma(frame) for frame in _as_frames(stored, ds, color=True)]
    values = [_displayed(frame, ds, index) for index, frame in enumerate(_as_frames(stored, ds))]
    if photometric == "MONOCHROME1":
        top = max(float(frame.max()) for frame in values)
        return [top - frame for frame in values]
    return values


def _stored_pixels(ds: pydicom.Dataset) -> NDArray[Any]:
    syntax = _transfer_syntax(ds)
    try:
        deep = syntax == JPEGExtended12Bit and int(ds.get("BitsAllocated", 8)) > 8
        array = decode_deep_jpeg(ds) if deep else ds.pixel_array
    except ImageError:
        raise
    # Each decoder raises classes of its own; all mean that the pixels are not to be had.
    except Exception as error:
        if syntax is not None and syntax.is_compressed and "missing" in str(error).lower():
            raise UnsupportedFormatError(
                f"The DICOM transfer syntax {syntax.name} ({syntax}) cannot be decoded here."
            ) from error
        raise CorruptImageError(
            f"The DICOM pixel data ({syntax.name if syntax else 'no transfer syntax'}) cannot be "
            "decoded; it is truncated, damaged or of an unsupported kind."
        ) from error
    if str(ds.get("PhotometricInterpretation", "")).startswith("YBR") and array.shape[-1] == 3:
        array = convert_color_space(array, "YBR_FULL", "RGB")
    return np.asarray(array)


def _transfer_syntax(ds: pydicom.Dataset) -> UID | None:
    meta = getattr(ds, "file_meta", None)
    value = None if meta is None else meta.get("TransferSyntaxUID")
    return None if value is None else UID(str(value))


def _as_frames(
    array: NDArray[Any], ds: pydicom.Dataset, *, color: bool = False
) -> list[NDArray[Any]]:
    shape = (int(ds.Rows), int(ds.Columns), *((3,) if color else ()))
    return list(array.reshape(-1, *shape))


def _displayed(frame: NDArray[Any], ds: pydicom.Dataset, index: int) -> NDArray[np.float32]:
    """Apply modality LUT and the first VOI LUT or window, which may stand per frame."""
    groups = _functional_groups(ds, index)
    modality = groups.get("PixelValueTransformationSequence", ds)
    voi = groups.get("FrameVOILUTSequence", ds)
    values = apply_modality_lut(frame, modality)
    has_window = "VOILUTSequence" in voi or ("WindowCenter" in voi and "WindowWidth" in voi)
    if has_window and _has_usable_window(voi):
        values = apply_voi_lut(values, _window_only(voi, ds), index=0)
    result = np.asarray(values, dtype=np.float32)
    if not np.isfinite(result).all():
        raise CorruptImageError("The DICOM file's rescale or window values are not finite.")
    return result


def _has_usable_window(voi: pydicom.Dataset) -> bool:
    if "VOILUTSequence" in voi:
        return True
    widths = voi.WindowWidth
    first = widths[0] if isinstance(widths, (list, pydicom.multival.MultiValue)) else widths
    return first is not None and float(first) >= 1


def _window_only(voi: pydicom.Dataset, ds: pydicom.Dataset) -> pydicom.Dataset:
    """Return the VOI element set with the context that pydicom needs to apply it."""
    if voi is ds:
        return ds
    context = pydicom.Dataset()
    for name in ("PhotometricInterpretation", "BitsStored", "BitsAllocated", "PixelRepresentation"):
        if name in ds:
            setattr(context, name, getattr(ds, name))
    context.update(voi)
    return context


def _functional_groups(ds: pydicom.Dataset, index: int) -> dict[str, pydicom.Dataset]:
    """Return the first item of each macro of one frame; per-frame before shared."""
    found: dict[str, pydicom.Dataset] = {}
    shared = ds.get("SharedFunctionalGroupsSequence") or []
    per_frame = ds.get("PerFrameFunctionalGroupsSequence") or []
    groups = [*shared[:1], *per_frame[index : index + 1]]
    for group in groups:
        for element in group:
            if element.VR == "SQ" and len(element.value):
                found[element.keyword] = element.value[0]
    return found


def _luma(frame: NDArray[Any]) -> NDArray[np.float32]:
    """Weigh colour into luma (ITU-R BT.601)."""
    return frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)


def _scan(
    ds: pydicom.Dataset, pixels: NDArray[np.float32], index: int, frames: int, source: str
) -> Scan:
    groups = _functional_groups(ds, index)
    orientation = _numbers(groups.get("PlaneOrientationSequence", ds), "ImageOrientationPatient", 6)
    position = _numbers(groups.get("PlanePositionSequence", ds), "ImagePositionPatient", 3)
    spacing = _numbers(groups.get("PixelMeasuresSequence", ds), "PixelSpacing", 2)
    plane, sides, position_mm = None, None, None
    if orientation is not None:
        row, column = orientation[:3], orientation[3:]
        normal = np.cross(row, column)
        plane = _plane(normal)
        sides = (_side(-row), _side(-column))
        if position is not None:
            position_mm = float(normal @ position)
    if position_mm is None:
        number = ds.get("InstanceNumber")
        position_mm = float(index if frames > 1 else number if number is not None else 0)
    return Scan(
        pixels=np.ascontiguousarray(pixels, np.float32),
        source=source,
        slice_index=index if frames > 1 else None,
        sop_instance_uid=_text(ds, "SOPInstanceUID"),
        series_uid=_text(ds, "SeriesInstanceUID") or (source if frames > 1 else None),
        position_mm=position_mm,
        spacing_mm=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        plane=plane,
        modality=_text(ds, "Modality"),
        sides=sides,
    )


def _numbers(ds: pydicom.Dataset, keyword: str, count: int) -> NDArray[np.float64] | None:
    value = ds.get(keyword)
    if value is None:
        return None
    numbers = np.array([float(one) for one in value])
    return numbers if numbers.shape == (count,) and np.isfinite(numbers).all() else None


def _plane(normal: NDArray[np.float64]) -> Plane | None:
    length = float(np.linalg.norm(normal))
    axis = int(np.argmax(np.abs(normal)))
    aligned = length > 0 and abs(normal[axis]) / length >= _MIN_ALIGNMENT
    return _PLANE_BY_AXIS[axis] if aligned else None


def _side(direction: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return _DIRECTIONS[axis][0 if direction[axis] > 0 else 1]


def _text(ds: pydicom.Dataset, keyword: str) -> str | None:
    value = ds.get(keyword)
    return str(value) if value else None
