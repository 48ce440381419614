"""NIfTI volumes in any orientation, and slices cut from them for reading.

Voxels are turned to the canonical axes right, anterior, superior (RAS+). Slices are shown as
radiologists see them: the patient's right at the left of axial and coronal slices, anterior or
superior up, anterior at the left of sagittal slices.
"""

from __future__ import annotations

import functools
import gzip
import io
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, ImageError, ImageTooLargeError
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import Scan
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

GZIP_MAGIC: Final = b"\x1f\x8b"


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
        """Plane in which the volume was most likely acquired."""
        spacing, counts = np.array(self.spacing_mm), np.array(self.voxels.shape)
        for ratio in (spacing, 1 / counts):
            axis = int(np.argmax(ratio))
            if ratio[axis] >= _THICK * np.delete(ratio, axis).max():
                return next(plane for plane, index in AXIS_OF_PLANE.items() if index == axis)
        return "axial"


def read_nifti(content: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read a volume as slices of its own plane, from inferior, posterior or left upwards.

    Slices outside the head, which are constant, are left out: they hold no picture.

    Raises
    ------
    ImageError
        If the file is damaged, over a limit, or all its slices are constant.
    """
    volume = _parse(content, limits)
    plane = volume.plane
    axis = AXIS_OF_PLANE[plane]
    slices = cut_slices(volume, plane)
    shown = [index for index, pixels in enumerate(slices) if pixels.min() < pixels.max()]
    if not shown:
        raise CorruptImageError("All voxels of the volume have the same value in every slice.")
    several = len(slices) > 1
    return [
        Scan(
            pixels=slices[index],
            source=source,
            slice_index=index if several else None,
            series_uid=source if several else None,
            position_mm=index * volume.spacing_mm[axis],
            spacing_mm=_slice_spacing(volume, plane),
            plane=plane,
            sides=_SIDES[plane],
        )
        for index in shown
    ]


def read_volume(path: Path, limits: Limits = DEFAULT_LIMITS) -> Volume:
    """Read a 2-D, 3-D or the first volume of a 4-D file.

    Raises
    ------
    ImageError
        If the file is damaged or over a limit.
    """
    limits.check_bytes(path.stat().st_size)
    return _parse(path.read_bytes(), limits)


def cut_slices(volume: Volume, plane: Plane) -> list[NDArray[np.float32]]:
    """Cut a volume into slices, shape (rows, columns) each, in the order of the axis."""
    turned = np.moveaxis(volume.voxels, AXIS_OF_PLANE[plane], 0)
    # (slices, right or anterior, anterior or superior) -> rows downwards, columns to the right
    shown = turned.transpose(0, 2, 1)[:, ::-1, ::-1]
    return [np.ascontiguousarray(one) for one in shown]


def read_slice(path: Path, *, slice_index: int, plane: Plane) -> NDArray[np.float32]:
    """Read one slice of a volume; neighbouring calls on one file read it once.

    Raises
    ------
    ImageError
        If the file is damaged or has no such slice.
    """
    slices = _cached_slices(Path(path), plane)
    if not 0 <= slice_index < len(slices):
        raise CorruptImageError(
            f"The volume has {len(slices)} {plane} slices; slice_index {slice_index} is not one "
            "of them."
        )
    return slices[slice_index]


@functools.lru_cache(maxsize=8)
def _cached_slices(path: Path, plane: Plane) -> list[NDArray[np.float32]]:
    return cut_slices(read_volume(path), plane)


def _parse(content: bytes, limits: Limits) -> Volume:
    import nibabel

    if content[:2] == GZIP_MAGIC:
        content = _gunzip(content, limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            kind = nibabel.Nifti1Image if _is_nifti1(content) else nibabel.Nifti2Image
            image = kind.from_stream(io.BytesIO(content))
            shape = [int(side) for side in image.shape]
            _check_shape(shape, limits)
            image = _three_dimensional(image)
            canonical = nibabel.as_closest_canonical(image)
            voxels = np.asarray(canonical.dataobj, dtype=np.float32)
            spacing = tuple(float(abs(size)) or 1.0 for size in canonical.header.get_zooms()[:3])
        except ImageError:
            raise
        # nibabel raises many classes on damaged headers and truncated data.
        except Exception as error:
            raise CorruptImageError(
                f"The NIfTI file cannot be read ({type(error).__name__}); "
                "it is truncated or damaged."
            ) from error
    return Volume(voxels, (spacing[0], spacing[1], spacing[2]))


def _is_nifti1(content: bytes) -> bool:
    """Tell by the header size field, which is 348 for NIfTI-1 in either byte order."""
    return 348 in (int.from_bytes(content[:4], order) for order in ("little", "big"))


def _check_shape(shape: list[int], limits: Limits) -> None:
    if len(shape) < 2 or min(shape) < 1:
        raise CorruptImageError(f"The NIfTI file says it has shape {tuple(shape)}.")
    sides = sorted((*shape[:3], 1)[:3])
    limits.check_picture(sides[-1], sides[-2], sides[-3])


def _three_dimensional(image: object) -> object:
    import nibabel

    data = image.dataobj  # type: ignore[attr-defined]
    while len(data.shape) > 3:
        data = data[..., 0]
    array = np.asarray(data)
    if array.dtype.kind not in "buif":
        raise CorruptImageError(f"The NIfTI file holds {array.dtype} voxels, not grey values.")
    if array.ndim == 2:
        array = array[..., None]
    return nibabel.Nifti1Image(array.astype(np.float32), image.affine)  # type: ignore[attr-defined]


def _gunzip(content: bytes, limits: Limits) -> bytes:
    allowed = min(limits.max_bytes, limits.max_unpacked(len(content)))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            plain = stream.read(allowed + 1)
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
