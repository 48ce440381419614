"""MetaImage volumes, ``.mha`` and ``.mhd`` with the voxels beside it.

The header is a few lines of text. It is parsed here and not by SimpleITK, which takes files by
their path, follows whatever path a header names, and is as large as all else that is installed
(decision 0050).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging.formats.detached import Companion, parse_digits, take, unpack
from tumorscope.imaging.formats.volume import (
    Volume,
    check_shape,
    choose_volume,
    is_usable,
    make_volume,
)
from tumorscope.imaging.limits import Limits

_MAX_HEADER: Final = 1 << 16
_LAST_KEY: Final = "ElementDataFile"
"""Ends the header; the voxels follow its line where it says ``LOCAL``."""

_TYPES: Final = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
"""Types of voxels, and how NumPy calls them. MetaIO writes ``MET_LONG`` in four bytes."""

_LPS_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0])


def load_metaimage(content: bytes, limits: Limits, companion: Companion | None = None) -> Volume:
    """Load one volume of a file.

    Parameters
    ----------
    companion
        Returns the file beside this one that a detached header names.

    Raises
    ------
    ImageError
        If the file is damaged or over a limit.
    """
    try:
        return _load(content, limits, companion)
    except ImageError:
        raise
    # What is missing or no number in a damaged header.
    except (KeyError, ValueError, IndexError, OverflowError) as error:
        raise CorruptImageError(
            "The MetaImage header cannot be read; the file is truncated or damaged."
        ) from error


def _load(content: bytes, limits: Limits, companion: Companion | None) -> Volume:
    fields, start = _parse_header(content)
    shape = [int(side) for side in fields["DimSize"].split()]
    if len(shape) != int(fields["NDims"]) or not 2 <= len(shape) <= 4:
        raise CorruptImageError(f"The MetaImage file says it has shape {tuple(shape)[:9]}.")
    check_shape(shape, limits, "MetaImage")
    channels = int(fields.get("ElementNumberOfChannels", 1))
    dtype = _dtype(fields)
    if channels < 1 or (channels in (3, 4) and dtype.itemsize == 1):
        raise UnsupportedFormatError(
            f"The MetaImage file has {channels} channels; gray values are needed."
        )
    total = int(np.prod([*shape, channels], dtype=object))
    data = _data_bytes(content[start:], fields, companion)
    values = _values(data, fields, dtype, total, limits)
    sides = [*shape[:3], 1][:3]
    several = channels * (shape[3] if len(shape) == 4 else 1)
    stacked = values.reshape((channels, *sides, several // channels), order="F")

    def read(number: int) -> NDArray[Any]:
        return stacked[number % channels, ..., number // channels]

    voxels, notes = choose_volume(several, read)
    affine, sizes = _geometry(fields, len(shape))
    return make_volume(voxels, affine, sizes, notes)


def _parse_header(content: bytes) -> tuple[dict[str, str], int]:
    fields: dict[str, str] = {}
    position = 0
    while position < min(len(content), _MAX_HEADER):
        end = content.find(b"\n", position, _MAX_HEADER)
        end = len(content) if end < 0 else end
        key, _, value = content[position:end].decode("latin-1").partition("=")
        position = end + 1
        fields[key.strip()] = value.strip()
        if key.strip() == _LAST_KEY:
            return fields, position
    raise CorruptImageError(f"The MetaImage header has no {_LAST_KEY}; it is truncated.")


def _dtype(fields: Mapping[str, str]) -> np.dtype[Any]:
    name = fields["ElementType"].upper()
    if name not in _TYPES:
        raise UnsupportedFormatError(
            f"The MetaImage file holds voxels of type {name[:30]!r}; gray values are needed."
        )
    msb = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))
    return np.dtype((">" if _is_true(msb) else "<") + _TYPES[name])


def _is_true(value: str) -> bool:
    return value[:1].upper() in ("T", "Y", "1")


def _data_bytes(attached: bytes, fields: Mapping[str, str], companion: Companion | None) -> bytes:
    name = fields[_LAST_KEY]
    if name.upper() == "LOCAL":
        return attached
    if name.split()[0:1] == ["LIST"] or "%" in name:
        raise UnsupportedFormatError(
            "The MetaImage header's voxels are in several files; save the volume as one .mha file."
        )
    if companion is None:
        raise UnsupportedFormatError(
            "The MetaImage header's voxels are in a file of their own; give the two together, in a "
            "folder or a zip."
        )
    return companion(name.removeprefix("./"))


def _values(
    data: bytes,
    fields: Mapping[str, str],
    dtype: np.dtype[Any],
    total: int,
    limits: Limits,
) -> NDArray[Any]:
    needed = total * dtype.itemsize
    skipped = int(fields.get("HeaderSize", 0))
    if skipped == -1:
        data = data[-needed:]
    elif skipped > 0:
        data = data[skipped:]
    if not _is_true(fields.get("BinaryData", "True")):
        return parse_digits(data, total, "MetaImage")
    if _is_true(fields.get("CompressedData", "False")):
        data = unpack(data, "zlib", needed, limits, "MetaImage")
    return take(data, dtype, total, "MetaImage")


def _geometry(
    fields: Mapping[str, str], dimensions: int
) -> tuple[NDArray[np.float64] | None, list[float]]:
    stated = fields.get("ElementSpacing", fields.get("ElementSize"))
    sizes = [0.0] * 3 if stated is None else [float(one) for one in stated.split()][:3]
    sizes = [*sizes, 1.0][:3]
    if dimensions < 3:
        return None, sizes
    matrix = next(
        (fields[key] for key in ("TransformMatrix", "Rotation", "Orientation") if key in fields),
        None,
    )
    directions = np.eye(dimensions)
    if matrix is not None:
        directions = np.array(matrix.split(), np.float64).reshape(dimensions, dimensions)
    lengths = np.array(sizes if min(sizes) > 0 else [1.0] * 3)
    # A row is the direction of an axis, towards the patient's left, back and head.
    affine = _LPS_TO_RAS @ (directions[:3, :3].T * lengths)
    return (affine if is_usable(affine) else None), sizes
