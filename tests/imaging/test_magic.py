import gzip
import io
import zipfile

import pytest

from tumorscope.imaging.formats.table import MAGIC_BYTES, file_kind

BMP = b"BM" + bytes(12) + (40).to_bytes(4, "little")


def empty_zip() -> bytes:
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "raster"),
        (b"\xff\xd8\xff\xe0", "raster"),
        (BMP, "raster"),
        (b"RIFF\x00\x00\x00\x00WEBP", "raster"),
        (b"II*\x00", "raster"),
        (b"MM\x00*", "raster"),
        (bytes(128) + b"DICM", "dicom"),
        (b"II*\x00" + bytes(124) + b"DICM", "dicom"),
        (b"\x08\x00\x05\x00CS\x0a\x00", "dicom"),
        (b"\x02\x00\x00\x00UL\x04\x00", "dicom"),
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00", "dicom"),
        (bytes(344) + b"n+1\x00", "nifti"),
        (b"\x1c\x02\x00\x00n+2\x00", "nifti"),
        (gzip.compress(b"anything"), "gzip"),
        (b"PK\x03\x04", "zip"),
        (empty_zip(), "zip"),
    ],
)
def test_kind_is_told_by_the_first_bytes(content: bytes, kind: str) -> None:
    assert file_kind(content) == kind
    assert file_kind(content[:MAGIC_BYTES]) == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"B",
        b"BM is also how a text may begin, and this is one",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"GIF89a",
        b"patient,label\n",
        b"\x08\x00",
        b"\x08\x00\x05\x00\xff\xff\xff\xff",
        bytes(400),
    ],
)
def test_other_content_is_of_no_kind(content: bytes) -> None:
    assert file_kind(content) is None
