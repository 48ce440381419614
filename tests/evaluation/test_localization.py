import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.evaluation.localization import best_threshold, dice, peak


def _map(*, at, shape=(5, 6)):
    evidence = np.zeros((1, *shape))
    evidence[0][at] = 1
    return evidence


def _mask(*, rows, columns, shape=(5, 6)):
    mask = np.zeros((1, *shape), bool)
    mask[0, rows, columns] = True
    return mask


def test_peak_is_row_then_column_and_the_first_of_equals():
    assert peak(_map(at=(3, 5))).tolist() == [[3, 5]]
    assert peak(np.zeros((1, 4, 4))).tolist() == [[0, 0]]


def test_dice_by_hand():
    masks = np.zeros((3, 1, 4), bool)
    masks[0, 0, :2] = True
    predicted = np.zeros_like(masks)
    predicted[0, 0, 1:] = True  # 3 and 2 pixels, 1 in common
    predicted[1, 0, 0] = True
    assert dice(predicted, masks).tolist() == pytest.approx([2 / 5, 0, 1])


def test_best_threshold_is_where_the_evidence_ends():
    mask = _mask(rows=slice(1, 4), columns=slice(1, 4))
    evidence = np.where(mask, 2.1, -1.0)
    evidence[0, 0, 0] = 1.1
    assert best_threshold(evidence, mask) == 1.25  # the first of the quarters above 1.1
    assert best_threshold(evidence, mask, thresholds=(0.0, 2.0, 3.0)) == 2.0


def test_best_threshold_leaves_out_empty_masks():
    mask = _mask(rows=slice(1, 4), columns=slice(1, 4))
    evidence = np.where(mask, 2.1, -1.0)
    empty, noise = np.zeros((40, 5, 6), bool), np.full((40, 5, 6), 4.0)
    both = np.concatenate([evidence, noise]), np.concatenate([mask, empty])
    assert best_threshold(*both) == best_threshold(evidence, mask)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dice(np.zeros((1, 2, 2), bool), np.zeros((1, 3, 3), bool)), r"\(1, 3, 3\)"),
        (lambda: dice(np.zeros((0, 2, 2), bool), np.zeros((0, 2, 2), bool)), "n of at least 1"),
        (lambda: dice(np.zeros((1, 2, 2), bool), np.ones((1, 2, 2))), "received float64"),
        (lambda: peak(np.full((1, 2, 2), np.nan)), "NaN"),
        (lambda: best_threshold(np.zeros((1, 2, 2)), np.zeros((1, 2, 2), bool)), "All 1 masks"),
    ],
    ids=["shapes", "no maps", "mask dtype", "nan", "empty masks"],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(UsageError, match=message):
        call()
