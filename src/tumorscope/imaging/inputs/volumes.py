"""A volume of any format by its path, whole or one slice of it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, UnsupportedFormatError
from tumorscope.imaging.formats.detached import Companion
from tumorscope.imaging.formats.table import GZIP_MAGIC, MAGIC_BYTES, recognize, why_unread
from tumorscope.imaging.formats.volume import AXIS_OF_PLANE, Volume, cut_slices, slice_spacing
from tumorscope.imaging.inputs.gzipped import gunzip
from tumorscope.imaging.inputs.sources import beside, read_file
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import Scan
from tumorscope.labels import Plane

__all__ = [
    "AXIS_OF_PLANE",
    "Volume",
    "cut_slices",
    "load_volume",
    "read_slice_scan",
    "read_volume",
]

_CACHED_VOLUMES: Final = 4
"""Manifests name the slices of a volume one after the other, and its mask beside it."""


def read_volume(source: Path | bytes, limits: Limits = DEFAULT_LIMITS) -> Volume:
    """Read a 2-D or 3-D file, or one volume of a 4-D one, given by path or content.

    Raises
    ------
    ImageError
        If there is no such file, it is no volume, damaged, or over a limit.
    """
    if isinstance(source, bytes):
        limits.check_bytes(len(source))
        return load_volume(source, "memory", limits)
    return load_volume(read_file(source, limits), str(source), limits, beside(source, limits))


def load_volume(
    content: bytes, name: str, limits: Limits, companion: Companion | None = None
) -> Volume:
    """Load the content of one file; see :func:`read_volume`."""
    if content.startswith(GZIP_MAGIC):
        content = gunzip(content, name, limits)
    found = recognize(content)
    if found is None or found.reader is None:
        raise UnsupportedFormatError(why_unread(content[:MAGIC_BYTES], name))
    if found.kind != "volume":
        raise UnsupportedFormatError(f"A volume is needed; the file is {found.name}.")
    load: Callable[..., Any] = found.load_loader()
    volume: Volume = load(content, limits, companion) if found.detached else load(content, limits)
    return volume


def read_slice_scan(path: Path, *, slice_index: int, plane: Plane) -> Scan:
    """Read one slice of a volume; neighbouring calls on one file read it once.

    Returns
    -------
    Scan
        With its spacing; its pixels are not to be written to.

    Raises
    ------
    ImageError
        If there is no such file, it is damaged, or has no such slice.
    """
    slices, spacing = _cached_slices(Path(path), plane, _state(Path(path)))
    if not 0 <= slice_index < len(slices):
        raise CorruptImageError(
            f"The volume has {len(slices)} {plane} slices; slice_index {slice_index} is not one "
            "of them."
        )
    return Scan(
        slices[slice_index],
        str(path),
        slice_index=slice_index,
        spacing_mm=spacing,
        plane=plane,
    )


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
) -> tuple[list[NDArray[np.float32]], tuple[float, float] | None]:
    volume = read_volume(path)
    slices = cut_slices(volume, plane)
    for pixels in slices:
        pixels.setflags(write=False)
    return slices, slice_spacing(volume, plane)
