"""Stored values of a DICOM frame into grey values, as a viewer would show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut, apply_windowing
from pydicom.tag import Tag

from tumorscope.imaging.formats.dicom_geometry import functional_groups
from tumorscope.imaging.formats.dicom_header import number, numbers, term
from tumorscope.imaging.formats.dicom_pixels import (
    bits_stored,
    padding_range,
    photometric,
    stored_frames,
)
from tumorscope.imaging.luma import LUMA

_FUNCTIONS: Final = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

_FOREGROUND: Final = 0.08
"""Share of the way from the 1st to the 99th percentile above which a pixel is foreground, as in
the preprocessing."""

_LEAST_SHOWN: Final = 0.25
"""Share of the foreground that a window has to leave neither black nor white. Windows of MR scans
leave more than half; one made for another kind of picture leaves a silhouette."""


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """A lookup table. DICOM PS3.3 C.11.1.1.1.

    Attributes
    ----------
    first
        Value that the first entry is for; lesser ones have it, too, and those beyond the last
        entry have the last.
    bits
        Of an entry.
    data
        Entries, shape (n,), at least one.
    """

    first: int
    bits: int
    data: NDArray[np.unsignedinteger[Any]]

    def look_up(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the entries for whole numbers."""
        places = np.clip(values.astype(np.float64) - self.first, 0, len(self.data) - 1)
        return np.asarray(self.data[places.astype(np.intp)])


def _table(ds: pydicom.Dataset, keyword: str) -> _Table | None:
    """Return the first table of a sequence; one that is not whole counts as none."""
    items = ds.get(keyword) or []
    stated = numbers(items[0], "LUTDescriptor", 3) if len(items) else None
    if stated is None:
        return None
    count, bits = int(stated[0]) & 0xFFFF or 1 << 16, int(stated[2])
    data = _entries(items[0], count, bits)
    if data is None or not 1 <= bits <= 16:
        return None
    return _Table(int(stated[1]), bits, data)


def _entries(item: pydicom.Dataset, count: int, bits: int) -> NDArray[Any] | None:
    """Return as many entries as are stated: words, or bytes where a byte holds one."""
    value = item.get("LUTData")
    if isinstance(value, bytes):
        is_of_bytes = bits <= 8 and len(value) < 2 * count
        order = ">" if item.original_encoding[1] is False else "<"
        dtype = np.dtype("u1" if is_of_bytes else f"{order}u2")
        data = np.frombuffer(value, dtype, len(value) // dtype.itemsize)
    else:
        data = np.array(numbers(item, "LUTData") or [], np.int64).astype(np.uint16)
    return data[:count] if len(data) >= count else None


def displayed_frames(ds: pydicom.Dataset) -> list[NDArray[np.float32]]:
    """Return the frames as shown on a screen: shape (rows, columns), brighter is larger.

    Padding, and what is not finite, is background.
    """
    interpretation = photometric(ds)
    shown = [
        _displayed(frame, ds, index, interpretation)
        for index, frame in enumerate(stored_frames(ds))
    ]
    frames = [frame for frame, _ in shown]
    if interpretation == "MONOCHROME1":
        top = max((float(one.max()) for one in frames if not np.isnan(one).all()), default=0.0)
        frames = [top - frame for frame in frames]
    return [_filled(frame, padding) for frame, (_, padding) in zip(frames, shown, strict=True)]


def _displayed(
    frame: NDArray[Any], ds: pydicom.Dataset, index: int, interpretation: str
) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Turn colour into luma; apply modality LUT and first VOI LUT or window to grey."""
    if interpretation == "PALETTE COLOR":
        frame = apply_color_lut(frame, ds)
    if frame.ndim == 3:
        return np.asarray(frame[..., :3].astype(np.float32) @ LUMA), None
    if frame.dtype.kind == "f" and not np.isfinite(frame).any():
        return np.full(frame.shape, np.nan, np.float32), None
    padding = _padding(frame, ds)
    if padding is not None:
        frame = np.where(padding, frame[~padding].min(), frame)
    groups = functional_groups(ds, index)
    rescale = groups.get("PixelValueTransformationSequence", ds)
    values = _rescaled(frame, rescale)
    voi = groups.get("FrameVOILUTSequence", ds)
    for shown in _windowed(values, voi, _context(ds, rescale)):
        if _shows_something(values, shown, padding):
            return np.asarray(shown, dtype=np.float32), padding
    return np.asarray(values, dtype=np.float32), padding


def _padding(frame: NDArray[Any], ds: pydicom.Dataset) -> NDArray[np.bool_] | None:
    """Return where a frame holds no value; ``None`` where it does everywhere."""
    if frame.dtype.kind == "f":
        padding = ~np.isfinite(frame) | _is_float_padding(frame, ds)
    else:
        ends = padding_range(ds, frame.dtype)
        if ends is None:
            return None
        padding = (frame >= ends[0]) & (frame <= ends[1])
    return padding if padding.any() and not padding.all() else None


def _is_float_padding(frame: NDArray[Any], ds: pydicom.Dataset) -> NDArray[np.bool_]:
    """Tell where float pixels hold the value that stands for none. DICOM PS3.3 C.7.6.24."""
    kind = "Double" if frame.dtype.itemsize == 8 else ""
    value = number(ds, f"{kind}FloatPixelPaddingValue")
    limit = number(ds, f"{kind}FloatPixelPaddingRangeLimit")
    if value is None:
        return np.zeros(frame.shape, bool)
    low, high = np.sort(np.array([value, value if limit is None else limit], frame.dtype))
    return np.asarray((frame >= low) & (frame <= high))


def _rescaled(frame: NDArray[Any], rescale: pydicom.Dataset) -> NDArray[Any]:
    table = _table(rescale, "ModalityLUTSequence")
    if table is not None:
        return table.look_up(frame)
    slope, intercept = number(rescale, "RescaleSlope"), number(rescale, "RescaleIntercept")
    if not slope:  # absent, empty or 0, which would leave nothing
        slope = None
    if slope is None and intercept is None:
        return frame
    return frame.astype(np.float64) * (slope or 1.0) + (intercept or 0.0)


def _windowed(values: NDArray[Any], voi: pydicom.Dataset, context: pydicom.Dataset) -> Any:
    """Yield the values through the VOI LUT, then through each window, as far as they are usable."""
    table = _table(voi, "VOILUTSequence")
    if table is not None:
        yield table.look_up(np.rint(values))
    function = term(voi, "VOILUTFunction") or "LINEAR"
    centers, widths = numbers(voi, "WindowCenter"), numbers(voi, "WindowWidth")
    if function not in _FUNCTIONS or centers is None or widths is None:
        return
    context.VOILUTFunction = function
    for center, width in zip(centers, widths, strict=False):
        if width >= 1 or (function != "LINEAR" and width > 0):
            _put(context, "WindowCenter", center)
            _put(context, "WindowWidth", width)
            yield apply_windowing(values, context)


def _context(ds: pydicom.Dataset, rescale: pydicom.Dataset) -> pydicom.Dataset:
    """Return the elements that pydicom needs to apply a window."""
    context = pydicom.Dataset()
    context.PhotometricInterpretation = photometric(ds)
    context.BitsStored = context.BitsAllocated = bits_stored(ds)
    context.PixelRepresentation = int(number(ds, "PixelRepresentation") == 1)
    table = _table(rescale, "ModalityLUTSequence")
    if table is not None:
        # Of the table, pydicom takes the number of bits alone.
        context.ModalityLUTSequence = [pydicom.Dataset()]
        context.ModalityLUTSequence[0].LUTDescriptor = [len(table.data), 0, table.bits]
        return context
    slope, intercept = number(rescale, "RescaleSlope"), number(rescale, "RescaleIntercept")
    if slope or intercept is not None:
        _put(context, "RescaleSlope", slope or 1.0)
        _put(context, "RescaleIntercept", intercept or 0.0)
    return context


def _put(context: pydicom.Dataset, keyword: str, value: float) -> None:
    """Set a decimal string as the number that it is: its text may be at most 16 characters long."""
    context.add_new(Tag(keyword), "FD", value)


def _shows_something(
    values: NDArray[Any], shown: NDArray[Any], padding: NDArray[np.bool_] | None
) -> bool:
    """Tell whether a window leaves a picture of what lies above the background."""
    step = max(1, min(values.shape) // 128)
    values, shown = values[::step, ::step], shown[::step, ::step]
    inside = np.ones(values.shape, bool) if padding is None else ~padding[::step, ::step]
    if not inside.any():
        return True
    low, high = np.percentile(values[inside], (1, 99))
    foreground = inside & (values > low + _FOREGROUND * (high - low))
    before, after = values[foreground], shown[foreground]
    if before.size == 0 or before.min() == before.max():
        return True
    black, white = shown[inside].min(), shown[inside].max()
    return bool(((after > black) & (after < white)).mean() >= _LEAST_SHOWN)


def _filled(frame: NDArray[np.float32], padding: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    if padding is None:
        return frame
    return np.where(padding, frame[~padding].min(), frame)
