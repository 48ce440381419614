"""Weights of a batch: which loss teaches what of an image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorscope.training.batches import FeatureBatches, make_targets
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import UNKNOWN, Examples
from tumorscope.training.feature_cache import FeatureCache

CELLS = 8


def weights_of(
    examples: Examples, config: TrainConfig, folder: Path, *, has_teacher: bool = False
) -> dict[str, np.ndarray]:
    """Return the weights of all images in one batch."""
    cache = FeatureCache(
        folder,
        feature_shape=(CELLS, CELLS, 1),
        target_shape=(CELLS, CELLS, 1 + has_teacher),
        step=1.0,
        fingerprint={},
    )
    features = np.zeros((CELLS, CELLS, 1), np.uint8)
    target = np.zeros((CELLS, CELLS, 1 + has_teacher), np.uint8)
    cache.append([(str(key), features, target) for key in examples.keys])
    targets = make_targets(examples, config)
    batches = FeatureBatches(
        cache,
        [str(key) for key in examples.keys],
        targets,
        order=np.arange(len(examples)),
        config=replace(config, batch_size=len(examples)),
    )
    return batches[0][2]


@pytest.fixture
def examples(train_examples: Examples) -> Examples:
    """Every second has a tumor; the last tumor has no mask."""
    mask_index = train_examples.mask_index.copy()
    mask_index[-1] = UNKNOWN
    return replace(train_examples, mask_index=mask_index)


def test_an_outlined_tumor_is_taught_by_place_alone(examples, quick_config, tmp_path):
    weights = weights_of(examples, replace(quick_config, outside_weight=0.5), tmp_path)

    outlined = (examples.tumor == 1) & (examples.mask_index != UNKNOWN)
    assert (weights["tumor"][outlined] == 0).all()
    assert (weights["tumor"][~outlined] > 0).all()
    assert (weights["evidence"][outlined] > 0).all()


@pytest.mark.parametrize(("outside_weight", "has_teacher"), [(0.0, False), (0.5, True)])
def test_else_the_whole_image_has_its_label(
    examples, quick_config, tmp_path, outside_weight, has_teacher
):
    config = replace(quick_config, outside_weight=outside_weight)
    weights = weights_of(examples, config, tmp_path, has_teacher=has_teacher)
    assert (weights["tumor"] > 0).all()


def test_a_sliver_is_taught_by_its_cells_alone(examples, quick_config, tmp_path):
    config = replace(quick_config, outside_weight=0.5, min_tumor_fraction=0.9)
    weights = weights_of(examples, config, tmp_path)
    outlined = (examples.tumor == 1) & (examples.mask_index != UNKNOWN)
    assert (weights["tumor"][outlined] == 0).all()
    assert not make_targets(examples, config).is_outlined.any()
