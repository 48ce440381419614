import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tumorscope.errors import UsageError
from tumorscope.system.folder_lock import exclusive
from tumorscope.training.checkpoint import layer_arrays, load_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import UNKNOWN
from tumorscope.training.fit import RunPaths, averaging_momentum, fit
from tumorscope.training.network import build_network, frozen_layers


def run(train, val, config, folder, **options):
    return fit(train, val, config=config, weights=None, run_folder=folder, **options)


@pytest.fixture(scope="module")
def undisturbed(train_examples, val_examples, quick_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    return run(train_examples, val_examples, quick_config, folder), folder


def assert_same_weights(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.slow
def test_same_seed_gives_the_same_weights(
    undisturbed, train_examples, val_examples, quick_config, tmp_path
):
    again = run(train_examples, val_examples, quick_config, tmp_path)
    assert_same_weights(undisturbed[0].weights, again.weights)
    assert undisturbed[0].history == again.history


@pytest.mark.slow
def test_another_seed_gives_other_weights(
    undisturbed, train_examples, val_examples, quick_config, tmp_path
):
    other = run(train_examples, val_examples, replace(quick_config, seed=1), tmp_path)
    assert not np.array_equal(
        undisturbed[0].weights["evidence_hidden/kernel"], other.weights["evidence_hidden/kernel"]
    )


def test_history_is_there_as_a_table_and_for_tensorboard(undisturbed) -> None:
    fitted, folder = undisturbed
    with (folder / "history.csv").open(newline="") as stream:
        table = [
            {name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)
        ]
    assert table == fitted.history
    (path,) = folder.glob("events.out.tfevents.*")
    events = [
        tf.compat.v1.Event.FromString(record.numpy())
        for record in tf.data.TFRecordDataset(str(path))
    ]
    shown = {event.step: event.summary.value for event in events if event.summary.value}
    assert sorted(shown) == [entry["epoch"] for entry in fitted.history]
    for entry in fitted.history:
        of_epoch = {one.tag: one.simple_value for one in shown[int(entry["epoch"])]}
        assert of_epoch == pytest.approx({name: entry[name] for name in entry if name != "epoch"})


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from conftest import make_examples
from tumorscope.training.config import TrainConfig
from tumorscope.training.fit import fit
config = TrainConfig.from_dict({config!r})
fit(make_examples(40, seed=1), make_examples(16, seed=2), config=config, weights=None,
    run_folder=Path({folder!r}), resume=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kill_after", ["features", "epoch"])
def test_killed_run_resumes_to_the_same_result(undisturbed, quick_config, tmp_path, kill_after):
    script = SCRIPT.format(
        tests=str(Path(__file__).parent), config=quick_config.to_dict(), folder=str(tmp_path)
    )
    process = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)
    index = tmp_path / "cache" / "index.jsonl"
    awaited = index if kill_after == "features" else RunPaths(tmp_path).state
    deadline = time.monotonic() + 120
    while not awaited.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert awaited.exists()

    subprocess.run([sys.executable, "-c", script], check=True, stderr=subprocess.DEVNULL)
    resumed, _ = load_arrays(RunPaths(tmp_path).best)
    assert_same_weights(undisturbed[0].weights, resumed)


def test_frozen_layers_stay_and_upper_layers_move(undisturbed, train_examples, quick_config):
    keras.utils.set_random_seed(quick_config.seed)
    size = train_examples.canvases.shape[1]
    start = build_network(quick_config, size=size, weights=None)
    initial = layer_arrays(start.stem, start.trunk)
    trained = undisturbed[0].weights
    kernels = [name for name in initial if name.endswith("kernel")]
    frozen = [name for name in kernels if name.split("/")[0] in frozen_layers(quick_config)]
    assert len(frozen) == 7  # VGG16's first three blocks
    for name in kernels:
        assert np.array_equal(initial[name], trained[name]) == (name in frozen), name


@pytest.mark.parametrize("taken", ["run", "cache"])
def test_second_run_in_the_same_folder_is_refused(
    train_examples, val_examples, quick_config, tmp_path, taken
):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from tumorscope.system.folder_lock import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('held', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", script, str(tmp_path / taken)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=f"Another run is working in .*{taken}"):
            run(
                train_examples,
                val_examples,
                quick_config,
                tmp_path / "run",
                cache_folder=tmp_path / "cache",
            )
        other.kill()
    with exclusive(tmp_path / taken):
        pass


def test_resume_with_other_settings_is_refused(
    undisturbed, train_examples, val_examples, quick_config
):
    changed = replace(quick_config, dropout=0.1)
    with pytest.raises(UsageError, match="different settings"):
        run(train_examples, val_examples, changed, undisturbed[1], resume=True)


def test_one_class_alone_is_refused(train_examples, val_examples, quick_config, tmp_path):
    only = train_examples.take(np.flatnonzero(train_examples.tumor == 1))
    with pytest.raises(UsageError, match="with and without tumor"):
        run(only, val_examples, quick_config, tmp_path)


@pytest.fixture(scope="module")
def reference(eagerly, train_examples, val_examples, short_config, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reference")
    return run(train_examples, val_examples, short_config, folder).weights


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fine_tune_from", "block5_conv1"),
        ("frozen_arithmetic", "float32"),
        ("views", 1),
        ("fine_tune_epochs", 2),
        ("batch_size", 16),
        ("fine_tune_learning_rate", 5e-4),
        ("dropout", 0.0),
        ("l2", 1e-2),
        ("mask_weight", 0.0),
        ("type_weight", 0.0),
        ("label_smoothing", 0.2),
        ("pooling_sharpness", 8.0),
        ("ema_momentum", 0.5),
        ("precision", "bfloat16"),
    ],
)
def test_every_option_changes_something(  # noqa: PLR0917
    reference, short_config, train_examples, val_examples, tmp_path, name, value
):
    changed = replace(short_config, **{name: value})
    other = run(train_examples, val_examples, changed, tmp_path)
    assert any(not np.array_equal(reference[key], other.weights[key]) for key in other.weights)


@pytest.mark.slow
def test_options_of_the_head_change_something(
    reference, short_config, train_examples, val_examples, tmp_path
):
    trained = replace(short_config, frozen_epochs=1)
    faster = replace(trained, frozen_learning_rate=3e-3)
    slow, fast = (
        run(train_examples, val_examples, config, tmp_path / name).weights
        for config, name in ((trained, "slow"), (faster, "fast"))
    )
    for one, other in ((reference, slow), (slow, fast)):
        assert any(not np.array_equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize(
    ("steps", "momentum"), [(1, 0.0), (10, 0.9), (199, 1 - 1 / 199), (200, 0.995), (5000, 0.995)]
)
def test_mean_of_the_weights_looks_back_one_epoch_at_most(steps, momentum):
    assert averaging_momentum(TrainConfig(ema_momentum=0.995), steps) == pytest.approx(momentum)


@pytest.mark.slow
def test_patience_stops_early(train_examples, val_examples, quick_config, tmp_path):
    # With a rate of zero nothing improves, so the run must end long before its last epoch.
    config = replace(
        quick_config, frozen_epochs=0, fine_tune_epochs=30, patience=2, fine_tune_learning_rate=0.0
    )
    fitted = run(train_examples, val_examples, config, tmp_path)
    assert len(fitted.history) <= 4


@pytest.mark.slow
@pytest.mark.parametrize(("patience", "epochs", "kept"), [(0, 4, 3), (1, 2, 0)])
def test_without_patience_the_last_epoch_counts(  # noqa: PLR0917  fixtures
    train_examples, val_examples, quick_config, tmp_path, monkeypatch, patience, epochs, kept
):
    losses = iter(range(99))  # every epoch seems worse than the one before

    def worse(*_):
        return {"val_loss": float(next(losses)), "val_roc_auc": 0.5}

    monkeypatch.setattr("tumorscope.training.fit.validation_metrics", worse)
    config = replace(quick_config, frozen_epochs=0, fine_tune_epochs=4, patience=patience)

    fitted = run(train_examples, val_examples, config, tmp_path)

    assert len(fitted.history) == epochs
    assert fitted.kept == load_arrays(RunPaths(tmp_path).best)[1]["epoch"] == kept


@pytest.mark.slow
@pytest.mark.parametrize(("frozen_epochs", "stage"), [(1, "frozen"), (0, "fine_tune")])
def test_training_that_diverges_says_so(
    train_examples, val_examples, quick_config, tmp_path, frozen_epochs, stage
):
    rate = {f"{stage}_learning_rate": 1e30}
    config = replace(quick_config, frozen_epochs=frozen_epochs, fine_tune_epochs=1, **rate)
    words = rf"diverged in epoch 1 of {frozen_epochs + 1}.* {stage}_learning_rate=1e\+29"
    with pytest.raises(UsageError, match=words):
        run(train_examples, val_examples, config, tmp_path)


def test_sliver_keeps_its_place_but_loses_its_vote(train_examples, quick_config):
    from tumorscope.training.batches import make_targets

    targets = make_targets(train_examples, replace(quick_config, min_tumor_fraction=0.9))
    with_mask = train_examples.mask_index != UNKNOWN
    assert (targets.tumor_weight[with_mask] == 0).all()
    assert (targets.evidence_weight[with_mask] > 0).all()
