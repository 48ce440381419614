"""Any input into scans, told by its content and not by its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import ReadFailure, Scan
from tumorscope.imaging.sources import SourceFile, expand

if TYPE_CHECKING:
    import PIL.Image
    import pydicom

    ImageLike = str | Path | bytes | PIL.Image.Image | NDArray[Any] | pydicom.Dataset

RASTER_MAGICS: Final = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)
_DICOM_PREAMBLE: Final = 128
_IN_MEMORY: Final = "memory"


def read_scans(
    paths: Iterable[str | Path] | Path, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Scan | ReadFailure]:
    """Read files, folders and archives, one scan at a time.

    A file that cannot be read gives a :class:`ReadFailure` in its place and the rest goes on.
    """
    for file in expand(paths, limits):
        if isinstance(file, ReadFailure):
            yield file
        else:
            yield from _read_file(file, limits)


def read_one(
    source: ImageLike, *, name: str | None = None, limits: Limits = DEFAULT_LIMITS
) -> list[Scan]:
    """Read one input of any kind.

    Parameters
    ----------
    source
        Path of a file, encoded bytes, PIL image, array or pydicom Dataset.
    name
        Under which answers refer to it; by default its path, or ``memory``.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    if isinstance(source, (str, Path)):
        content = _file_content(Path(source), limits)
        return decode(content, name or str(source), limits)
    if isinstance(source, (bytes, bytearray, memoryview)):
        limits.check_bytes(len(source))
        return decode(bytes(source), name or _IN_MEMORY, limits)
    return _from_object(source, name or _IN_MEMORY, limits)


def decode(content: bytes, name: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Decode the content of one file.

    Raises
    ------
    ImageError
        If it is of no known format, damaged or over a limit.
    """
    if not content:
        raise CorruptImageError("The file is empty (0 bytes).")
    kind = _kind(content)
    if kind == "raster":
        from tumorscope.imaging.raster import read_raster

        return read_raster(content, name, limits)
    if kind == "dicom":
        from tumorscope.imaging.dicom import read_dicom

        return read_dicom(content, name, limits)
    if kind == "nifti":
        from tumorscope.imaging.nifti import read_nifti

        return read_nifti(content, name, limits)
    raise UnsupportedFormatError(
        f"The content (it starts with {content[:8].hex(' ')}) is not PNG, JPEG, BMP, TIFF, WebP, "
        "DICOM or NIfTI."
    )


def _read_file(file: SourceFile, limits: Limits) -> Iterator[Scan | ReadFailure]:
    try:
        yield from decode(file.read(), file.name, limits)
    except ImageError as error:
        yield ReadFailure(file.name, error)


def _file_content(path: Path, limits: Limits) -> bytes:
    try:
        limits.check_bytes(path.stat().st_size)
        return path.read_bytes()
    except FileNotFoundError as error:
        raise UnsupportedFormatError(f"There is no file {str(path)!r}; check the path.") from error
    except OSError as error:
        raise CorruptImageError(f"The file cannot be opened: {error.strerror}.") from error


def _from_object(source: object, name: str, limits: Limits) -> list[Scan]:
    from tumorscope.imaging.raster import from_array, from_pil

    if isinstance(source, np.ndarray):
        limits.check_picture(*(source.shape[:2] if source.ndim >= 2 else (1, source.size)))
        return [from_array(source, name)]
    if hasattr(source, "getbbox") and hasattr(source, "convert"):
        return [from_pil(source, name)]  # type: ignore[arg-type]  # told by its methods
    if hasattr(source, "pixel_array") or hasattr(source, "file_meta"):
        from tumorscope.imaging.dicom import from_dataset

        return from_dataset(source, name, limits)  # type: ignore[arg-type]
    raise UnsupportedFormatError(
        "A path, bytes, PIL image, array or pydicom Dataset is needed; received "
        f"{type(source).__name__}."
    )


def _kind(content: bytes) -> str | None:
    # First, for a DICOM preamble may hold the header of a TIFF (PS3.10 section 7.1).
    if content[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM":
        return "dicom"
    if content.startswith(RASTER_MAGICS) or (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        return "raster"
    if (
        content[:2] == b"\x1f\x8b"
        or content[344:347] in (b"n+1", b"ni1")
        or (content[4:7] in (b"n+2", b"ni2"))
    ):
        return "nifti"
    return "dicom" if _looks_like_bare_dicom(content) else None


def _looks_like_bare_dicom(content: bytes) -> bool:
    """Tell a DICOM dataset without preamble by its first element, of group 0002 or 0008."""
    if len(content) < 8 or content[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    explicit = content[4:6].isalpha() and content[4:6].isupper()
    return explicit or int.from_bytes(content[4:8], "little") < 256
