"""The evidence loss: which evidence costs what."""

import keras
import numpy as np
import pytest

from tumorscope.training.losses import EvidenceLoss

CELLS = 28
QUIET = -6.0


def one(places: list[tuple[int, int]], logit: float = 6.0) -> np.ndarray:
    """Return evidence that is quiet but for some places."""
    evidence = np.full((1, CELLS, CELLS), QUIET, np.float32)
    for row, column in places:
        evidence[0, row, column] = logit
    return evidence


@pytest.fixture
def mask() -> np.ndarray:
    target = np.zeros((1, CELLS, CELLS), np.float32)
    target[0, 10:13, 10:13] = 1
    return target


def cost(evidence: np.ndarray, target: np.ndarray, **options: float) -> float:
    return float(EvidenceLoss(reduction=None, **options)(target, evidence)[0])


INSIDE = [(row, column) for row in range(10, 13) for column in range(10, 13)]


def test_evidence_beyond_a_mask_costs_as_in_an_image_without_tumor(mask):
    right, besides = one(INSIDE), one([*INSIDE, (20, 20)])
    by_cells = cost(besides, mask) - cost(right, mask)

    by_place = cost(besides, mask, outside_weight=1.0) - cost(right, mask, outside_weight=1.0)

    assert by_cells < 0.2
    assert by_place > by_cells + 0.5


def test_evidence_beyond_a_mask_does_not_answer_for_what_lies_inside(mask):
    elsewhere, nowhere = one([(20, 20)]), one([])
    assert cost(elsewhere, mask, outside_weight=1.0) > cost(nowhere, mask, outside_weight=1.0)


def test_next_to_a_mask_is_neither(mask):
    beside, right = one([*INSIDE, (13, 11)]), one(INSIDE)
    options = {"outside_weight": 1.0}
    by_place = cost(beside, mask, **options) - cost(right, mask, **options)
    assert by_place == pytest.approx(cost(beside, mask) - cost(right, mask), abs=0.01)


def test_what_has_no_mask_or_a_sliver_is_left_as_it_was(mask):
    evidence, empty = one([(20, 20)]), np.zeros_like(mask)
    assert cost(evidence, empty, outside_weight=1.0) == cost(evidence, empty)
    options = {"outside_weight": 1.0, "min_tumor_fraction": 0.5}
    assert cost(evidence, mask, **options) == cost(evidence, mask)


def test_a_tumor_that_fills_the_picture_has_nothing_outside():
    everywhere = np.ones((1, CELLS, CELLS), np.float32)
    assert cost(one([]), everywhere, outside_weight=1.0, label_smoothing=0.02) < 100


def test_it_is_saved_with_a_model(mask):
    loss = EvidenceLoss(0.5, sharpness=3.0, min_tumor_fraction=0.01, label_smoothing=0.1)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert again.get_config() == loss.get_config()
    assert float(again(mask, one([(20, 20)]))) == float(loss(mask, one([(20, 20)])))
