"""From manifest rows to canvases and aligned masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public_sets import set_named
from tumorscope.errors import ImageError, ManifestError
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.inputs.volumes import read_slice_scan
from tumorscope.imaging.preprocess import CanvasGeometry, Preprocessing
from tumorscope.imaging.scan import Scan
from tumorscope.labels import LESION_TYPES, TUMOR_TYPES
from tumorscope.recipes.cells import cell_of
from tumorscope.system.progress import progress
from tumorscope.training.examples import UNKNOWN, Examples

FULL_COVERAGE: Final = 255


@dataclass(frozen=True, slots=True, eq=False)
class LoadedRow:
    """One manifest row with its picture.

    Attributes
    ----------
    row
        The manifest row.
    scan
        As read.
    canvas, geometry
        As made by ``Preprocessing.apply`` from its pixels and their spacing.
    mask
        Shape (rows, columns), bool, or ``None``.
    """

    row: ManifestRow
    scan: Scan
    canvas: NDArray[np.uint8]
    geometry: CanvasGeometry
    mask: NDArray[np.bool_] | None

    @property
    def pixels(self) -> NDArray[np.float32]:
        """Shape (rows, columns), as read."""
        return self.scan.pixels


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row whose picture could not be used, with the reason."""

    name: str
    reason: str


def load_rows(
    rows: Sequence[ManifestRow], root: Path, preprocessing: Preprocessing
) -> Iterator[LoadedRow | SkippedRow]:
    """Read the picture and mask of each row, in order."""
    for row in rows:
        try:
            scan = _scan(row.path, row, root)
            canvas, geometry = preprocessing.apply(scan.pixels, scan.spacing_mm)
        except ImageError as error:
            yield SkippedRow(row.name, str(error))
            continue
        yield LoadedRow(row, scan, canvas, geometry, _mask(row, root, scan.pixels.shape))


def load_examples(
    rows: Sequence[ManifestRow], root: Path, preprocessing: Preprocessing
) -> tuple[Examples, list[SkippedRow]]:
    """Gather the examples of one split for training.

    Rows without a tumor label and rows whose picture cannot be used are left out; the latter
    are returned with the reason.
    """
    labeled = [row for row in rows if row.tumor is not None]
    loaded: list[LoadedRow] = []
    masks: list[NDArray[np.uint8]] = []
    mask_index: list[int] = []
    skipped: list[SkippedRow] = []
    loading = progress(load_rows(labeled, root, preprocessing), total=len(labeled), what="reading")
    for item in loading:
        if isinstance(item, SkippedRow):
            skipped.append(item)
            continue
        loaded.append(_without_pixels(item))
        mask_index.append(UNKNOWN if item.mask is None else len(masks))
        if item.mask is not None:
            covered = preprocessing.apply_mask(item.mask, item.geometry)
            masks.append(np.rint(covered * FULL_COVERAGE).astype(np.uint8))
    if not loaded:
        raise ManifestError("None of the rows of this split has a label and a usable image.")
    return _examples(loaded, masks, mask_index, preprocessing.size), skipped


def load_canvases(
    rows: Sequence[ManifestRow], root: Path, preprocessing: Preprocessing
) -> NDArray[np.uint8]:
    """Return the canvases of the rows whose picture can be used, shape (n, size, size)."""
    loaded = load_rows(rows, root, preprocessing)
    canvases = [item.canvas for item in loaded if isinstance(item, LoadedRow)]
    size = preprocessing.size
    return np.stack(canvases) if canvases else np.zeros((0, size, size), np.uint8)


def type_index(row: ManifestRow) -> int:
    """Return the index in ``TUMOR_TYPES`` of a row's tumor, -1 where no class holds it."""
    held_by = LESION_TYPES.get(row.type or "")
    return UNKNOWN if held_by is None else TUMOR_TYPES.index(held_by)


def _examples(
    loaded: list[LoadedRow], masks: list[NDArray[np.uint8]], mask_index: list[int], size: int
) -> Examples:
    types = [type_index(item.row) for item in loaded]
    return Examples(
        keys=np.array([item.row.name for item in loaded]),
        canvases=np.stack([item.canvas for item in loaded]),
        tumor=np.array([item.row.tumor for item in loaded], dtype=np.int8),
        tumor_type=np.array(types, dtype=np.int8),
        source=np.array([cell_of(item.row) for item in loaded]),
        masks=np.stack(masks) if masks else np.zeros((0, size, size), np.uint8),
        mask_index=np.array(mask_index, dtype=np.int32),
    )


def _without_pixels(item: LoadedRow) -> LoadedRow:
    nothing = replace(item.scan, pixels=np.zeros((0, 0), np.float32))
    return LoadedRow(item.row, nothing, item.canvas, item.geometry, None)


def _scan(path: str, row: ManifestRow, root: Path) -> Scan:
    if row.slice_index is not None and row.plane is not None:
        return read_slice_scan(root / path, slice_index=row.slice_index, plane=row.plane)
    scans = read_one(root / path)
    if len(scans) != 1:
        raise ManifestError(
            f"{path} holds {len(scans)} slices; a manifest row must name one with slice_index "
            "and plane. 'tumorscope data split' expands volumes."
        )
    return scans[0]


def _mask(row: ManifestRow, root: Path, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
    if row.mask is None:
        return None
    mask = _scan(row.mask, row, root).pixels > 0
    if mask.shape != shape:
        raise ManifestError(
            f"The mask {row.mask} has shape {mask.shape}, its image {row.path} {shape}; "
            "they must be the same."
        )
    return _inscribed(mask) if set_named(row.set).has_boxes else mask


def _inscribed(box: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the ellipse in a box: a nearer guess of a tumor's outline than the corners."""
    rows, columns = (np.flatnonzero(box.any(axis=axis)) for axis in (1, 0))
    if not rows.size:
        return box
    top, left, height, width = rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1
    down = (np.arange(box.shape[0]) - top + 0.5) / height * 2 - 1
    across = (np.arange(box.shape[1]) - left + 0.5) / width * 2 - 1
    return np.asarray(down[:, None] ** 2 + across[None] ** 2 <= 1)
