import numpy as np
import pytest

from tumorscope.imaging.overlay import draw_box, draw_overlay, with_scale


def test_without_evidence_the_picture_stays_grey() -> None:
    pixels = np.arange(64.0).reshape(8, 8)
    drawn = np.asarray(draw_overlay(pixels, np.zeros((8, 8), np.float32)))
    assert (drawn[..., 0] == drawn[..., 1]).all()
    assert (drawn[..., 1] == drawn[..., 2]).all()
    assert drawn[0, 0, 0] == 0
    assert drawn[-1, -1, 0] == 255
    assert (np.diff(drawn[..., 0].ravel().astype(int)) >= 0).all()


def test_color_grows_with_the_evidence_and_stays_in_its_place() -> None:
    evidence = np.zeros((8, 8), np.float32)
    evidence[2, 5], evidence[6, 1] = 1.0, 0.25
    drawn = np.asarray(draw_overlay(np.tile(np.arange(8.0), (8, 1)), evidence)).astype(int)
    redness = drawn[..., 0] - drawn[..., 2]
    assert redness[2, 5] > redness[6, 1] > 0
    assert np.count_nonzero(redness) == 2


def test_opacity_changes_the_strength() -> None:
    pixels, evidence = np.tile(np.arange(8.0), (8, 1)), np.ones((8, 8), np.float32)
    full = np.asarray(draw_overlay(pixels, evidence, opacity=1.0))
    assert (full == (255, 230, 40)).all()
    assert not (np.asarray(draw_overlay(pixels, evidence, opacity=0.2)) == full).all()


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e30])
def test_any_range_of_values_is_drawn(scale: float) -> None:
    pixels = np.float32(scale) * np.arange(64, dtype=np.float32).reshape(8, 8)
    drawn = np.asarray(draw_overlay(pixels, np.zeros((8, 8), np.float32)))
    assert drawn[0, 0, 0] == 0
    assert drawn[-1, -1, 0] == 255


def test_constant_picture_is_drawn_black() -> None:
    drawn = np.asarray(draw_overlay(np.full((8, 8), 7.0), np.zeros((8, 8), np.float32)))
    assert not drawn.any()


def test_one_bright_pixel_in_darkness_is_still_drawn() -> None:
    pixels = np.zeros((64, 64), np.float32)
    pixels[3, 4] = 1.0
    drawn = np.asarray(draw_overlay(pixels, np.zeros((64, 64), np.float32)))
    assert drawn[3, 4, 0] == 255
    assert np.count_nonzero(drawn[..., 0]) == 1


@pytest.mark.parametrize("width", [16, 80, 300])
def test_scale_stands_below_and_covers_nothing(width: int) -> None:
    picture = draw_overlay(np.tile(np.arange(float(width)), (40, 1)), np.zeros((40, width), "f4"))
    draw_box(picture, (5, 2, 20, 12))
    drawn = np.asarray(picture)
    assert (drawn[[5, 20], 2:13] == (0, 255, 255)).all()
    assert (drawn[5:21, [2, 12]] == (0, 255, 255)).all()
    scaled = np.asarray(with_scale(picture)).astype(int)
    assert (scaled[:40] == drawn).all()
    assert (np.diff(scaled[44, :, 0]) >= 0).all()
    assert scaled[44, 0].tolist() == [0, 0, 0]
    assert (len(scaled) > 60) == (width >= 64)  # with words
