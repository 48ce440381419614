from dataclasses import replace

import keras
import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.training.checkpoint import layer_arrays, save_arrays
from tumorscope.training.network import StyleMixing, build_network, convolutions

SIZE = 32


def network(config, weights=None, *, seed=0):
    keras.utils.set_random_seed(seed)
    return build_network(config, size=SIZE, weights=weights)


def arrays_of(built):
    return layer_arrays(built.stem, built.trunk)


def test_weights_of_a_run_bring_their_head_to_another_fine_tuning(quick_config, tmp_path):
    trained = arrays_of(network(quick_config, seed=1))
    path = tmp_path / "weights.npz"
    save_arrays(path, trained, {"epoch": 3})
    later = replace(quick_config, fine_tune_from="block5_conv1")
    loaded = arrays_of(network(later, path, seed=2))
    assert loaded.keys() == trained.keys()
    for name, value in trained.items():
        np.testing.assert_array_equal(loaded[name], value, err_msg=name)


def test_convolutions_alone_leave_the_head_new(quick_config, tmp_path):
    trained = arrays_of(network(quick_config, seed=1))
    path = tmp_path / "vgg16.npz"
    np.savez(path, **{name: value for name, value in trained.items() if name.startswith("block")})
    built = network(quick_config, path, seed=2)
    loaded = arrays_of(built)
    for name, value in loaded.items():
        is_backbone = name.split("/")[0] in convolutions(built.stem, built.trunk)
        if name.endswith("kernel"):
            assert np.array_equal(value, trained[name]) == is_backbone, name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"block1_conv1/kernel": None}, "has no array 'block1_conv1/kernel'"),
        ({"block5_conv3/bias": np.zeros(3)}, "block5_conv3 in .* has shapes"),
        ({"evidence_hidden/kernel": None}, "has no array 'evidence_hidden/kernel'"),
    ],
)
def test_incomplete_or_odd_weights_are_refused(quick_config, tmp_path, change, message):
    arrays = arrays_of(network(quick_config)) | change
    path = tmp_path / "odd.npz"
    np.savez(path, **{name: value for name, value in arrays.items() if value is not None})
    with pytest.raises(UsageError, match=message):
        network(quick_config, path)


def test_absent_weights_are_refused(quick_config, tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        network(quick_config, tmp_path / "absent.npz")


def channel_statistics(features):
    features = np.asarray(features)
    return np.stack([features.mean(axis=(1, 2)), features.std(axis=(1, 2))])


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    scale = rng.uniform(1, 5, (16, 1, 1, 3))
    return (scale * rng.random((16, 20, 20, 3)) + rng.uniform(0, 9, scale.shape)).astype("float32")


def test_style_mixing_gives_statistics_between_two_images_and_keeps_the_pattern(features):
    keras.utils.set_random_seed(0)
    mixed = np.asarray(StyleMixing(1.0)(features, training=True))
    before, after = channel_statistics(features), channel_statistics(mixed)
    assert (np.abs(after - before).max(axis=(0, 2)) > 0.1).sum() > 4
    assert (after >= before.min(axis=1, keepdims=True) - 1e-3).all()
    assert (after <= before.max(axis=1, keepdims=True) + 1e-3).all()
    for one, other in zip(features.reshape(16, -1, 3), mixed.reshape(16, -1, 3), strict=True):
        for channel in range(3):
            assert np.corrcoef(one[:, channel], other[:, channel])[0, 1] > 0.9999


def test_style_mixing_is_for_training_alone_and_by_chance(features):
    keras.utils.set_random_seed(0)
    assert np.array_equal(StyleMixing(1.0)(features, training=False), features)
    assert np.array_equal(StyleMixing(0.0)(features, training=True), features)
    layer = StyleMixing(0.5)
    moved = [
        np.abs(np.asarray(layer(features, training=True)) - features).max() > 0.1 for _ in range(64)
    ]
    assert 16 < sum(moved) < 48
