import gzip
import io
import zipfile

import pytest

from tumorscope.imaging.formats.table import MAGIC_BYTES, recognize, why_unread

BMP = b"BM" + bytes(12) + (40).to_bytes(4, "little")


def empty_zip() -> bytes:
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (BMP, "BMP"),
        (b"RIFF\x00\x00\x00\x00WEBP", "WebP"),
        (b"II*\x00", "TIFF"),
        (b"MM\x00*", "TIFF"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"II*\x00" + bytes(124) + b"DICM", "DICOM"),
        (b"\x08\x00\x05\x00CS\x0a\x00", "DICOM"),
        (b"\x02\x00\x00\x00UL\x04\x00", "DICOM"),
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00", "DICOM"),
        (bytes(344) + b"n+1\x00", "NIfTI"),
        (b"\x1c\x02\x00\x00n+2\x00", "NIfTI"),
        (gzip.compress(b"anything", mtime=0), "gzip"),
        (b"PK\x03\x04", "zip"),
        (empty_zip(), "zip"),
    ],
)
def test_kind_is_told_by_the_first_bytes(content: bytes, kind: str) -> None:
    for one in (content, content[:MAGIC_BYTES]):
        found = recognize(one)
        assert found is not None
        assert found.name == kind


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"B",
        b"BM is also how a text may begin, and this is one",
        b"RIFF\x00\x00\x00\x00WAVE",
        b"patient,label\n",
        b"\x08\x00",
        b"\x08\x00\x05\x00\xff\xff\xff\xff",
        bytes(400),
    ],
)
def test_other_content_is_of_no_kind(content: bytes) -> None:
    assert recognize(content) is None


def test_zip_where_a_single_file_is_needed_is_told_what_to_do() -> None:
    assert why_unread(b"PK\x03\x04", "mask.zip") == (
        "zip is not read here; unpack it and give the file inside."
    )
