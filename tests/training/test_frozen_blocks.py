from dataclasses import replace

import keras
import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.training.checkpoint import layer_arrays
from tumorscope.training.config import FINE_TUNE_FROM
from tumorscope.training.frozen_blocks import FrozenStem, make_stem
from tumorscope.training.network import build_network, frozen_layers


def stem_of(network, config, canvases, arithmetic):
    graph = make_stem(
        layer_arrays(network.stem),
        size=canvases.shape[1],
        layers=frozen_layers(config),
        canvases=canvases,
        arithmetic=arithmetic,
    )
    return FrozenStem(graph)


@pytest.mark.parametrize("start", FINE_TUNE_FROM)
def test_stem_equals_keras_to_half_a_step(quick_config, train_examples, start):
    config = replace(quick_config, fine_tune_from=start)
    keras.utils.set_random_seed(0)
    canvases = train_examples.canvases[:8]
    network = build_network(config, size=canvases.shape[1], weights=None)
    stem = stem_of(network, config, canvases, "float32")
    features = stem(canvases)
    assert features.shape[1:] == stem.feature_shape == network.trunk.input_shape[1:]
    expected = network.stem(canvases).numpy()
    assert np.abs(features * stem.step - expected).max() <= 0.51 * stem.step


def test_integers_are_close_and_do_not_depend_on_the_batch(quick_config, train_examples):
    keras.utils.set_random_seed(0)
    canvases = train_examples.canvases[:16]
    config = replace(quick_config, width=1.0)
    network = build_network(config, size=canvases.shape[1], weights=None)
    stem = stem_of(network, config, canvases, "int8")
    features = stem(canvases)
    alone = np.concatenate([stem(canvas[None]) for canvas in canvases])
    np.testing.assert_array_equal(features, alone)
    expected = network.stem(canvases).numpy() / stem.step
    correlation = np.corrcoef(features.ravel(), expected.ravel())[0, 1]
    assert correlation > 0.99


@pytest.mark.parametrize(
    ("name", "value"),
    [("fine_tune_from", "block5_conv2"), ("precision", "float16"), ("frozen_arithmetic", "int4")],
)
def test_unknown_choice_is_refused_with_what_is_allowed(quick_config, name, value):
    with pytest.raises(UsageError, match=f"{name} must be one of .*received '{value}'"):
        replace(quick_config, **{name: value})
