import hashlib

import numpy as np
import onnx
import onnxruntime
import pytest

from tumorscope.model.integer_arithmetic import cannot_saturate
from tumorscope.training.checkpoint import layer_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.network import build_network
from tumorscope.training.onnx_graph import build_graph, quantize

OUTPUTS = ["tumor", "evidence", "type", "features"]


@pytest.fixture(scope="module")
def network():
    import keras

    keras.utils.set_random_seed(3)
    return build_network(TrainConfig(), size=64, weights=None)


@pytest.fixture(scope="module")
def graph(network):
    return build_graph(layer_arrays(network.stem, network.trunk), size=64, config=TrainConfig())


def answer(graph, canvases):
    session = onnxruntime.InferenceSession(graph.SerializeToString())
    return session.run(OUTPUTS, {"canvas": canvases})


def test_graph_equals_keras(network, graph, train_examples):
    canvases = train_examples.canvases[:8]
    tumor, evidence, types, _ = answer(graph, canvases)
    expected = network.trunk(network.stem(canvases))
    np.testing.assert_allclose(tumor, expected["tumor"].numpy(), atol=1e-4)
    np.testing.assert_allclose(evidence, expected["evidence"].numpy(), atol=1e-4)
    np.testing.assert_allclose(types, expected["type"].numpy(), atol=1e-4)


def test_answer_does_not_depend_on_the_batch(graph, train_examples):
    canvases = train_examples.canvases[:4]
    together = answer(graph, canvases)[0]
    alone = [answer(graph, canvas[None])[0][0] for canvas in canvases]
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_tumor_logit_is_the_pooled_evidence(graph, train_examples):
    tumor, evidence, _, _ = answer(graph, train_examples.canvases[:4])
    sharpness = TrainConfig().pooling_sharpness
    pooled = np.log(np.exp(sharpness * evidence).mean(axis=(1, 2))) / sharpness
    np.testing.assert_allclose(tumor, pooled, atol=1e-4)


@pytest.mark.slow
def test_quantized_graph_is_small_and_close(graph, train_examples, tmp_path):
    integers = quantize(graph, train_examples.canvases[:8], folder=tmp_path)
    assert integers.ByteSize() < 20e6 < graph.ByteSize()
    plain, quantized = (answer(one, train_examples.canvases)[0] for one in (graph, integers))
    assert np.abs(plain - quantized).max() < 0.25 * max(1.0, np.ptp(plain))


@pytest.mark.parametrize(("bits", "largest"), [(7, 64), (8, 127)])
def test_only_weights_of_7_bits_are_called_safe(graph, train_examples, tmp_path, bits, largest):
    canvases = train_examples.canvases[:4]
    integers = quantize(graph, canvases, folder=tmp_path, weight_bits=bits)
    kernels = [
        onnx.numpy_helper.to_array(one).astype(int)
        for one in integers.graph.initializer
        if one.name.endswith("kernel_quantized")
    ]
    assert len(kernels) > 10
    assert max(np.abs(one).max() for one in kernels) == pytest.approx(largest, abs=1)
    assert cannot_saturate(integers.SerializeToString()) == (bits == 7)
    convolutions = {one.name for one in integers.graph.node if one.op_type == "Relu"}
    assert not [name for name in convolutions if name.startswith("block")]


def test_same_weights_give_the_same_bytes(network, graph):
    again = build_graph(layer_arrays(network.stem, network.trunk), size=64, config=TrainConfig())
    digests = {hashlib.sha256(one.SerializeToString()).hexdigest() for one in (graph, again)}
    assert len(digests) == 1
