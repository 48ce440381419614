"""Volumes of every format in any orientation, and slices cut from them for reading.

Voxels are turned to the canonical axes right, anterior, superior (RAS+). Slices are shown as
radiologists see them: the patient's right at the left of axial and coronal slices, anterior or
superior up, anterior at the left of sagittal slices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import (
    CorruptImageError,
    ImageContentError,
    ImageError,
    UnsupportedFormatError,
)
from tumorscope.imaging.background import fill_background
from tumorscope.imaging.limits import Limits
from tumorscope.imaging.quiet import quiet
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

_LEAST_DETERMINANT: Final = 1e-3
"""Of three directions of length 1, below which they do not span the space: 0.06 degrees."""


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A volume on canonical axes.

    Attributes
    ----------
    voxels
        Shape (right, anterior, superior), float32, finite.
    spacing_mm
        Voxel size along each axis, in millimetres as the header says.
    is_oriented
        Whether the header tells the directions of the axes; elsewhere the voxels are as stored.
    has_spacing
        Whether the header tells the voxel sizes.
    notes
        What a reader of the answer has to know of the file.
    """

    voxels: NDArray[np.float32]
    spacing_mm: tuple[float, float, float]
    is_oriented: bool = True
    has_spacing: bool = True
    notes: tuple[str, ...] = ()

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


def make_volume(
    voxels: NDArray[Any],
    affine: NDArray[np.float64] | None,
    sizes: Sequence[float],
    notes: tuple[str, ...] = (),
) -> Volume:
    """Turn voxels to the canonical axes.

    Parameters
    ----------
    voxels
        Shape (i, j, k), real; what is not finite becomes background.
    affine
        Shape (3, 3) or larger: columns are the steps along i, j and k in millimetres towards
        right, anterior and superior; ``None`` where the directions are unknown.
    sizes
        Of the voxels along i, j and k, used where ``affine`` is ``None``.
    """
    values = np.atleast_3d(fill_background(voxels))
    if affine is None:
        known = [float(one) for one in sizes[:3]]
        if len(known) == 3 and all(np.isfinite(one) and one > 0 for one in known):
            return Volume(values, (known[0], known[1], known[2]), False, True, notes)
        return Volume(values, (1.0, 1.0, 1.0), False, False, notes)
    from nibabel.orientations import apply_orientation, io_orientation

    steps = np.eye(4)
    steps[:3, :3] = affine[:3, :3]
    orientation = io_orientation(steps)
    turned = np.ascontiguousarray(apply_orientation(values, orientation))
    lengths = np.linalg.norm(steps[:3, :3], axis=0)
    by_axis = dict(zip(orientation[:, 0].astype(int), lengths.tolist(), strict=True))
    return Volume(turned, (by_axis[0], by_axis[1], by_axis[2]), notes=notes)


def is_usable(affine: NDArray[np.float64] | None) -> bool:
    """Tell whether the steps of an affine, shape (3, 3) or larger, span the space."""
    if affine is None or not np.isfinite(affine[:3, :3]).all():
        return False
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    if lengths.min() <= 0 or lengths.max() > 1e6:
        return False
    return bool(abs(np.linalg.det(affine[:3, :3] / lengths)) >= _LEAST_DETERMINANT)


def choose_volume(
    count: int, read: Callable[[int], NDArray[Any]]
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Read the first of several volumes that shows something, and say so.

    Parameters
    ----------
    count
        Volumes in the file, at least 1.
    read
        Returns one of them by its number from 0.
    """
    first = read(0)
    if count == 1:
        return first, ()
    number, chosen = 0, first
    for place in range(1, min(count, _TRIED)):
        if _shows_something(chosen):
            break
        number, chosen = place, read(place)
    if not _shows_something(chosen):
        number, chosen = 0, first
    note = (
        f"The file holds {count} volumes (4-D); volume {number + 1} of {count} is answered, the "
        "others are not."
    )
    return chosen, (note,)


_TRIED: Final = 16
"""Volumes that are looked at for one that shows something."""


def _shows_something(voxels: NDArray[Any]) -> bool:
    finite = voxels[np.isfinite(voxels)]
    return bool(finite.size and finite.min() < finite.max())


def check_grey(dtype: np.dtype[Any], name: str) -> None:
    """Raise UnsupportedFormatError for voxels that are no grey values."""
    if dtype.kind not in "buif":
        kind = "colors" if dtype.names else f"voxels of type {dtype}"
        raise UnsupportedFormatError(f"The {name} file holds {kind}; gray values are needed.")


def check_shape(shape: Sequence[int], limits: Limits, name: str) -> None:
    """Check the shape that a header gives, before anything of that size is made."""
    if len(shape) < 2 or min(shape) < 1:
        raise CorruptImageError(f"The {name} file says it has shape {tuple(shape)}.")
    # Whatever the plane: the two longest sides span the largest slice there can be.
    frames, rows, columns = sorted((*shape[:3], 1)[:3])
    limits.check_picture(rows, columns, frames)


def cut_slices(volume: Volume, plane: Plane) -> list[NDArray[np.float32]]:
    """Cut a volume into slices, shape (rows, columns) each, in the order of the axis."""
    turned = np.moveaxis(volume.voxels, AXIS_OF_PLANE[plane], 0)
    # (slices, right or anterior, anterior or superior) -> rows downwards, columns to the right
    shown = turned.transpose(0, 2, 1)[:, ::-1, ::-1]
    return [np.ascontiguousarray(one) for one in shown]


@contextmanager
def damaged_as_corrupt(name: str, *loggers: str) -> Iterator[None]:
    """Keep a format's library quiet, and turn the many classes it raises on damage into one."""
    try:
        with quiet(*loggers):
            yield
    except ImageError:
        raise
    except Exception as error:
        raise CorruptImageError(
            f"The {name} file cannot be read ({type(error).__name__}); it is truncated or damaged."
        ) from error


def to_scans(volume: Volume, source: str) -> list[Scan]:
    """Cut a volume in its own plane, from inferior, posterior or left upwards.

    Slices beyond the head may be blank; they are kept, so that slices and answers agree in number.

    Raises
    ------
    ImageContentError
        If all its voxels are the same.
    """
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
            spacing_mm=slice_spacing(volume, plane),
            plane=plane if volume.is_oriented else None,
            sides=_SIDES[plane] if volume.is_oriented else None,
            notes=volume.notes,
        )
        for index, pixels in enumerate(slices)
    ]


def slice_spacing(volume: Volume, plane: Plane) -> tuple[float, float] | None:
    """Return the distance of rows and of columns in mm, ``None`` where the file does not say."""
    if not volume.has_spacing:
        return None
    columns, rows = (
        size for axis, size in enumerate(volume.spacing_mm) if axis != AXIS_OF_PLANE[plane]
    )
    return rows, columns
