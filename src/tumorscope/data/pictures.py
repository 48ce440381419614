"""The grey pictures that manifest rows refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow
from tumorscope.errors import ImageContentError, ManifestError
from tumorscope.imaging.formats.table import is_named_as_volume
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.inputs.volumes import read_slice_scan, read_volume
from tumorscope.imaging.scan import Scan


def read_pictures(rows: Iterable[ManifestRow], root: Path) -> Iterator[NDArray[np.float32]]:
    """Read the picture of each row, shape (rows, columns), float32; see :func:`read_row_scans`."""
    for scan in read_row_scans(rows, root):
        yield scan.pixels


def read_row_scans(rows: Iterable[ManifestRow], root: Path) -> Iterator[Scan]:
    """Read the picture of each row, with what its file says of it.

    Raises
    ------
    ImageError
        If a file cannot be read, or is a whole volume.
    ManifestError
        If a row names a page that its file does not have.
    """
    for row in rows:
        if is_named_as_volume(row.path):
            yield _read_volume_slice(row, root)
        else:
            yield _read_picture(row, root)


def _read_volume_slice(row: ManifestRow, root: Path) -> Scan:
    if row.plane is None or row.slice_index is None:
        read_volume(root / row.path)  # says what is wrong with a volume that could not be cut
        raise ImageContentError(f"{row.path!r} is a whole volume; its row names no slice.")
    return read_slice_scan(root / row.path, slice_index=row.slice_index, plane=row.plane)


def _read_picture(row: ManifestRow, root: Path) -> Scan:
    scans = read_one(root / row.path)
    for scan in scans:
        if row.slice_index is None or scan.slice_index == row.slice_index:
            return scan
    raise ManifestError(f"{row.name!r} does not exist; the file has {len(scans)} images.")
