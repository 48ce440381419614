from dataclasses import replace

import keras
import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.training.checkpoint import layer_arrays, save_arrays
from tumorscope.training.network import build_network, convolutions

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
