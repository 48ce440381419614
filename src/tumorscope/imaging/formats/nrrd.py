"""NRRD volumes, ``.nrrd`` and ``.nhdr`` with the voxels beside it.

pynrrd reads the header. The voxels are unpacked here, where their size is bounded and no path of a
header is followed.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, UnsupportedFormatError
from tumorscope.imaging.formats.detached import Companion, parse_digits, take, unpack
from tumorscope.imaging.formats.volume import (
    Volume,
    check_grey,
    check_shape,
    choose_volume,
    damaged_as_corrupt,
    is_usable,
    make_volume,
)
from tumorscope.imaging.limits import Limits

_MAX_HEADER: Final = 1 << 20
_MAX_DIMENSIONS: Final = 16
_SPATIAL: Final = ("domain", "space")
_COLORS: Final = ("3-color", "4-color", "rgb-color", "rgba-color", "hsv-color", "xyz-color")

_TO_RAS: Final = {
    "right-anterior-superior": (1, 1, 1),
    "ras": (1, 1, 1),
    "left-anterior-superior": (-1, 1, 1),
    "las": (-1, 1, 1),
    "left-posterior-superior": (-1, -1, 1),
    "lps": (-1, -1, 1),
}
"""Signs that turn the axes of a space to right, anterior, superior."""

_METHODS: Final = {"gzip": "gzip", "gz": "gzip", "bzip2": "bzip2", "bz2": "bzip2"}
_TEXT: Final = ("ascii", "text", "txt")


def load_nrrd(content: bytes, limits: Limits, companion: Companion | None = None) -> Volume:
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
    with damaged_as_corrupt("NRRD", "nrrd"):
        return _load(content, limits, companion)


def _load(content: bytes, limits: Limits, companion: Companion | None) -> Volume:
    import nrrd

    stream = io.BytesIO(content[:_MAX_HEADER])
    header = nrrd.read_header(stream)
    if header["dimension"] != len(header["sizes"]) or header["dimension"] > _MAX_DIMENSIONS:
        raise CorruptImageError("The NRRD header's dimension is not that of its sizes.")
    shape = [int(side) for side in header["sizes"]]
    spatial = _spatial_axes(header)
    sides = [shape[axis] for axis in spatial]
    check_shape(sides, limits, "NRRD")
    total = int(np.prod(shape, dtype=object))
    if min(shape) < 1 or total > limits.max_bytes:
        raise CorruptImageError(f"The NRRD file says it has shape {tuple(shape)}.")
    dtype = _dtype(header)
    check_grey(dtype, "NRRD")
    data = _data_bytes(content[stream.tell() :], header, companion)
    values = _values(data, header, dtype, total, limits).reshape(shape, order="F")
    stacked = np.moveaxis(values, spatial, range(len(spatial)))
    stacked = stacked.reshape(*sides, *[1] * (3 - len(sides)), -1, order="F")
    voxels, notes = choose_volume(stacked.shape[-1], lambda number: stacked[..., number])
    affine, sizes = _geometry(header, spatial)
    return make_volume(voxels, affine, sizes, notes)


def _spatial_axes(header: Mapping[str, Any]) -> list[int]:
    """Return the two or three axes that lie in space, in their order."""
    count = int(header["dimension"])
    kinds = [str(one).lower() for one in header.get("kinds", ["?"] * count)]
    if any(kind in _COLORS for kind in kinds):
        raise UnsupportedFormatError("The NRRD file holds colors; gray values are needed.")
    directions = header.get("space directions")
    if directions is not None and len(directions) == count:
        known = [axis for axis, one in enumerate(directions) if one is not None]
        axes = [axis for axis in known if np.isfinite(directions[axis]).all()]
    elif any(kind in _SPATIAL for kind in kinds):
        axes = [axis for axis, kind in enumerate(kinds) if kind in _SPATIAL]
    else:
        axes = list(range(min(3, count)))
    if not 2 <= len(axes) <= 3:
        raise UnsupportedFormatError(
            f"The NRRD file has {len(axes)} axes in space; two or three are needed."
        )
    return axes


def _dtype(header: Mapping[str, Any]) -> np.dtype[Any]:
    """Return the type of the voxels, which pynrrd tells of an empty file with this header."""
    import nrrd

    empty = {"dimension": 1, "sizes": np.array([0]), "encoding": "raw", "type": header["type"]}
    if "endian" in header:
        empty["endian"] = header["endian"]
    elif str(header["encoding"]).lower() in _TEXT:
        empty["endian"] = "little"  # text has no byte order, and its headers need not give one
    dtype: np.dtype[Any] = nrrd.read_data(empty, io.BytesIO(b"")).dtype
    return dtype


def _data_bytes(attached: bytes, header: Mapping[str, Any], companion: Companion | None) -> bytes:
    name = header.get("datafile", header.get("data file"))
    if name is None:
        return attached
    if companion is None:
        raise UnsupportedFormatError(
            "The NRRD header's voxels are in a file of their own; give the two together, in a "
            "folder or a zip."
        )
    if str(name).split()[0:1] == ["LIST"] or "%" in str(name):
        raise UnsupportedFormatError(
            "The NRRD header's voxels are in several files; save the volume as one .nrrd file."
        )
    return companion(str(name).removeprefix("./"))


def _values(
    data: bytes,
    header: Mapping[str, Any],
    dtype: np.dtype[Any],
    total: int,
    limits: Limits,
) -> NDArray[Any]:
    encoding = str(header["encoding"]).lower()
    data = _without_lines(data, _skip(header, "line"))
    skipped, needed = _skip(header, "byte"), total * dtype.itemsize
    if encoding in _TEXT:
        return parse_digits(data[max(0, skipped) :], total, "NRRD")
    if encoding in _METHODS:
        start = max(0, skipped)
        data = unpack(data, _METHODS[encoding], start + needed, limits, "NRRD")[start:]
    elif encoding != "raw":
        raise UnsupportedFormatError(
            f"The NRRD file's encoding {encoding[:20]!r} is not read; save it as raw or gzip."
        )
    elif skipped == -1:
        data = data[-needed:]
    else:
        data = data[skipped:]
    return take(data, dtype, total, "NRRD")


def _without_lines(data: bytes, count: int) -> bytes:
    """Leave out the first lines, without a copy of the rest for each."""
    start = 0
    for _ in range(count):
        end = data.find(b"\n", start)
        if end < 0:
            return b""
        start = end + 1
    return data[start:]


def _skip(header: Mapping[str, Any], what: str) -> int:
    value = int(header.get(f"{what}skip", header.get(f"{what} skip", 0)))
    if not (-1 if what == "byte" else 0) <= value <= _MAX_HEADER:
        raise CorruptImageError(f"The NRRD header skips {value} {what}s.")
    return value


def _geometry(
    header: Mapping[str, Any], spatial: list[int]
) -> tuple[NDArray[np.float64] | None, list[float]]:
    directions = header.get("space directions")
    if directions is None or len(directions) != header["dimension"]:
        spacings = header.get("spacings")
        sizes = [0.0] * 3 if spacings is None else [float(spacings[axis]) for axis in spatial]
        return None, [*sizes, 1.0][:3]
    steps = np.array([directions[axis] for axis in spatial], np.float64).T
    sizes = [*np.linalg.norm(steps, axis=0).tolist(), 1.0][:3]
    signs = _TO_RAS.get(str(header.get("space", "")).lower().removesuffix("-time"))
    if signs is None or steps.shape != (3, 3):
        return None, sizes
    affine = np.array(signs, np.float64)[:, None] * steps
    return (affine if is_usable(affine) else None), sizes
