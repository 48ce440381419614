"""Where the slices of a DICOM file lie in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pydicom
from numpy.typing import NDArray

from tumorscope.labels import Plane

_PLANE_BY_AXIS: Final[tuple[Plane, ...]] = ("sagittal", "coronal", "axial")
"""Plane whose normal is the patient's x (left), y (posterior) or z (head) axis."""

_MIN_ALIGNMENT: Final = 0.8
"""Cosine between a slice normal and an axis from which the plane is given its name (37 degrees)."""

_DIRECTIONS: Final = (("L", "R"), ("P", "A"), ("H", "F"))
"""Letters of the positive and negative patient axes. DICOM PS3.3 C.7.6.1.1.1."""


@dataclass(frozen=True, slots=True)
class SliceGeometry:
    """Place of one slice; the attributes are those of :class:`~tumorscope.imaging.scan.Scan`."""

    position_mm: float | None = None
    spacing_mm: tuple[float, float] | None = None
    plane: Plane | None = None
    sides: tuple[str, str] | None = None


def slice_geometry(ds: pydicom.Dataset, index: int, *, frames: int) -> SliceGeometry:
    """Read the geometry of one frame.

    The position is along the slice normal. Where it is unknown, the frame's or the instance's
    number stands for it, so that the order is kept.
    """
    groups = functional_groups(ds, index)
    orientation = _numbers(groups.get("PlaneOrientationSequence", ds), "ImageOrientationPatient", 6)
    position = _numbers(groups.get("PlanePositionSequence", ds), "ImagePositionPatient", 3)
    measures = groups.get("PixelMeasuresSequence", ds)
    spacing = _numbers(measures, "PixelSpacing", 2)
    if orientation is None:
        return SliceGeometry(_rank(ds, index, frames=frames), _pair(spacing))
    row, column = orientation[:3], orientation[3:]
    normal = np.cross(row, column)
    along = None if position is None else float(normal @ position)
    if along is not None and frames > 1 and "PlanePositionSequence" not in groups:
        gap = _numbers(measures, "SpacingBetweenSlices", 1)
        along = None if gap is None else along + index * float(gap[0])
    return SliceGeometry(
        position_mm=_rank(ds, index, frames=frames) if along is None else along,
        spacing_mm=_pair(spacing),
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
    if frames > 1:
        return float(index)
    number = _numbers(ds, "InstanceNumber", 1)
    return None if number is None else float(number[0])


def _numbers(ds: pydicom.Dataset, keyword: str, count: int) -> NDArray[np.float64] | None:
    value: Any = ds.get(keyword)
    if value in (None, ""):
        return None
    try:
        numbers = np.array(value, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None
    return numbers if numbers.size == count and np.isfinite(numbers).all() else None


def _pair(spacing: NDArray[np.float64] | None) -> tuple[float, float] | None:
    if spacing is None or spacing.min() <= 0:
        return None
    return float(spacing[0]), float(spacing[1])


def _plane(normal: NDArray[np.float64]) -> Plane | None:
    length = float(np.linalg.norm(normal))
    axis = int(np.argmax(np.abs(normal)))
    aligned = length > 0 and abs(normal[axis]) / length >= _MIN_ALIGNMENT
    return _PLANE_BY_AXIS[axis] if aligned else None


def _side(direction: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return _DIRECTIONS[axis][0 if direction[axis] > 0 else 1]
