"""A network with fewer filters computes nearly the same where filters repeat each other."""

import keras
import numpy as np
import pytest

from tumorscope.training.checkpoint import Arrays, layer_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.network import build_network
from tumorscope.training.pruning import choose_filters, prune_filters

SIZE = 64


@pytest.fixture(scope="module")
def canvases(train_examples) -> np.ndarray:
    return train_examples.canvases[:12]


@pytest.fixture(scope="module")
def repetitive() -> Arrays:
    """Weights in which every second filter of a convolution repeats the one before, doubled; three
    of four in the first, which is narrowed more."""
    # Some first weights tell the canvases apart so little that rounding counts as a loss.
    keras.utils.set_random_seed(0)
    network = build_network(TrainConfig(precision="float32"), size=SIZE, weights=None)
    weights = layer_arrays(network.stem, network.trunk)
    for name, value in weights.items():
        if name.startswith("block"):
            alike = 4 if name.startswith("block1_conv1") else 2
            value[..., ::alike] *= 1.5  # against fading through 13 layers
            for repeat in range(1, alike):
                value[..., repeat::alike] = 2 * value[..., ::alike]
    return weights


def answers(weights: Arrays, canvases: np.ndarray, width: float, folder) -> dict[str, np.ndarray]:
    path = folder / f"{width}.npz"
    np.savez(path, **weights)
    network = build_network(TrainConfig(width=width), size=SIZE, weights=path)
    return network.trunk.predict_on_batch(network.stem.predict_on_batch(canvases))


def test_what_repeats_is_dropped_without_loss(repetitive, canvases, tmp_path):
    slim = prune_filters(repetitive, canvases, width=0.5)

    assert slim["block1_conv1/kernel"].shape == (3, 3, 3, 16)
    assert slim["block1_conv2/kernel"].shape == (3, 3, 16, 32)
    assert slim["block5_conv3/kernel"].shape == (3, 3, 256, 256)
    full = answers(repetitive, canvases, 1.0, tmp_path)
    half = answers(slim, canvases, 0.5, tmp_path)
    for name, expected in full.items():
        spread = np.abs(expected - expected.mean(axis=0)).mean()
        assert np.abs(half[name] - expected).mean() < 0.1 * spread, name


def test_kernels_are_fitted_and_not_only_cut_out(repetitive, canvases, tmp_path):
    """Of filters that do not repeat each other half are lost; the rest must make up for it."""
    rng = np.random.default_rng(0)
    weights = {
        name: value * rng.uniform(0.5, 1.5, value.shape).astype(np.float32)
        if name.startswith("block")
        else value
        for name, value in repetitive.items()
    }
    full = answers(weights, canvases, 1.0, tmp_path)["evidence"]

    slim = prune_filters(weights, canvases, width=0.5)

    half = answers(slim, canvases, 0.5, tmp_path)["evidence"]
    assert np.corrcoef(half.ravel(), full.ravel())[0, 1] > 0.9


def test_filters_are_chosen_that_tell_the_others():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 500)).astype(np.float32)
    activations = np.stack([first, 0.5 * first, second, 0.9 * second, 0 * first], axis=1)

    assert choose_filters(activations, None, count=2).tolist() == [0, 2]


def test_a_filter_that_nothing_reads_is_dropped():
    rng = np.random.default_rng(0)
    activations = rng.normal(size=(500, 3)).astype(np.float32) * (1, 1, 9)
    following = np.ones((3, 3, 3, 2), np.float32)
    following[:, :, 2] = 0

    assert choose_filters(activations, following, count=2).tolist() == [0, 1]


def test_same_seed_gives_the_same_weights(repetitive, canvases):
    one, other = (prune_filters(repetitive, canvases[:4], width=0.25, seed=3) for _ in range(2))
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)
