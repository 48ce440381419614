"""What kind of file some content is, told by its first bytes and never by a name."""

from __future__ import annotations

from typing import Final, Literal

FileKind = Literal["raster", "dicom", "nifti", "gzip", "zip"]

GZIP_MAGIC: Final = b"\x1f\x8b"
ZIP_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""Of an archive with members and of an empty one."""

RASTER_MAGICS: Final = (
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff",
    b"II*\x00",
    b"MM\x00*",
    b"II+\x00",
    b"MM\x00+",
)

_BMP_HEADER_BYTES: Final = frozenset({12, 40, 52, 56, 64, 108, 124})
"""Sizes of the information header after the 14 bytes of the file header."""

DICOM_PREAMBLE_BYTES: Final = 128
NIFTI_HEADER_BYTES: Final = 352
"""Header and extension flag of NIfTI-1; that of NIfTI-2 has its magic in front."""

MAGIC_BYTES: Final = NIFTI_HEADER_BYTES
"""So many first bytes tell the kind."""


def file_kind(content: bytes) -> FileKind | None:
    """Tell the kind of a file from at least its first :data:`MAGIC_BYTES` bytes.

    Returns
    -------
    str or None
        ``None`` if it is of no kind that is read.
    """
    # First, for a DICOM preamble may hold the header of a TIFF (PS3.10 section 7.1).
    if content[DICOM_PREAMBLE_BYTES : DICOM_PREAMBLE_BYTES + 4] == b"DICM":
        return "dicom"
    if content.startswith(ZIP_MAGICS):
        return "zip"
    if content.startswith(GZIP_MAGIC):
        return "gzip"
    if content.startswith(RASTER_MAGICS) or _is_bmp(content) or _is_webp(content):
        return "raster"
    if content[344:347] in (b"n+1", b"ni1") or content[4:7] in (b"n+2", b"ni2"):
        return "nifti"
    return "dicom" if _looks_like_bare_dicom(content) else None


def _is_bmp(content: bytes) -> bool:
    header_bytes = int.from_bytes(content[14:18], "little")
    return content[:2] == b"BM" and header_bytes in _BMP_HEADER_BYTES


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _looks_like_bare_dicom(content: bytes) -> bool:
    """Tell a DICOM data set without preamble by its first element, of group 0002 or 0008."""
    if len(content) < 8 or content[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    explicit = content[4:6].isalpha() and content[4:6].isupper()
    return explicit or int.from_bytes(content[4:8], "little") < 256
