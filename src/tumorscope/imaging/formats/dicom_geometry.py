"""Where the slices of a DICOM file lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray

from tumorscope.imaging.formats.dicom_header import number, numbers
from tumorscope.labels import Plane

_PLANE_BY_AXIS: Final[tuple[Plane, ...]] = ("sagittal", "coronal", "axial")
"""Plane whose normal is the patient's x (left), y (posterior) or z (head) axis."""

_MIN_ALIGNMENT: Final = 0.8
"""Cosine between a slice normal and an axis from which the plane is given its name (37 degrees)."""

_LEAST_AREA: Final = 0.1
"""Of two directions of length 1, below which they do not span a plane: 6 degrees."""

_DIRECTIONS: Final = (("L", "R"), ("P", "A"), ("H", "F"))
"""Letters of the positive and negative patient axes. DICOM PS3.3 C.7.6.1.1.1."""


@dataclass(frozen=True, slots=True)
class SliceGeometry:
    """Place of one slice.

    The attributes are those of :class:`~tumorscope.imaging.scan.Scan` and
    :class:`~tumorscope.imaging.scan.SliceMember`.
    """

    position_mm: float | None = None
    is_placed: bool = False
    orientation: tuple[float, ...] | None = None
    spacing_mm: tuple[float, float] | None = None
    plane: Plane | None = None
    sides: tuple[str, str] | None = None


def slice_geometry(ds: pydicom.Dataset, index: int, *, frames: int) -> SliceGeometry:
    """Read the geometry of one frame.

    The position is along the slice normal. Where it is unknown, the frame's or the instance's
    number stands for it, so that the order is kept.
    """
    groups = functional_groups(ds, index)
    orientation = _orientation(groups.get("PlaneOrientationSequence", ds))
    position = numbers(groups.get("PlanePositionSequence", ds), "ImagePositionPatient", 3)
    measures = groups.get("PixelMeasuresSequence", ds)
    spacing = _spacing(measures, ds)
    if orientation is None:
        along = number(ds, "SliceLocation") if frames == 1 else None
        rank = _rank(ds, index, frames=frames) if along is None else along
        return SliceGeometry(rank, is_placed=along is not None, spacing_mm=spacing)
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    along = None if position is None else float(normal @ np.array(position))
    if along is not None and frames > 1 and "PlanePositionSequence" not in groups:
        gap = number(measures, "SpacingBetweenSlices")
        along = None if gap is None else along + index * gap
    if along is None and frames == 1:
        along = number(ds, "SliceLocation")
    return SliceGeometry(
        position_mm=_rank(ds, index, frames=frames) if along is None else along,
        is_placed=along is not None,
        orientation=tuple(orientation.tolist()),
        spacing_mm=spacing,
        plane=_plane(normal),
        sides=(_side(-row), _side(-column)),
    )


def functional_groups(ds: pydicom.Dataset, index: int) -> dict[str, pydicom.Dataset]:
    """Return the first item of each macro of one frame by keyword; per-frame before shared.

    Empty for files that are not enhanced multi-frame. DICOM PS3.3 C.7.6.16.
    """
    found: dict[str, pydicom.Dataset] = {}
    shared = ds.get("SharedFunctionalGroupsSequence") or []
    per_frame = ds.get("PerFrameFunctionalGroupsSequence") or []
    for group in (*shared[:1], *per_frame[index : index + 1]):
        for element in group:
            if element.VR == "SQ" and len(element.value):
                found[element.keyword] = element.value[0]
    return found


def _rank(ds: pydicom.Dataset, index: int, *, frames: int) -> float | None:
    return float(index) if frames > 1 else number(ds, "InstanceNumber")


def _orientation(ds: pydicom.Dataset) -> NDArray[np.float64] | None:
    """Return the directions of rows and columns, of length 1; ``None`` if they span no plane."""
    stated = numbers(ds, "ImageOrientationPatient", 6)
    if stated is None:
        return None
    directions = np.array(stated).reshape(2, 3)
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    if lengths.min() <= 0:
        return None
    directions = directions / lengths
    if np.linalg.norm(np.cross(directions[0], directions[1])) < _LEAST_AREA:
        return None
    return np.asarray(directions.reshape(6))


def _spacing(measures: pydicom.Dataset, ds: pydicom.Dataset) -> tuple[float, float] | None:
    for owner, keyword in (
        (measures, "PixelSpacing"),
        (ds, "ImagerPixelSpacing"),
        (ds, "NominalScannedPixelSpacing"),
    ):
        stated = numbers(owner, keyword, 2)
        if stated is not None and min(stated) > 0:
            return stated[0], stated[1]
    ratio = numbers(ds, "PixelAspectRatio", 2)
    if ratio is not None and min(ratio) > 0 and ratio[0] != ratio[1]:
        return ratio[0], ratio[1]  # of unknown length, but of known proportions
    return None


def _plane(normal: NDArray[np.float64]) -> Plane | None:
    length = float(np.linalg.norm(normal))
    axis = int(np.argmax(np.abs(normal)))
    aligned = length > 0 and abs(normal[axis]) / length >= _MIN_ALIGNMENT
    return _PLANE_BY_AXIS[axis] if aligned else None


def _side(direction: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return _DIRECTIONS[axis][0 if direction[axis] > 0 else 1]
