import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tumorscope.errors import (
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from tumorscope.imaging.formats.raster import from_array, from_pil, read_raster
from tumorscope.imaging.formats.tiff_pieces import check_pieces
from tumorscope.imaging.limits import Limits

GREY = np.arange(0, 240, 5, dtype=np.uint8).reshape(6, 8)
COLOR = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
LUMA = COLOR @ np.array([0.299, 0.587, 0.114])


def encode(picture: Image.Image | np.ndarray, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def read(content: bytes) -> np.ndarray:
    (scan,) = read_raster(content, "made")
    assert scan.pixels.dtype == np.float32
    assert scan.slice_index is None
    assert scan.series_uid is None
    return scan.pixels


def make_png(columns: int, rows: int, *, bits: int = 8, color: int = 0, data: bytes = b"") -> bytes:
    """A PNG written by hand; its header may promise anything."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", columns, rows, bits, color, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(data))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", {"compression": "packbits"}),
        ("WEBP", {"lossless": True}),
    ],
    ids=str,
)
def test_8_bit_grey_keeps_its_values(kind: str, options: dict[str, Any]) -> None:
    assert (read(encode(GREY, kind, **options)) == GREY).all()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF"])
def test_color_becomes_luma(kind: str) -> None:
    np.testing.assert_allclose(read(encode(COLOR, kind)), LUMA, atol=1)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_lossy_formats_come_close(kind: str) -> None:
    smooth = np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))
    np.testing.assert_allclose(read(encode(smooth, kind, quality=95)), smooth, atol=4)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_is_not_clipped(kind: str) -> None:
    deep = np.linspace(0, 65535, 48).astype(np.uint16).reshape(6, 8)
    assert (read(encode(deep, kind)) == deep).all()


def test_16_bit_tiff_in_big_endian() -> None:
    deep = np.linspace(0, 65535, 48).astype(np.uint16).reshape(6, 8)
    picture = Image.frombytes("I;16B", (8, 6), deep.astype(">u2").tobytes())
    assert (read(encode(picture, "TIFF")) == deep).all()


@pytest.mark.parametrize(
    "values",
    [np.linspace(-1e5, 1e6, 48).astype(np.int32), np.linspace(-3, 7, 48, dtype=np.float32)],
)
def test_32_bit_tiff_keeps_its_values(values: np.ndarray) -> None:
    deep = values.reshape(6, 8)
    np.testing.assert_allclose(read(encode(deep, "TIFF")), deep.astype(np.float32))


@pytest.mark.parametrize(
    "options", [{}, {"compression": "zlib", "predictor": True}, {"tile": (16, 16)}]
)
def test_64_bit_floats_in_tiff_keep_their_values(options: dict[str, Any]) -> None:
    tifffile = pytest.importorskip("tifffile", reason="the extra [dev] is not installed")
    deep = np.linspace(-3, 7, 800).reshape(20, 40)
    stream = io.BytesIO()
    tifffile.imwrite(stream, deep, **options)
    np.testing.assert_array_equal(read(stream.getvalue()), deep.astype(np.float32))


def test_64_bit_floats_in_the_other_byte_order_are_refused() -> None:
    tifffile = pytest.importorskip("tifffile", reason="the extra [dev] is not installed")
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((20, 40)), byteorder=">", compression="zlib")
    with pytest.raises(UnsupportedFormatError, match="Save it as PNG or as TIFF of 16-bit"):
        read(stream.getvalue())


def test_1_bit_is_black_and_white() -> None:
    bits = GREY > 100
    for kind in ("PNG", "TIFF", "BMP"):
        assert (read(encode(Image.fromarray(bits), kind)) == 255 * bits).all()


@pytest.mark.parametrize("bits", [2, 4])
def test_few_bits_reach_white(bits: int) -> None:
    data = b"\x00" + bytes([0b11_00_00_00])
    pixels = read(make_png(8 // bits, 1, bits=bits, data=data))
    assert pixels[0, 0] == (255 if bits == 2 else 0b1100 * 17)
    assert pixels[0, 1] == 0


def test_palette_is_looked_up() -> None:
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    picture = Image.frombytes("P", (3, 2), indices.tobytes())
    picture.putpalette([200, 200, 200, 10, 10, 10, 90, 90, 90])
    expected = np.array([200, 10, 90])[indices]
    assert (read(encode(picture, "PNG")) == expected).all()
    assert (read(encode(picture, "BMP")) == expected).all()


def test_transparent_is_black() -> None:
    opacity = np.where(GREY > 100, 255, 0).astype(np.uint8)
    picture = Image.fromarray(np.dstack([GREY, GREY, GREY, opacity]))
    expected = np.where(GREY > 100, GREY, 0)
    assert (read(encode(picture, "PNG")) == expected).all()
    assert (read(encode(picture.convert("LA"), "PNG")) == expected).all()


def test_transparent_palette_entry_is_black() -> None:
    picture = Image.frombytes("P", (2, 1), b"\x00\x01")
    picture.putpalette([200, 200, 200, 90, 90, 90])
    assert read(encode(picture, "PNG", transparency=0)).tolist() == [[0, 90]]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = {
        1: GREY,
        2: GREY[:, ::-1],
        3: GREY[::-1, ::-1],
        4: GREY[::-1],
        5: GREY.T,
        6: GREY[::-1].T,
        7: GREY[::-1, ::-1].T,
        8: GREY[:, ::-1].T,
    }[orientation]
    assert (read(encode(GREY, "PNG", exif=exif)) == upright).all()
    assert (
        from_pil(Image.open(io.BytesIO(encode(GREY, "PNG", exif=exif))), "m").pixels == upright
    ).all()


def test_cmyk_jpeg_is_read() -> None:
    picture = Image.fromarray(np.full((32, 32, 3), 130, np.uint8)).convert("CMYK")
    np.testing.assert_allclose(read(encode(picture, "JPEG", quality=95)), 130, atol=4)


def test_white_is_zero_tiff_is_turned_round() -> None:
    assert (read(encode(GREY, "TIFF", tiffinfo={262: 0})) == GREY).all()  # Pillow inverts it
    deep = 100 * GREY.astype(np.uint16)
    turned = read(encode(deep, "TIFF", tiffinfo={262: 0}))
    assert (turned == deep.max() - deep).all()


def test_tiff_that_claims_more_rows_than_it_has_strips_is_refused() -> None:
    picture = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64)
    content = bytearray(encode(picture, "TIFF", tiffinfo={278: 16}))
    assert (read(bytes(content)) == picture).all()
    place = content.index(struct.pack("<H", 257), 8) + 8  # of ImageLength, after tag, type, count
    content[place : place + 4] = struct.pack("<I", 60_000)
    with pytest.raises(CorruptImageError, match="4 of the 3,750 strips that 60,000 rows"):
        read(bytes(content))


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({273: (8,)}, None),  # one strip, of all rows where their number is not said
        ({273: (8,), 278: 2**32 - 1}, None),
        ({273: (8, 9), 278: 64}, None),
        ({273: (8,), 278: 64}, "1 of the 2 strips"),
        ({273: (8, 9), 278: 64, 277: 3, 284: 2}, "2 of the 6 strips"),
        ({324: (8, 9, 10, 11), 322: 64, 323: 64}, None),
        ({324: (8, 9, 10), 322: 64, 323: 64}, "3 of the 4 tiles"),
        ({324: (8,), 322: 0, 323: 0}, "tiles"),
    ],
)
def test_pieces_of_a_tiff_cover_its_page(tags: dict[int, Any], words: str | None) -> None:
    page = {256: 100, 257: 100} | tags
    if words is None:
        check_pieces(page)
    else:
        with pytest.raises(CorruptImageError, match=words):
            check_pieces(page)


def test_pages_of_a_tiff_form_a_series() -> None:
    pages = [GREY, GREY + 1, GREY + 2]
    first, *rest = (Image.fromarray(page) for page in pages)
    scans = read_raster(encode(first, "TIFF", save_all=True, append_images=rest), "made.tif")
    assert [scan.slice_index for scan in scans] == [0, 1, 2]
    assert [scan.position_mm for scan in scans] == [0, 1, 2]
    assert {scan.series_uid for scan in scans} == {"made.tif"}
    for scan, page in zip(scans, pages, strict=True):
        assert (scan.pixels == page).all()


def test_of_an_animation_the_first_picture_is_read() -> None:
    first, second = Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())
    for kind in ("PNG", "WEBP"):
        content = encode(first, kind, save_all=True, append_images=[second], lossless=True)
        assert (read(content) == GREY).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_array_is_read_as_a_file_of_its_values(channels: int) -> None:
    pixels = np.dstack([COLOR, np.full(COLOR.shape[:2], 255, np.uint8)])[..., :channels]
    squeezed = pixels[..., 0] if channels == 1 else pixels
    expected = read(encode(np.ascontiguousarray(squeezed), "PNG"))
    assert (from_array(pixels, "made").pixels == expected).all()
    assert (from_array(squeezed, "made").pixels == expected).all()
    assert (from_pil(Image.fromarray(np.ascontiguousarray(squeezed)), "m").pixels == expected).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int64, np.float16, np.float64, ">u2"])
def test_array_of_any_depth_keeps_its_values(dtype: Any) -> None:
    values = np.linspace(0, 30_000, 48).reshape(6, 8).astype(dtype)
    scan = from_array(values, "made")
    assert scan.pixels.dtype == np.float32
    np.testing.assert_array_equal(scan.pixels, values.astype(np.float32))


def test_deep_color_array_becomes_luma() -> None:
    scan = from_array(COLOR.astype(np.float64) * 100, "made")
    np.testing.assert_allclose(scan.pixels, 100 * LUMA, rtol=1e-5)


def test_array_is_copied() -> None:
    values = np.zeros((20, 20), np.float32)
    scan = from_array(values, "made")
    values[:] = 7
    assert scan.pixels.max() == 0


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5),
        np.zeros((4, 4, 2)),
        np.zeros((2, 4, 4, 3)),
        np.zeros((4, 4), complex),
        np.array([["a", "b"]]),
        np.array([[{}, {}]]),
        np.float64(3),
    ],
    ids=["1-D", "2 channels", "4-D", "complex", "text", "objects", "number"],
)
def test_array_of_another_kind_is_refused(array: np.ndarray) -> None:
    with pytest.raises(UnsupportedFormatError, match="received"):
        from_array(np.asarray(array), "made")


def test_60000_by_60000_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ImageTooLargeError, match="pixels"):
        read_raster(make_png(60_000, 60_000), "made")


def test_limit_of_pixels_is_used() -> None:
    limits = Limits(max_pixels=40)
    with pytest.raises(ImageTooLargeError, match=r"6 x 8 pixels; the limit is 40"):
        read_raster(encode(GREY, "PNG"), "made", limits)
    with pytest.raises(ImageTooLargeError):
        from_array(GREY, "made", limits)
    with pytest.raises(ImageTooLargeError):
        from_pil(Image.fromarray(GREY), "made", limits)


def test_limit_of_pages_is_used() -> None:
    first = Image.fromarray(GREY)
    content = encode(first, "TIFF", save_all=True, append_images=[first] * 5)
    assert len(read_raster(content, "made", Limits(max_frames=6))) == 6
    with pytest.raises(ImageTooLargeError, match="frames"):
        read_raster(content, "made", Limits(max_frames=5))
    with pytest.raises(ImageTooLargeError):
        read_raster(content, "made", Limits(max_voxels=6 * 48 - 1))


@pytest.mark.parametrize(
    ("kind", "options"),
    [("PNG", {}), ("JPEG", {}), ("BMP", {}), ("TIFF", {}), ("WEBP", {"lossless": True})],
    ids=["PNG", "JPEG", "BMP", "TIFF", "WEBP"],
)
def test_truncated_file_is_damaged(kind: str, options: dict[str, Any]) -> None:
    content = encode(COLOR, kind, **options)
    with pytest.raises(CorruptImageError):
        read_raster(content[: int(0.7 * len(content))], "made")
    for size in range(12, len(content), max(1, len(content) // 40)):
        with pytest.raises(ImageError):
            read_raster(content[: min(size, len(content) - 5)], "made")


def test_gif_is_not_read() -> None:
    with pytest.raises(UnsupportedFormatError):
        read_raster(encode(GREY, "GIF"), "made")


def test_image_of_a_damaged_file_is_refused() -> None:
    content = encode(COLOR, "JPEG")
    picture = Image.open(io.BytesIO(content[:-40]))
    with pytest.raises(CorruptImageError):
        from_pil(picture, "made")


def test_picture_given_is_not_changed() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = Image.open(io.BytesIO(encode(GREY, "PNG", exif=exif)))
    first, second = from_pil(picture, "made"), from_pil(picture, "made")
    assert (first.pixels == second.pixels).all()
    assert picture.size == (8, 6)
