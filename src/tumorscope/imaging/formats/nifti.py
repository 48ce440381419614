"""NIfTI-1 and NIfTI-2 files."""

from __future__ import annotations

import io
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, UnsupportedFormatError
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

_HEADER_BYTES: Final = {1: 348, 2: 540}
_MOST_EXTENSIONS: Final = 10_000
"""Walked over; behind more, the voxels begin where the header says."""

_EXTENSION_BLOCK: Final = 16
"""Extensions are this, or a multiple of it, long. NIfTI-1, "Extended header structure"."""

_ROUNDING: Final = 1e-3
"""By which the squares of a quaternion stored in float32 may add up to more than 1."""


def load_nifti(content: bytes, limits: Limits) -> Volume:
    """Load a 2-D or 3-D file, or one volume of a 4-D one.

    Raises
    ------
    ImageError
        If the file is damaged or over a limit.
    """
    if content[344:347] == b"ni1" or content[4:7] == b"ni2":
        raise UnsupportedFormatError(
            "The file is the header of a NIfTI pair, without its voxels; convert the pair to one "
            ".nii file."
        )
    with damaged_as_corrupt("NIfTI", "nibabel.global"):
        return _load(content, limits)


def _load(content: bytes, limits: Limits) -> Volume:
    import nibabel
    from nibabel.arrayproxy import ArrayProxy

    version = 1 if _is_nifti1(content) else 2
    kind = nibabel.Nifti1Header if version == 1 else nibabel.Nifti2Header
    header = kind(content[: _HEADER_BYTES[version]], check=False)
    shape = tuple(int(side) for side in header.get_data_shape())
    check_shape(shape, limits, "NIfTI")
    dtype = header.get_data_dtype()
    check_grey(dtype, "NIfTI")
    slope, intercept = _scaling(header)
    offset = _voxel_offset(content, header, version)
    several = int(np.prod(shape[3:], dtype=np.int64)) if len(shape) > 3 else 1
    needed = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if offset + needed > len(content):
        raise CorruptImageError(
            f"The NIfTI file ends after {len(content):,} of {offset + needed:,} bytes; it is "
            "truncated."
        )
    proxy = ArrayProxy(
        io.BytesIO(content), ((*shape[:3], several), dtype, offset, slope, intercept)
    )
    voxels, notes = choose_volume(several, lambda number: np.asarray(proxy[..., number]))
    sizes = [float(abs(size)) for size in header["pixdim"][1:4]]
    return make_volume(voxels, _affine(header), sizes, notes)


def _scaling(header: Any) -> tuple[float, float]:
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if not np.isfinite(slope) or slope == 0:
        return 1.0, 0.0
    return slope, intercept if np.isfinite(intercept) else 0.0


def _voxel_offset(content: bytes, header: Any, version: int) -> int:
    """Return where the voxels begin: behind the header and its extensions, whatever it says."""
    least, stated = _HEADER_BYTES[version] + 4, _stated_offset(header)
    order: Literal["little", "big"] = "little" if header.endianness == "<" else "big"
    has_extensions = content[least - 4 : least - 3] not in (b"", b"\x00")
    for _ in range(_MOST_EXTENSIONS if has_extensions else 0):
        size = int.from_bytes(content[least : least + 4], order)
        if size < _EXTENSION_BLOCK or size % _EXTENSION_BLOCK or least + size > len(content):
            break
        least += size
        if least >= stated:
            break
    return max(least, stated)


def _stated_offset(header: Any) -> int:
    stated = float(header["vox_offset"])
    return int(stated) if np.isfinite(stated) and stated > 0 else 0


def _affine(header: Any) -> NDArray[np.float64] | None:
    """Return the first usable transform, sform before qform; ``None`` if there is none."""
    stated: list[NDArray[np.float64] | None] = []
    sform = np.array([header["srow_x"], header["srow_y"], header["srow_z"]], np.float64)
    if header["sform_code"] > 0:
        stated.append(sform)
    if header["qform_code"] > 0:
        stated.append(_qform(header))
    if not stated:  # neither is meant to be used: the axes are as in Analyze, the patient's left up
        stated.append(np.diag([-1.0, 1.0, 1.0]) * _sizes(header))
    return next((one for one in stated if is_usable(one)), None)


def _qform(header: Any) -> NDArray[np.float64] | None:
    from nibabel.quaternions import quat2mat

    imaginary = np.array([header[f"quatern_{one}"] for one in "bcd"], np.float64)
    length = float(imaginary @ imaginary)
    if not length <= 1 + _ROUNDING:
        return None
    if length > 1:
        imaginary /= np.sqrt(length)
    real = np.sqrt(max(0.0, 1 - float(imaginary @ imaginary)))
    turn = np.asarray(quat2mat([real, *imaginary]), np.float64)
    handed = np.array([1, 1, -1 if float(header["pixdim"][0]) == -1 else 1])
    return np.asarray(turn * (_sizes(header) * handed))


def _sizes(header: Any) -> NDArray[np.float64]:
    return np.abs(np.array(header["pixdim"][1:4], np.float64))


def _is_nifti1(content: bytes) -> bool:
    """Tell by the header size field, which is 348 for NIfTI-1 in either byte order."""
    return 348 in (int.from_bytes(content[:4], order) for order in ("little", "big"))
