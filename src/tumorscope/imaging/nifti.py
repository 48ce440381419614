"""NIfTI volumes in any orientation, and slices cut from them for reading.

Voxels are turned to the canonical axes right, anterior, superior (RAS+). Slices are shown as
radiologists see them: the patient's right at the left of axial and coronal slices, anterior or
superior up, anterior at the left of sagittal slices.
"""

from __future__ import annotations

import functools
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import (
    CorruptImageError,
    ImageContentError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.magic import GZIP_MAGIC, NIFTI_HEADER_BYTES, file_kind
from tumorscope.imaging.quiet import quiet
from tumorscope.imaging.scan import Scan
from tumorscope.imaging.sources import read_file
from tumorscope.labels import Plane

AXIS_OF_PLANE: Final[dict[Plane, int]] = {"sagittal": 0, "coronal": 1, "axial": 2}
"""Canonical axis that slices of a plane are counted along."""

_SIDES: Final[dict[Plane, tuple[str, str]]] = {
    "axial": ("R", "A"),
    "coronal": ("R", "H"),
    "sagittal": ("A", "H"),
}

_THICK: Final = 1.5
"""An axis is the slice axis when its voxels are this much thicker, or this much fewer, than those
of both others; isotropic volumes are read as axial slices."""

_CACHED_VOLUMES: Final = 4
"""Manifests name the slices of a volume one after the other, and its mask beside it."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A volume on canonical axes.

    Attributes
    ----------
    voxels
        Shape (right, anterior, superior), float32.
    spacing_mm
        Voxel size along each axis, in millimetres as the header says.
    """

    voxels: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]

    @property
    def plane(self) -> Plane:
        """Plane in which the volume was most likely acquired.

        The one across its only axis of one voxel, or across the axis with clearly the thickest
        voxels, or, for headers that give no true spacing, with clearly the fewest; else axial.
        """
        counts = np.array(self.voxels.shape)
        ratios = (np.array(self.spacing_mm), 1 / counts)
        for ratio in ratios[::-1] if counts.min() == 1 else ratios:
            axis = int(np.argmax(ratio))
            if ratio[axis] >= _THICK * np.delete(ratio, axis).max():
                return next(plane for plane, index in AXIS_OF_PLANE.items() if index == axis)
        return "axial"


def read_nifti(content: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read a volume as slices of its own plane, from inferior, posterior or left upwards.

    Slices beyond the head may be blank; they are kept, so that slices and answers agree in number.

    Raises
    ------
    ImageError
        If the file is damaged, over a limit, or all its voxels are the same.
    """
    volume = _parse(content, limits)
    if volume.voxels.min() == volume.voxels.max():
        raise ImageContentError(
            f"All voxels of the volume have the same value ({volume.voxels.flat[0]:g}); there is "
            "no image to analyze."
        )
    plane = volume.plane
    slices = cut_slices(volume, plane)
    several = len(slices) > 1
    return [
        Scan(
            pixels=pixels,
            source=source,
            slice_index=index if several else None,
            series_uid=source if several else None,
            position_mm=index * volume.spacing_mm[AXIS_OF_PLANE[plane]],
            spacing_mm=_slice_spacing(volume, plane),
            plane=plane,
            sides=_SIDES[plane],
        )
        for index, pixels in enumerate(slices)
    ]


def read_volume(source: Path | bytes, limits: Limits = DEFAULT_LIMITS) -> Volume:
    """Read a 2-D, 3-D or the first volume of a 4-D file, given by path or content.

    Raises
    ------
    ImageError
        If there is no such file, it is damaged, or over a limit.
    """
    if isinstance(source, bytes):
        limits.check_bytes(len(source))
        return _parse(source, limits)
    return _parse(read_file(source, limits), limits)


def cut_slices(volume: Volume, plane: Plane) -> list[NDArray[np.float32]]:
    """Cut a volume into slices, shape (rows, columns) each, in the order of the axis."""
    turned = np.moveaxis(volume.voxels, AXIS_OF_PLANE[plane], 0)
    # (slices, right or anterior, anterior or superior) -> rows downwards, columns to the right
    shown = turned.transpose(0, 2, 1)[:, ::-1, ::-1]
    return [np.ascontiguousarray(one) for one in shown]


def read_slice(path: Path, *, slice_index: int, plane: Plane) -> NDArray[np.float32]:
    """Read one slice of a volume; neighbouring calls on one file read it once.

    Returns
    -------
    ndarray
        Shape (rows, columns), float32, not to be written to.

    Raises
    ------
    ImageError
        If there is no such file, it is damaged, or has no such slice.
    """
    slices = _cached_slices(Path(path), plane, _state(Path(path)))
    if not 0 <= slice_index < len(slices):
        raise CorruptImageError(
            f"The volume has {len(slices)} {plane} slices; slice_index {slice_index} is not one "
            "of them."
        )
    return slices[slice_index]


def _state(path: Path) -> tuple[int, int] | None:
    """Return what changes with the file; ``None`` where there is none, which reading reports."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


@functools.lru_cache(maxsize=_CACHED_VOLUMES)
def _cached_slices(
    path: Path,
    plane: Plane,
    state: tuple[int, int] | None,  # noqa: ARG001 - a file that changed is read anew
) -> list[NDArray[np.float32]]:
    slices = cut_slices(read_volume(path), plane)
    for pixels in slices:
        pixels.setflags(write=False)
    return slices


def _parse(content: bytes, limits: Limits) -> Volume:
    if content[:2] == GZIP_MAGIC:
        content = _gunzip(content, limits)
    with quiet("nibabel.global"):
        try:
            return _canonical_volume(content, limits)
        except ImageError:
            raise
        # nibabel raises many classes on damaged headers and truncated data.
        except Exception as error:
            raise CorruptImageError(
                f"The NIfTI file cannot be read ({type(error).__name__}); it is truncated or "
                "damaged."
            ) from error


def _canonical_volume(content: bytes, limits: Limits) -> Volume:
    import nibabel

    if content[344:347] == b"ni1" or content[4:7] == b"ni2":
        raise UnsupportedFormatError(
            "The file is the header of a NIfTI pair, without its voxels; convert the pair to one "
            ".nii file."
        )
    kind = nibabel.Nifti1Image if _is_nifti1(content) else nibabel.Nifti2Image
    image = kind.from_stream(io.BytesIO(content))
    _check_shape([int(side) for side in image.shape], limits)
    upright = nibabel.as_closest_canonical(nibabel.Nifti1Image(_first_volume(image), image.affine))
    sizes = [float(abs(size)) for size in upright.header.get_zooms()[:3]]
    spacing = [size if np.isfinite(size) and size > 0 else 1.0 for size in sizes]
    voxels = np.asarray(upright.dataobj, dtype=np.float32)
    return Volume(voxels, (spacing[0], spacing[1], spacing[2]))


def _first_volume(image: Any) -> NDArray[np.float32]:
    data = image.dataobj
    if len(data.shape) > 3:
        data = data[(slice(None), slice(None), slice(None), *[0] * (len(data.shape) - 3))]
    values = np.asarray(data)
    if values.dtype.kind not in "buif":
        raise UnsupportedFormatError(
            f"The NIfTI file holds voxels of type {image.get_data_dtype()}; gray values are needed."
        )
    return np.atleast_3d(values.astype(np.float32))


def _is_nifti1(content: bytes) -> bool:
    """Tell by the header size field, which is 348 for NIfTI-1 in either byte order."""
    return 348 in (int.from_bytes(content[:4], order) for order in ("little", "big"))


def _check_shape(shape: list[int], limits: Limits) -> None:
    if len(shape) < 2 or min(shape) < 1:
        raise CorruptImageError(f"The NIfTI file says it has shape {tuple(shape)}.")
    # Whatever the plane: the two longest sides span the largest slice there can be.
    frames, rows, columns = sorted((*shape[:3], 1)[:3])
    limits.check_picture(rows, columns, frames)


def _gunzip(content: bytes, limits: Limits) -> bytes:
    allowed = min(limits.max_bytes, limits.max_unpacked(len(content)))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            header = stream.read(NIFTI_HEADER_BYTES)
            if file_kind(header) != "nifti":
                raise UnsupportedFormatError(
                    "The gzip file does not hold a NIfTI volume; unpack it and give what is inside."
                )
            plain = header + stream.read(max(0, allowed + 1 - len(header)))
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptImageError(f"The gzip stream is truncated or damaged: {error}.") from error
    if len(plain) > allowed:
        raise ImageTooLargeError(
            f"The gzip stream of {len(content):,} bytes unpacks to more than {allowed:,} bytes."
        )
    return plain


def _slice_spacing(volume: Volume, plane: Plane) -> tuple[float, float]:
    columns, rows = (
        size for axis, size in enumerate(volume.spacing_mm) if axis != AXIS_OF_PLANE[plane]
    )
    return rows, columns
