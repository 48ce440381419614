import numpy as np
import pytest

from tests.training.conftest import make_examples
from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.training.batches import FeatureBatches, make_targets
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import UNKNOWN
from tumorscope.training.fit import lesion_donors
from tumorscope.training.lesion_edits import Donor, LesionEdits

SIZE = 224
ALWAYS_COVER = LesionEdits(removal=1, insertion=0, blanking=0)
ALWAYS_INSERT = LesionEdits(removal=0, insertion=1, blanking=0)
ALWAYS_BLANK = LesionEdits(removal=0, insertion=0, blanking=1)
LESION = Lesion((0.45, 0.35), 0.08)


def lesion_mask() -> np.ndarray:
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    inside = np.hypot(rows - LESION.center[0], columns - LESION.center[1]) < LESION.radius
    return np.where(inside, 255, 0).astype(np.uint8)


@pytest.fixture(scope="module")
def free():
    return head_phantom(lesion=None, seed=5, size=SIZE)


@pytest.fixture(scope="module")
def with_lesion():
    return head_phantom(lesion=LESION, seed=5, size=SIZE)


def generators(count=12):
    return [np.random.default_rng(seed) for seed in range(count)]


def test_covering_brings_the_lesion_near_the_head_without_it(free, with_lesion):
    inside = lesion_mask() > 0
    before = np.abs(with_lesion[inside].astype(int) - free[inside]).mean()
    for rng in generators():
        canvas, mask = ALWAYS_COVER.apply(with_lesion, lesion_mask(), None, rng)
        assert mask is not None
        assert not mask.any()
        assert np.abs(canvas[inside].astype(int) - free[inside]).mean() < 0.5 * before
        far = np.hypot(*(np.indices(canvas.shape) - [[[100]], [[78]]])) > 60
        assert np.array_equal(canvas[far], with_lesion[far])


def test_lesion_whose_mask_leaves_much_of_it_outside_stays(free):
    distance = np.hypot(*(np.indices(free.shape) - [[[100]], [[78]]]))
    bright = np.where(distance < 30, 200, free).astype(np.uint8)
    mask = np.where(distance < 8, 255, 0).astype(np.uint8)
    kept = [ALWAYS_COVER.apply(bright, mask, None, rng) for rng in generators()]
    assert all(canvas is bright and left is mask for canvas, left in kept)


def test_inserted_lesion_lies_where_its_mask_says(free, with_lesion):
    donor = Donor(with_lesion, lesion_mask())
    inserted = 0
    for rng in generators():
        canvas, mask = ALWAYS_INSERT.apply(free, None, donor, rng)
        if mask is None:
            assert canvas is free
            continue
        inserted += 1
        changed = np.abs(canvas.astype(int) - free) > 10
        assert changed[mask > 127].mean() > 0.5
        assert (changed & (mask == 0)).sum() < 1.5 * (mask > 0).sum()
    assert inserted >= 10


def test_head_that_has_a_lesion_gets_no_other(with_lesion):
    donor = Donor(with_lesion, lesion_mask())
    mask = lesion_mask()
    canvas, kept = ALWAYS_INSERT.apply(with_lesion, mask, donor, np.random.default_rng(0))
    assert canvas is with_lesion
    assert kept is mask


def test_blanked_brain_keeps_its_rim(free):
    for rng in generators():
        canvas, mask = ALWAYS_BLANK.apply(free, None, None, rng)
        assert mask is not None
        assert not mask.any()
        assert np.ptp(canvas[90:130, 90:130]) == 0
        assert np.array_equal(canvas[:20], free[:20])
        assert 0.2 < (canvas == free).mean() < 0.9


@pytest.mark.parametrize("canvas", [np.zeros((64, 64), np.uint8), np.full((64, 64), 255, np.uint8)])
def test_pictures_without_a_head_do_no_harm(canvas):
    mask = np.zeros((64, 64), np.uint8)
    mask[20:30, 20:30] = 255
    for edits in (ALWAYS_COVER, ALWAYS_INSERT, ALWAYS_BLANK):
        for known in (None, mask):
            edited, _ = edits.apply(canvas, known, Donor(canvas, mask), np.random.default_rng(1))
            assert edited.shape == canvas.shape
            assert edited.dtype == np.uint8


def test_donors_are_the_known_lesions_that_are_large_enough():
    examples = make_examples(8, seed=0)
    examples.masks[1] = 0
    examples.masks[1][:2, :2] = 255  # 4 of 4,096 pixels
    assert lesion_donors(examples).tolist() == [1, 5, 7]


class CacheOfTargets:
    """What a feature cache gives, with chosen mask targets."""

    def __init__(self, targets):
        self.targets = targets

    def read(self, keys):
        rows = [int(key) for key in keys]
        return np.zeros((len(rows), 2, 2, 1), np.float32), self.targets[rows]


def test_label_follows_the_lesion_that_is_left_where_the_place_is_known():
    examples = make_examples(6, seed=0)
    examples.mask_index[5] = UNKNOWN  # a tumor, somewhere
    targets = np.zeros((6, 2, 2), np.uint8)
    targets[2, 0, 0] = 9  # put in
    targets[3, 1, 1] = 9  # left as it was; that of image 1 is gone
    config = TrainConfig(batch_size=6, label_smoothing=0.0)
    (batch,) = FeatureBatches(
        CacheOfTargets(targets),
        [str(row) for row in range(6)],
        make_targets(examples, config),
        order=np.arange(6),
        config=config,
    )
    _, labels, weights = batch
    assert labels["tumor"].tolist() == [0, 0, 1, 1, 0, 1]
    assert (weights["type"] > 0).tolist() == [False, False, False, True, False, True]
