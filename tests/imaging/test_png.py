"""PNG files, read back by Pillow."""

import io

import numpy as np
import pytest
from PIL import Image

from tumorscope.imaging.png import encode_png


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (64, 33), (512, 512)])
@pytest.mark.parametrize(
    ("channels", "kind", "mode"),
    [((), np.uint8, "L"), ((), np.uint16, "I;16"), ((3,), np.uint8, "RGB")],
)
def test_pillow_reads_what_was_written(
    size: tuple[int, int], channels: tuple[int, ...], kind: type, mode: str
) -> None:
    shape = (*size, *channels)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
    content = encode_png(pixels)
    with Image.open(io.BytesIO(content)) as picture:
        picture.verify()
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.mode) == ("PNG", mode)
        assert (np.asarray(picture) == pixels).all()


def test_rows_that_do_not_lie_side_by_side_are_written_right() -> None:
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)[::2, ::-3]
    with Image.open(io.BytesIO(encode_png(pixels))) as picture:
        assert (np.asarray(picture) == pixels).all()


def test_a_smooth_picture_is_about_as_small_as_pillow_makes_it() -> None:
    rows, columns = np.mgrid[0:256, 0:256]
    noise = np.random.default_rng(0).normal(0, 4, (256, 256))
    grey = np.clip(128 + 90 * np.sin(rows / 40) * np.cos(columns / 30) + noise, 0, 255)
    pixels = np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=1)
    assert len(encode_png(pixels)) < 1.3 * buffer.tell()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.float32),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 3), np.uint16),
    ],
)
def test_other_pictures_are_refused(pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="not a gray or RGB"):
        encode_png(pixels)
