"""Targets that a finished model says, and what they change."""

from dataclasses import replace

import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.training.examples import UNKNOWN
from tumorscope.training.fit import fit
from tumorscope.training.network import EvidencePooling
from tumorscope.training.teacher import LARGEST_LOGIT, decode, encode, pooled_probability

pytestmark = pytest.mark.usefixtures("eagerly")


class Opinion:
    """A teacher that finds the same in every canvas."""

    def __init__(self, logit: float) -> None:
        self.graph_sha256 = str(logit)
        self._logit = logit

    def __call__(self, canvases: np.ndarray) -> np.ndarray:
        cells = canvases.shape[1] // 8
        return encode(np.full((len(canvases), cells, cells), self._logit, np.float32))


def test_evidence_is_kept_to_half_a_step():
    evidence = np.linspace(-30, 30, 999, dtype=np.float32)

    within = np.clip(evidence, -LARGEST_LOGIT, LARGEST_LOGIT)
    assert np.abs(decode(encode(evidence)) - within).max() <= LARGEST_LOGIT / 255 + 1e-5


def test_it_is_pooled_as_in_the_network():
    evidence = np.random.default_rng(0).normal(0, 8, (5, 28, 28)).astype(np.float32)

    logits = np.asarray(EvidencePooling(2.0)(evidence))

    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(pooled_probability(evidence, 2.0), expected, rtol=1e-4)


def weights_of(train, val, config, folder, teacher):
    fitted = fit(train, val, config=config, weights=None, run_folder=folder, teacher=teacher)
    return fitted.weights["evidence_hidden/kernel"]


@pytest.mark.slow
def test_share_of_zero_is_no_teacher(train_examples, val_examples, short_config, tmp_path):
    config = replace(short_config, teacher_weight=0.0, outside_weight=0.0)
    sets = train_examples, val_examples

    alone = weights_of(*sets, config, tmp_path / "alone", None)

    np.testing.assert_array_equal(alone, weights_of(*sets, config, tmp_path / "zero", Opinion(9.0)))
    half = replace(config, teacher_weight=0.5)
    taught = weights_of(*sets, half, tmp_path / "half", Opinion(9.0))
    assert not np.array_equal(alone, taught)


def test_only_the_teacher_places_a_tumor_without_a_mask(
    train_examples, val_examples, short_config, tmp_path
):
    train = replace(train_examples, mask_index=np.full_like(train_examples.mask_index, UNKNOWN))
    config = replace(short_config, teacher_weight=0.0, mask_weight=100.0)

    none, all_over = (
        weights_of(train, val_examples, config, tmp_path / str(logit), Opinion(logit))
        for logit in (-9.0, 9.0)
    )

    assert not np.array_equal(none, all_over)


def test_features_of_another_teacher_are_refused(
    train_examples, val_examples, short_config, tmp_path
):
    options = {"config": short_config, "weights": None, "cache_folder": tmp_path / "cache"}
    sets = train_examples, val_examples
    fit(*sets, run_folder=tmp_path / "one", teacher=Opinion(1.0), **options)

    with pytest.raises(UsageError, match="made with different settings"):
        fit(*sets, run_folder=tmp_path / "two", teacher=Opinion(2.0), **options)
