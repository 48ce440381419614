"""Copies of training scans whose tumor was covered."""

from dataclasses import replace

import numpy as np
import pytest

from tumorscope.training.covered import contrast, cover, with_covered
from tumorscope.training.examples import UNKNOWN
from tumorscope.training.fit import fit


def test_each_tumor_that_shows_gets_a_copy_labelled_as_free_of_it(train_examples):
    both = with_covered(train_examples, share=1.0, seed=0)

    n = len(train_examples)
    assert 0 < len(both) - n <= (train_examples.tumor == 1).sum()
    assert (both.tumor[n:] == 0).all()
    assert (both.mask_index[n:] == UNKNOWN).all()
    assert (both.tumor_type[n:] == UNKNOWN).all()
    np.testing.assert_array_equal(both.canvases[:n], train_examples.canvases)
    for key, canvas in zip(both.keys[n:], both.canvases[n:], strict=True):
        row = train_examples.keys.tolist().index(key.removesuffix(" covered"))
        before, mask = train_examples.canvases[row], train_examples.mask(row) > 127
        assert contrast(canvas, mask) < contrast(before, mask)
        far = np.abs(canvas.astype(int) - before)[~mask]
        assert np.median(far) == 0


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.5, 1, 18), (1.0, 1, 20)])
def test_share_says_how_many(train_examples, share, least, most):
    added = len(with_covered(train_examples, share=share, seed=0)) - len(train_examples)
    assert least <= added <= most


def test_half_of_them_are_among_all_of_them(train_examples):
    half, whole = (with_covered(train_examples, share=one, seed=0) for one in (0.5, 1.0))
    assert set(half.keys) < set(whole.keys)


def test_another_seed_covers_otherwise(train_examples):
    one, same, other = (with_covered(train_examples, share=1.0, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.canvases, same.canvases)
    key = next(key for key in one.keys[len(train_examples) :] if key in set(other.keys))
    pictures = [some.canvases[some.keys.tolist().index(key)] for some in (one, other)]
    assert not np.array_equal(*pictures)


def test_a_tumor_that_does_not_show_is_left_alone(train_examples):
    flat = replace(train_examples, canvases=np.full_like(train_examples.canvases, 90))
    assert len(with_covered(flat, share=1.0, seed=0)) == len(flat)


@pytest.mark.parametrize("seed", range(8))
def test_a_bright_spot_is_gone_whatever_is_laid_over_it(seed):
    rows, columns = np.mgrid[:224, :224]
    head = np.where(np.hypot(rows - 112, columns - 112) < 90, 100, 0).astype(np.uint8)
    tumor = np.hypot(rows - 90, columns - 150) < 14
    canvas = np.where(tumor, 220, head).astype(np.uint8)

    covered = cover(canvas, tumor, np.random.default_rng(seed))

    assert np.abs(covered[tumor].astype(int) - 100).max() <= 12
    assert covered.dtype == np.uint8


@pytest.mark.usefixtures("eagerly")
def test_training_sees_them(train_examples, val_examples, short_config, tmp_path):
    config = replace(short_config, covered_share=1.0)
    fit(train_examples, val_examples, config=config, weights=None, run_folder=tmp_path)
    keys = (tmp_path / "cache" / "index.jsonl").read_text().splitlines()
    copies = len(with_covered(train_examples, share=1.0, seed=0)) - len(train_examples)
    assert sum("covered" in key for key in keys) == copies * config.views
