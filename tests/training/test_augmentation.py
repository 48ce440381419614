from dataclasses import fields, replace

import numpy as np
import pytest

from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.training.augmentation import Augmentation

STILL = Augmentation(
    rotation_degrees=0,
    shift_fraction=0,
    scale=(1, 1),
    flip_chance=0,
    turn_chance=0,
    gamma=(1, 1),
    bias_field=0,
    noise=0,
    blur_chance=0,
    resolution_chance=0,
    jpeg_chance=0,
    inversion_chance=0,
    frame_chance=0,
)
STRONG = {
    "rotation_degrees": 40,
    "shift_fraction": 0.2,
    "scale": (1.3, 1.4),
    "flip_chance": 1,
    "turn_chance": 1,
    "gamma": (2, 2.1),
    "bias_field": 0.9,
    "noise": 0.5,
    "blur_chance": 1,
    "resolution_chance": 1,
    "jpeg_chance": 1,
    "inversion_chance": 1,
    "skull_chance": 1,
    "frame_chance": 1,
}


@pytest.fixture
def canvas():
    return head_phantom(lesion=Lesion(), size=224)


def draw(augmentation, canvas, seed, mask=None):
    return augmentation.apply(canvas, mask, np.random.default_rng(seed))


def test_names_are_complete():
    assert set(STRONG) == {field.name for field in fields(Augmentation)}


@pytest.mark.parametrize("name", sorted(STRONG))
def test_every_option_changes_the_picture(canvas, name):
    changed = replace(STILL, **{name: STRONG[name]})
    differences = [
        np.abs(draw(changed, canvas, seed)[0].astype(int) - draw(STILL, canvas, seed)[0]).mean()
        for seed in range(5)
    ]
    assert max(differences) > 0.2


def test_same_state_gives_the_same_copy(canvas):
    one, other = (draw(Augmentation(), canvas, 5)[0] for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_mask_moves_with_the_picture():
    canvas = np.zeros((224, 224), np.uint8)
    canvas[60:100, 120:170] = 255
    moving = replace(
        STILL, rotation_degrees=30, shift_fraction=0.1, scale=(0.8, 1.2), flip_chance=0.5,
        turn_chance=0.5,
    )  # fmt: skip
    for seed in range(20):
        moved, mask = draw(moving, canvas, seed, canvas.copy())
        bright, inside = moved > 80, mask > 127
        overlap = 2 * (bright & inside).sum() / (bright.sum() + inside.sum())
        assert overlap > 0.85


def test_canvas_is_left_as_it_was(canvas):
    before = canvas.copy()
    draw(Augmentation(), canvas, 0)
    np.testing.assert_array_equal(canvas, before)
