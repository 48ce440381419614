import io

import numpy as np
import pytest
from PIL import Image

from tumorscope.imaging.formats.codestream import FrameHeader, read_frame_header

GREY = np.random.default_rng(0).integers(0, 256, (24, 20), dtype=np.uint8)

JPEG_LS_HEADER = (
    b"\xff\xd8"  # SOI
    b"\xff\xe8\x00\x06spif"  # an application segment to be passed over
    b"\xff\xff\xf7\x00\x0b\x0c\x01\x00\x00\x80\x01\x01\x11\x00"  # fill byte, SOF55: 256 x 128
)


def encode(pixels: np.ndarray, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("JPEG2000", {"no_jp2": True}),
        ("JPEG2000", {"no_jp2": False}),
    ],
    ids=["baseline", "progressive", "codestream", "boxed"],
)
def test_size_is_that_of_the_picture(kind: str, options: dict[str, object]) -> None:
    assert read_frame_header(encode(GREY, kind, **options)) == FrameHeader(24, 20, 8, 1)
    color = np.dstack([GREY] * 3)
    assert read_frame_header(encode(color, kind, **options)) == FrameHeader(24, 20, 8, 3)


def test_jpeg_2000_gives_its_precision() -> None:
    deep = encode(GREY.astype(np.uint16) * 16, "JPEG2000", no_jp2=True)
    assert read_frame_header(deep) == FrameHeader(24, 20, 16, 1)


def test_jpeg_ls_is_found_behind_other_segments() -> None:
    assert read_frame_header(JPEG_LS_HEADER) == FrameHeader(256, 128, 12, 1)


@pytest.mark.parametrize("kind", ["JPEG", "JPEG2000"])
def test_cut_or_foreign_content_has_no_header(kind: str) -> None:
    content = encode(GREY, kind)
    for size in range(20):
        assert read_frame_header(content[:size]) is None
    assert read_frame_header(b"\xff\xd8\xff\xd9" + content) is None
    assert read_frame_header(b"\xff\xd8" + bytes(100)) is None
    assert read_frame_header(GREY.tobytes()) is None
