"""Any input into scans, told by its content and not by its name."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging.background import fill_background
from tumorscope.imaging.formats.detached import Companion
from tumorscope.imaging.formats.table import (
    GZIP_MAGIC,
    MAGIC_BYTES,
    recognize,
    why_unread,
)
from tumorscope.imaging.formats.volume import Volume, check_grey, check_shape, to_scans
from tumorscope.imaging.inputs.gzipped import gunzip
from tumorscope.imaging.inputs.sources import SourceFile, beside, expand, label, read_file
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import ReadFailure, Scan

if TYPE_CHECKING:
    import PIL.Image
    import pydicom

    ImageLike = str | Path | bytes | PIL.Image.Image | NDArray[Any] | Volume | pydicom.Dataset

IN_MEMORY: Final = "memory"
"""Name of what has no path."""


def read_scans(
    paths: Iterable[str | Path] | Path, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Scan | ReadFailure]:
    """Read files, folders and archives, one file at a time.

    A file that cannot be read gives a :class:`ReadFailure` in its place and the rest goes on.
    """
    for file in expand(paths, limits):
        if isinstance(file, ReadFailure):
            yield file
        else:
            yield from _read_source(file, limits)


def read_one(
    source: ImageLike, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> list[Scan]:
    """Read one input of any kind. The same picture gives the same pixels in every form.

    Parameters
    ----------
    source
        Path of a file, encoded bytes, PIL image, array, volume or pydicom Dataset.
    name
        Under which answers refer to it; by default its path, or ``memory``.

    Returns
    -------
    list of Scan
        One for each slice, frame or page; at least one.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    if isinstance(source, (str, Path)):
        path = Path(source)
        return decode(read_file(path, limits), name or label(source), limits, beside(path, limits))
    if isinstance(source, (bytes, bytearray, memoryview)):
        limits.check_bytes(len(source))
        return decode(bytes(source), name or IN_MEMORY, limits)
    return _from_object(source, name or IN_MEMORY, limits)


def decode(
    content: bytes,
    name: str,
    limits: Limits = DEFAULT_LIMITS,
    companion: Companion | None = None,
) -> list[Scan]:
    """Decode the content of one file.

    Parameters
    ----------
    companion
        Returns a file that lies beside this one, by its bare name; ``None`` where there are none.

    Raises
    ------
    ImageError
        If it is of no known format, damaged or over a limit.
    """
    if not content:
        raise CorruptImageError("The file is empty (0 bytes).")
    if content.startswith(GZIP_MAGIC):
        content = gunzip(content, name, limits)
    found = recognize(content)
    if found is not None and found.name == "zip":
        raise UnsupportedFormatError(
            "A zip archive is not a single image, and archives inside archives are not opened; "
            "unpack it first."
        )
    if found is None or found.reader is None:
        raise UnsupportedFormatError(why_unread(content[:MAGIC_BYTES], name))
    read = found.load_reader()
    scans: list[Scan] = (
        read(content, name, limits, companion) if found.detached else read(content, name, limits)
    )
    return scans


def _read_source(file: SourceFile, limits: Limits) -> Iterator[Scan | ReadFailure]:
    try:
        yield from decode(file.read(), file.name, limits, file.companion)
    except ImageError as error:
        yield ReadFailure(file.name, error)


def _from_object(source: object, name: str, limits: Limits) -> list[Scan]:
    if isinstance(source, Volume):
        check_shape(source.voxels.shape, limits, "volume in memory")
        check_grey(source.voxels.dtype, "volume in memory")
        # A copy: what a caller does with the own array is no change of ours.
        voxels = np.atleast_3d(fill_background(np.array(source.voxels)))
        return to_scans(replace(source, voxels=voxels), name)
    if isinstance(source, np.ndarray):
        from tumorscope.imaging.formats.raster import from_array

        return [from_array(source, name, limits)]
    # An object of these classes can only exist where their packages are loaded already.
    pil, pydicom = sys.modules.get("PIL.Image"), sys.modules.get("pydicom")
    if pil is not None and isinstance(source, pil.Image):
        from tumorscope.imaging.formats.raster import from_pil

        return [from_pil(source, name, limits)]
    if pydicom is not None and isinstance(source, pydicom.Dataset):
        from tumorscope.imaging.formats.dicom import from_dataset

        return from_dataset(source, name, limits)
    raise UnsupportedFormatError(
        "A path, bytes, PIL image, array, Volume or pydicom Dataset is needed; received "
        f"{type(source).__name__}."
    )
