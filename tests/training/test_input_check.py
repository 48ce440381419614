import numpy as np
import onnxruntime
import pytest

from tumorscope.training.config import TrainConfig
from tumorscope.training.input_check import fit_novelty


def two_kinds(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw features of two kinds that differ in one direction only, beside noise in 39 others."""
    rng = np.random.default_rng(seed)
    roots = np.abs(rng.normal(10, 1, size=(2 * count, 40)))
    roots[count:, 7] += 4
    return roots[:count] ** 2, roots[count:] ** 2


@pytest.mark.parametrize("components", [30, 500])
def test_what_is_like_the_counterexamples_is_novel(components: int) -> None:
    novelty = fit_novelty(*two_kinds(200, 1), components=components)
    known, foreign = (novelty.measure(one) for one in two_kinds(200, 2))
    assert (known[:, None] < foreign[None, :]).mean() > 0.9
    assert known.min() >= 0
    assert foreign.max() <= 1


def test_kinds_that_do_not_differ_are_not_told_apart() -> None:
    known, _ = two_kinds(200, 1)
    same, _ = two_kinds(200, 2)
    novelty = fit_novelty(known, same)
    new, other = two_kinds(200, 3)[0], two_kinds(200, 4)[0]
    share = (novelty.measure(new)[:, None] < novelty.measure(other)[None, :]).mean()
    assert 0.4 < share < 0.6


def test_graph_measures_what_numpy_measures(train_examples):
    import keras

    from tumorscope.training.checkpoint import layer_arrays
    from tumorscope.training.lines import fit_line
    from tumorscope.training.network import build_network
    from tumorscope.training.onnx_graph import (
        add_layout,
        add_novelty,
        add_recognition,
        build_graph,
        without_recognition,
    )

    keras.utils.set_random_seed(3)
    config, canvases = TrainConfig(), train_examples.canvases
    size = canvases.shape[1]
    network = build_network(config, size=size, weights=None)
    weights = layer_arrays(network.stem, network.trunk)
    graph = build_graph(weights, size=size, config=config)

    def run(model, outputs):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(outputs, {"canvas": canvases})

    (features,) = run(graph, ["features"])
    assert features.shape == (len(canvases), 1024)
    side = size // 16
    (layout,) = run(add_layout(graph, side=side), ["layout"])
    assert layout.shape == (len(canvases), (256 + 512 + 512) * 9)
    half = len(layout) // 2
    novelty = fit_novelty(layout[:half], layout[half:])
    checked = add_novelty(graph, novelty, side=side)
    again = add_novelty(checked, novelty, side=side)  # replaces the first
    for model in (checked, again):
        measured, same = run(model, ["novelty", "features"])
        np.testing.assert_array_equal(same, features)
        np.testing.assert_allclose(measured, novelty.measure(layout), rtol=1e-3, atol=1e-6)
    assert len(again.graph.node) == len(checked.graph.node)
    planes = np.arange(len(layout)) % 3
    line = fit_line(layout, planes, np.ones(len(layout)), count=3)
    named = add_recognition(checked, {"plane": line}, side=side)
    measured, same = run(named, ["plane", "novelty"])
    np.testing.assert_allclose(measured, line.logits(layout), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(same, novelty.measure(layout), rtol=1e-3, atol=1e-6)
    assert without_recognition(named) == checked


def test_graph_of_other_layers_is_refused(tiny_artifact):
    import onnx

    from tumorscope.errors import UsageError
    from tumorscope.training.onnx_graph import add_layout

    graph = onnx.load_from_string(tiny_artifact.graph)
    for node in graph.graph.node:
        node.name = ""
    with pytest.raises(UsageError, match="block4_conv1"):
        add_layout(graph, side=4)
