"""Expand rows of whole volumes into rows of slices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public_sets import set_named
from tumorscope.errors import ImageContentError, ImageError, ManifestError
from tumorscope.imaging.formats.table import is_named_as_volume
from tumorscope.imaging.inputs.volumes import AXIS_OF_PLANE, Volume, cut_slices, read_volume
from tumorscope.labels import PLANES, Plane

SLICES_PER_PLANE: Final = 25
"""About so many are taken of a plane, so that one subject does not outweigh the others."""

MIN_TUMOR_PIXELS: Final = 50
"""Area of the mask from which a slice shows a tumor: about 7 mm across at 256 x 256 pixels.
A slice with less, but not none, tells nothing either way and its ``tumor`` is left empty."""

FOREGROUND_FRACTION: Final = 0.08
"""Of the volume's 99th percentile; the same as that of the preprocessing."""

HEAD_FRACTION: Final = 0.25
"""A slice is of the head where its foreground has at least this share of the largest one's."""

END_FRACTION: Final = 0.10
"""Share of the head's slices left out at each end: scalp, skull and face without brain. They stay
where a whole head has no tumor: a series shows them, too, and no mask can be wrong there."""

EDGE_FRACTION: Final = 0.05
"""The same as :data:`HEAD_FRACTION`, up to the vertex of a head without a tumor."""

AXIAL_BRAIN_MM: Final = 125.0
"""From the top of the head down to the base of the temporal lobes and cerebellum."""

CORONAL_BRAIN_MM: Final = 150.0
"""From the back of the head to the eyes; what lies before them is face without brain."""

THICK_RATIO: Final = 2.0
"""A volume whose coarsest spacing is over this multiple of its finest is cut one way only."""


def expand_volumes(rows: Iterable[ManifestRow], root: Path) -> list[ManifestRow]:
    """Replace every row of a whole volume by rows of its slices; keep all others.

    A volume that cannot be read, or is empty, keeps its one row, to be found unreadable later.

    Raises
    ------
    ManifestError
        If a mask does not have its volume's shape.
    """
    expanded: list[ManifestRow] = []
    for row in rows:
        if not is_named_as_volume(row.path) or row.slice_index is not None:
            expanded.append(row)
            continue
        try:
            expanded += _expand(row, root)
        except (ImageError, OSError):
            expanded.append(row)
    return expanded


def _expand(row: ManifestRow, root: Path) -> Iterator[ManifestRow]:
    volume = read_volume(root / row.path)
    mask = None if row.mask is None else read_volume(root / row.mask)
    if mask is not None and mask.voxels.shape != volume.voxels.shape:
        raise ManifestError(
            f"The mask {row.mask!r} has shape {mask.voxels.shape}, its volume {row.path!r} "
            f"{volume.voxels.shape}; they must be the same."
        )
    for plane in set_named(row.set).planes_of(row.sequence) or guess_planes(volume):
        yield from _expand_plane(row, plane, volume=volume, mask=mask)


def guess_planes(volume: Volume) -> tuple[Plane, ...]:
    """Return the planes in which a volume has full resolution, from its spacing."""
    spacing = volume.spacing_mm
    if max(spacing) <= THICK_RATIO * min(spacing):
        return PLANES
    thick = int(np.argmax(spacing))
    return tuple(plane for plane in PLANES if AXIS_OF_PLANE[plane] == thick)


def _expand_plane(
    row: ManifestRow, plane: Plane, *, volume: Volume, mask: Volume | None
) -> Iterator[ManifestRow]:
    slices = list(cut_slices(volume, plane))
    masks = None if mask is None else list(cut_slices(mask, plane))
    for index in choose_slices(volume, plane, with_ends=row.tumor == 0 and mask is None):
        tumor = _slice_label(row, None if masks is None else masks[index])
        rows, columns = slices[index].shape
        yield replace(
            row,
            slice_index=index,
            plane=plane,
            tumor=tumor,
            type=row.type if tumor == 1 else None,
            width=columns,
            height=rows,
        )


def choose_slices(volume: Volume, plane: Plane, *, with_ends: bool = False) -> list[int]:
    """Choose evenly spaced slices of the brain, about :data:`SLICES_PER_PLANE`.

    Parameters
    ----------
    with_ends
        Go on in the same steps to where head or brain end, such as the vertex.

    Raises
    ------
    ImageContentError
        If the volume is empty.
    """
    areas = _foreground_areas(volume.voxels, AXIS_OF_PLANE[plane])
    first, last = _ends(areas, HEAD_FRACTION)
    lowest, highest = _ends(areas, EDGE_FRACTION)
    if plane == "axial":
        first = max(first, last - round(AXIAL_BRAIN_MM / volume.spacing_mm[2]))
        lowest = first
    if plane == "coronal":
        last = min(last, first + round(CORONAL_BRAIN_MM / volume.spacing_mm[1]))
        highest = last
    trim = round(END_FRACTION * (last - first + 1))
    chosen = range(first + trim, last - trim + 1)
    step = max(1, round(len(chosen) / SLICES_PER_PLANE))
    if with_ends:
        start = chosen.start - (chosen.start - lowest) // step * step
        chosen = range(start, highest + 1)
    return list(chosen[::step])


def _ends(areas: NDArray[np.int64], fraction: float) -> tuple[int, int]:
    """Return the first and last slice with at least this share of the largest area."""
    shown = np.flatnonzero(areas >= fraction * max(1, areas.max()))
    if shown.size == 0:
        raise ImageContentError("The volume shows nothing: no voxel stands out from the others.")
    return int(shown[0]), int(shown[-1])


def _foreground_areas(voxels: NDArray[np.float32], axis: int) -> NDArray[np.int64]:
    low = float(voxels.min())
    threshold = low + FOREGROUND_FRACTION * (float(np.percentile(voxels, 99)) - low)
    others = tuple(other for other in range(3) if other != axis)
    areas: NDArray[np.int64] = (voxels > threshold).sum(axis=others)
    return areas


def _slice_label(row: ManifestRow, mask: NDArray[np.float32] | None) -> int | None:
    if row.tumor == 0:
        return 0
    if row.tumor is None or mask is None:
        return None
    area = int((mask > 0).sum())
    if area >= MIN_TUMOR_PIXELS:
        return 1
    return 0 if area == 0 else None
