"""Weights out of an exported graph, and a training that goes on from them."""

from dataclasses import replace

import keras
import numpy as np
import onnx
import pytest

from tumorscope.errors import UsageError
from tumorscope.training.checkpoint import layer_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.fit import fit
from tumorscope.training.graph_weights import graph_weights
from tumorscope.training.network import build_network
from tumorscope.training.onnx_graph import build_graph, quantize

LARGEST_INTEGER = 127


def made_weights(config):
    keras.utils.set_random_seed(3)
    network = build_network(config, size=64, weights=None)
    arrays = layer_arrays(network.stem, network.trunk)
    rng = np.random.default_rng(0)
    return {
        name: array if name.endswith("kernel") else rng.normal(0, 0.1, array.shape).astype("f4")
        for name, array in arrays.items()
    }


@pytest.fixture(scope="module")
def weights():
    return made_weights(TrainConfig())


@pytest.fixture(scope="module")
def graph(weights):
    return build_graph(weights, size=64, config=TrainConfig())


def test_a_float_graph_gives_back_every_weight(graph, weights):
    found = graph_weights(graph.SerializeToString())

    assert found.keys() == weights.keys()
    for name, array in weights.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-6, err_msg=name)


def test_integers_give_back_every_weight_to_half_a_step(graph, weights, train_examples, tmp_path):
    integers = quantize(graph, train_examples.canvases[:4], folder=tmp_path)

    found = graph_weights(integers.SerializeToString())

    assert found.keys() == weights.keys()
    for name, array in weights.items():
        assert found[name].dtype == np.float32
        if name.endswith("kernel"):
            largest = np.abs(array).reshape(-1, array.shape[-1]).max(axis=0)
            off = np.abs(found[name] - array) / np.maximum(largest, 1e-9)
            assert off.max() <= 0.5001 / LARGEST_INTEGER, name
        else:
            np.testing.assert_allclose(found[name], array, atol=1e-3, err_msg=name)


def test_a_graph_without_layers_is_refused():
    empty = onnx.helper.make_model(onnx.helper.make_graph([], "empty", [], []))

    with pytest.raises(UsageError, match="no convolution or dense layer"):
        graph_weights(empty.SerializeToString())


def train(examples, config, folder, start):
    return fit(*examples, config=config, weights=None, run_folder=folder, start=start)


@pytest.mark.usefixtures("eagerly")
def test_training_goes_on_from_them(train_examples, val_examples, short_config, tmp_path):
    weights = made_weights(short_config)
    config = replace(short_config, fine_tune_learning_rate=0.0, patience=0)

    fitted = train((train_examples, val_examples), config, tmp_path, weights)

    for name in ("block4_conv1/kernel", "evidence_hidden/bias", "type/kernel"):
        np.testing.assert_allclose(fitted.weights[name], weights[name], rtol=1e-5, err_msg=name)
    assert not np.array_equal(fitted.weights["block1_conv1/bias"], weights["block1_conv1/bias"])


def test_a_missing_layer_is_named(train_examples, val_examples, quick_config, tmp_path):
    weights = made_weights(quick_config)
    rest = {name: array for name, array in weights.items() if not name.startswith("type/")}

    with pytest.raises(UsageError, match=r"the artifact to start from has no array 'type/kernel'"):
        train((train_examples, val_examples), quick_config, tmp_path, rest)
