import numpy as np
import onnxruntime
import pytest
from scipy.spatial.distance import mahalanobis

from tumorscope.training.config import TrainConfig
from tumorscope.training.novelty import fit_novelty


def correlated(count: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(6, 6)) * np.array([5, 3, 2, 1, 1, 1])
    return (rng.normal(size=(count, 6)) @ mixing.T + 100) ** 2  # the roots are normal


def test_with_nearly_all_components_it_is_the_mahalanobis_distance():
    known, new = correlated(50_000, 1), correlated(20, 2)
    novelty = fit_novelty(known, components=5)
    roots = np.sqrt(known)
    inverse = np.linalg.inv(np.cov(roots.T, bias=True))
    expected = [mahalanobis(row, roots.mean(axis=0), inverse) for row in np.sqrt(new)]
    # Ledoit and Wolf shrink the covariance a little even with 50,000 rows.
    np.testing.assert_allclose(novelty.measure(new), expected, rtol=0.02)


@pytest.mark.parametrize("components", [1, 3, 500])
def test_what_lies_beside_the_training_scans_is_further_away(components):
    known = correlated(500, 1)
    novelty = fit_novelty(known, components=components)
    away = (np.sqrt(known[:50]) + 40 * np.random.default_rng(3).normal(size=(50, 6))) ** 2
    assert np.median(novelty.measure(away)) > 2 * np.quantile(novelty.measure(known), 0.99)


def test_graph_measures_what_numpy_measures(train_examples):
    import keras

    from tumorscope.training.checkpoint import layer_arrays
    from tumorscope.training.network import build_network
    from tumorscope.training.onnx_graph import add_novelty, build_graph

    keras.utils.set_random_seed(3)
    config, canvases = TrainConfig(), train_examples.canvases
    network = build_network(config, size=canvases.shape[1], weights=None)
    weights = layer_arrays(network.stem, network.trunk)
    graph = build_graph(weights, size=canvases.shape[1], config=config)

    def run(model, outputs):
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(outputs, {"canvas": canvases})

    (features,) = run(graph, ["features"])
    assert features.shape == (len(canvases), 1024)
    novelty = fit_novelty(features[:30], components=8)
    measured, same = run(add_novelty(graph, novelty), ["novelty", "features"])
    np.testing.assert_array_equal(same, features)
    np.testing.assert_allclose(measured, novelty.measure(features), rtol=1e-3)
