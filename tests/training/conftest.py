from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("keras", reason="the extra [train] is not installed")

import tensorflow as tf

from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.labels import TUMOR_TYPES
from tumorscope.training.config import MIN_WIDTH, TrainConfig
from tumorscope.training.examples import UNKNOWN, Examples

SIZE = 64
NARROW = MIN_WIDTH
"""Width of the networks that tests train: a fortieth of the weights, for all that does not depend
on how many there are. test_estimator.py trains whole ones."""


def make_examples(count: int, *, seed: int = 0) -> Examples:
    """Phantoms; every second has a lesion, with its mask."""
    rng = np.random.default_rng(seed)
    canvases, masks, mask_index = [], [], []
    rows, columns = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    for index in range(count):
        lesion = None
        if index % 2:
            lesion = Lesion((rng.uniform(0.3, 0.6), rng.uniform(0.35, 0.65)), 0.1)
            distance = np.hypot(rows - lesion.center[0], columns - lesion.center[1])
            mask_index.append(len(masks))
            masks.append(np.where(distance < lesion.radius, 255, 0).astype(np.uint8))
        else:
            mask_index.append(UNKNOWN)
        canvases.append(head_phantom(lesion=lesion, seed=1000 * seed + index, size=SIZE))
    tumor = np.arange(count, dtype=np.int8) % 2
    types = np.arange(count) % len(TUMOR_TYPES)
    return Examples(
        keys=np.array([f"{seed}-{index}" for index in range(count)]),
        canvases=np.stack(canvases),
        tumor=tumor,
        tumor_type=np.where(tumor == 1, types, UNKNOWN).astype(np.int8),
        source=np.full(count, "made"),
        masks=np.stack(masks),
        mask_index=np.array(mask_index, np.int32),
    )


@pytest.fixture(scope="session")
def train_examples() -> Examples:
    return make_examples(40, seed=1)


@pytest.fixture(scope="session")
def val_examples() -> Examples:
    return make_examples(16, seed=2)


@pytest.fixture(scope="session")
def quick_config() -> TrainConfig:
    return TrainConfig(
        width=NARROW,
        views=2,
        frozen_epochs=1,
        fine_tune_epochs=2,
        batch_size=8,
        precision="float32",
    )


@pytest.fixture(scope="session")
def short_config(quick_config: TrainConfig) -> TrainConfig:
    return replace(quick_config, frozen_epochs=0, fine_tune_epochs=1)


@pytest.fixture(scope="module")
def eagerly() -> Iterator[None]:
    """Without graphs: over so few steps, building them takes nearly all of the time."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
