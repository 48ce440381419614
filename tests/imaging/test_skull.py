import numpy as np
import pytest

from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.imaging.skull import paint_skull, skull_share, strip_skull
from tumorscope.training.augmentation import Augmentation


@pytest.fixture(scope="module")
def head():
    canvas, _ = Preprocessing().apply(head_phantom(lesion=Lesion()).astype(np.float32))
    return canvas


@pytest.fixture(scope="module")
def brain(head):
    return strip_skull(head)[0]


def test_a_head_has_a_skull_and_its_brain_has_none(head, brain):
    assert skull_share(head) > 0.9
    assert skull_share(brain) < 0.1


def test_the_brain_fills_the_picture_and_scalp_and_bone_are_gone(head, brain):
    rows = np.flatnonzero((brain > 40).any(axis=1))
    assert rows[-1] - rows[0] > 200
    assert head[: len(head) // 2, len(head) // 2].max() > 150, "scalp"
    rim = brain[: rows[0] + 6, len(brain) // 2]
    assert rim.max() < 150


def test_the_mask_moves_with_the_brain(head):
    mask = np.zeros_like(head)
    mask[80:110, 130:160] = 255

    stripped, moved = strip_skull(head, mask)

    where = head[mask > 0].mean(), stripped[moved > 127].mean()
    assert moved.any()
    assert where[1] == pytest.approx(where[0], rel=0.35)


def test_there_is_nothing_to_strip_from_a_brain_and_nothing_to_paint_on_a_head(head, brain, rng):
    assert strip_skull(brain) is None
    assert paint_skull(head, rng) is None


def test_a_painted_skull_is_found_and_leaves_the_brain(brain, rng):
    painted, _ = paint_skull(brain, rng)

    assert skull_share(painted) > 0.6
    assert painted.shape == brain.shape
    back, _ = strip_skull(painted)
    difference = np.abs(back.astype(int) - brain)[60:160, 60:160]
    assert np.median(difference) < 20


@pytest.mark.parametrize("value", [0, 255])
def test_a_blank_picture_has_no_skull(value, rng):
    canvas = np.full((224, 224), value, np.uint8)

    assert skull_share(canvas) == 0
    assert strip_skull(canvas) is None
    paint_skull(canvas, rng)


def test_augmentation_changes_the_skull_at_its_chance(head):
    still = Augmentation(
        rotation_degrees=0, shift_fraction=0, scale=(1, 1), flip_chance=0, turn_chance=0,
        gamma=(1, 1), bias_field=0, noise=0, blur_chance=0, resolution_chance=0, jpeg_chance=0,
        inversion_chance=0, frame_chance=0, skull_chance=1.0,
    )  # fmt: skip

    changed, _ = still.apply(head, None, np.random.default_rng(0))

    assert skull_share(head) > 0.9
    assert skull_share(changed) < 0.2
