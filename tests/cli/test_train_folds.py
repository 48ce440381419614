"""Folds and seeds one after another: what is trained, what fails, what is gone on with."""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import QUICK_WORDS, Result

pytest.importorskip("keras", reason="the extra [train] is not installed")

from tumorscope.recipes import folds as recipe
from tumorscope.recipes.fold_run import FoldRun, Outcome, outcome, processor_share
from tumorscope.recipes.folds import FoldsConfig, train_in_own_process
from tumorscope.system.own_process import call_in_own_process
from tumorscope.training.config import TrainConfig

Command = Callable[..., Result]


def record(output: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((output / "folds.json").read_text())
    return read


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[FoldRun]:
    """Put in place of the training what notes the run; runs with seed 13 fail."""
    asked: list[FoldRun] = []

    def note(run: FoldRun) -> Outcome:
        asked.append(run)
        if run.config.seed == 13:
            return outcome(run, error="Seed 13 fails.")
        run.folder.mkdir(exist_ok=True)
        (run.folder / "run.json").write_text("{}")
        best = {"epoch": 2.0, "val_loss": 0.25, "val_roc_auc": 0.75, "val_average_precision": 0.5}
        return outcome(run, best=best)

    monkeypatch.setattr(recipe, "train_in_own_process", note)
    return asked


@pytest.mark.slow
def test_killed_fold_is_named_the_other_goes_on_and_the_killed_is_resumed(
    tumorscope: Command,
    folds: Path,
    tmp_path: Path,
) -> None:
    output = tmp_path / "runs"
    words = ["train", "--folds", folds, "--root", folds.parent, "--output", output, *QUICK_WORDS]
    awaited = output / "made-N-seed0" / "cache"
    killer = threading.Thread(target=kill_child, args=(awaited, others()))
    killer.start()
    result = tumorscope(*words)
    killer.join()
    assert result.code == 1
    assert "made-N-seed0 failed: The process was killed" in result.err
    assert "1 of 2 runs are trained" in result.out
    first, second = record(output)["runs"]
    assert (first["fold"], first["best"]) == ("made/N", None)
    assert (second["fold"], second["error"]) == ("made/S", None)
    weights = output / "made-S-seed0" / "weights.npz"
    written = weights.stat().st_mtime_ns

    result = tumorscope(*words, "--resume")
    assert result.code == 0
    assert "2 of 2 runs are trained" in result.out
    assert all(one["best"]["epoch"] == 0 for one in record(output)["runs"])
    assert (output / "made-N-seed0" / "weights.npz").is_file()
    assert weights.stat().st_mtime_ns == written
    assert not list(output.glob("*/cache"))


def others() -> set[int | None]:
    """Return the processes that earlier tests have left at work."""
    return {child.pid for child in multiprocessing.active_children()}


def kill_child(awaited: Path, spared: set[int | None]) -> None:
    deadline = time.monotonic() + 240
    while not awaited.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    [child] = others() - spared
    assert child is not None
    os.kill(child, signal.SIGKILL)


def test_each_fold_is_trained_with_each_seed_and_only_what_is_missing_again(
    tumorscope: Command,
    trained: list[FoldRun],
    folds: Path,
    tmp_path: Path,
) -> None:
    output = tmp_path / "runs"
    words = ["train", "--folds", folds, "--output", output, "--weights", "none"]
    result = tumorscope(*words, "--seeds", "0,13")
    assert result.code == 1
    assert [line.split() for line in result.out.splitlines()[1:5]] == [
        ["made/N", "0", "2", "0.2500", "0.7500", "0.5000"],
        ["made/N", "13", "failed"],
        ["made/S", "0", "2", "0.2500", "0.7500", "0.5000"],
        ["made/S", "13", "failed"],
    ]
    assert "made-S-seed13 failed: Seed 13 fails." in result.err
    assert [run.folder.name for run in trained] == [
        "made-N-seed0",
        "made-N-seed13",
        "made-S-seed0",
        "made-S-seed13",
    ]
    assert [run.manifest.name for run in trained[::2]] == ["made-N.csv", "made-S.csv"]
    trained.clear()
    assert tumorscope(*words, "--seeds", "0,13", "--resume").code == 1
    assert [run.folder.name for run in trained] == ["made-N-seed13", "made-S-seed13"]
    trained.clear()
    assert tumorscope(*words, "--seeds", "1", "--resume").code == 0
    assert [run.config.seed for run in trained] == [1, 1]
    assert len(record(output)["runs"]) == 6


def test_hospitals_of_a_manifest_are_left_out_in_turn(
    tumorscope: Command,
    trained: list[FoldRun],
    hospitals: Path,
    tmp_path: Path,
) -> None:
    output = tmp_path / "runs"
    words = ["train", "--folds", "hospitals", "--manifest", hospitals, "--output", output]
    assert tumorscope(*words).code == 0
    assert [(run.fold, run.root) for run in trained] == [
        ("made/N", hospitals.parent),
        ("made/S", hospitals.parent),
    ]
    assert tumorscope(*words, "--resume").code == 0
    assert len(trained) == 2
    hospitals.write_text(hospitals.read_text() + "\n")
    result = tumorscope(*words, "--resume")
    assert result.code == 2
    assert "holds folds of another manifest" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "a folder with a subfolder per label, a manifest, or --folds FOLDER"),
        (("--folds", "f", "--manifest", "m.csv"), "remove --manifest"),
        (("--folds", "hospitals"), "--folds hospitals needs --manifest FILE"),
        (("--folds", "f", "--cache", "c"), "--cache: not with --folds"),
        (("--folds", "f", "--seed", "0", "--seeds", "1"), "--seed and --seeds"),
        (("--folds", "f", "--seeds", "1,1"), "received '1,1'"),
        (("--folds", "f", "--seeds", "one"), "received 'one'"),
        (("--folds", "f", "--address", "h:1"), "--address needs --engine ray"),
        (("--manifest", "m.csv", "--seeds", "1"), "--seeds: only with --folds"),
        (("--manifest", "m.csv", "--threads", "1"), "--threads: only with --folds"),
        (("--manifest", "m.csv", "--engine", "ray"), "--engine: only with --folds"),
        (("--folds", "nowhere"), "nowhere has no folds.json"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    tumorscope: Command,
    tmp_path: Path,
    words: tuple[str, ...],
    message: str,
) -> None:
    output = tmp_path / "runs"
    result = tumorscope("train", *words, "--output", output)
    assert result.code == 2
    assert message in result.err
    assert not output.exists()


def test_folds_that_were_changed_are_refused_before_any_work(
    tumorscope: Command,
    trained: list[FoldRun],
    folds: Path,
    tmp_path: Path,
) -> None:
    manifest = folds / "made-S.csv"
    manifest.write_text(manifest.read_text().replace(",external,", ",train,"))
    result = tumorscope("train", "--folds", folds, "--output", tmp_path / "runs")
    assert result.code == 2
    assert "made-S.csv is not the manifest" in result.err
    assert not trained


def test_what_is_in_the_output_is_not_overwritten(
    tumorscope: Command,
    trained: list[FoldRun],
    folds: Path,
    tmp_path: Path,
) -> None:
    output = tmp_path / "runs"
    words = ["train", "--folds", folds, "--output", output]
    assert "holds the folds" in tumorscope("train", "--folds", folds, "--output", folds).err
    assert tumorscope(*words).code == 0
    again = tumorscope(*words)
    assert again.code == 2
    assert "add --resume" in again.err
    other = tumorscope(*words, "--resume", "--set", "views=1", "--weights", "none")
    assert other.code == 2
    assert "started with a different weights, config" in other.err
    (output / "folds.json").write_bytes((folds / "folds.json").read_bytes())
    assert "is not the record of trained folds" in tumorscope(*words, "--resume").err
    assert len(trained) == 2


def kill_itself(run: FoldRun) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    return outcome(run)


def test_process_that_is_killed_is_an_outcome(tmp_path: Path) -> None:
    place = tmp_path / "run"
    run = FoldRun("made/N", place, "", place, place, "none", TrainConfig(seed=4))
    killed = train_in_own_process(run, kill_itself)
    assert (killed.fold, killed.seed, killed.path) == ("made/N", 4, "run")
    assert "The process was killed" in (killed.error or "")


@pytest.mark.parametrize(
    ("runs", "nodes", "share"),
    [(1, [8], 8), (3, [8], 2), (20, [8], 1), (2, [4, 4], 4), (1, [4, 4], 4), (3, [2, 8], 3)],
)
def test_share_of_the_processors(runs: int, nodes: list[int], share: int) -> None:
    assert processor_share(runs, nodes) == share


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads as Linux has them")
def test_threads_are_limited(tiny_graph_path: Path) -> None:
    for limit in (1, 3):
        found = call_in_own_process(count_threads, (limit, tiny_graph_path))
        assert found == (limit - 1, limit, limit)


@pytest.fixture
def tiny_graph_path(tiny_artifact: Any, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.onnx"
    path.write_bytes(tiny_artifact.graph)
    return path


def count_threads(asked: tuple[int, Path]) -> tuple[int, int, int]:
    """Return what a session starts beside the caller, and TensorFlow's two settings."""
    limit, graph = asked
    from tumorscope.system.threads import limit_threads

    limit_threads(limit)
    import onnxruntime
    import tensorflow as tf

    tasks = Path("/proc/self/task")
    before = len(list(tasks.iterdir()))
    options = onnxruntime.SessionOptions()
    session = onnxruntime.InferenceSession(str(graph), options)
    started = len(list(tasks.iterdir())) - before
    del session
    threading = tf.config.threading
    return (
        started,
        threading.get_intra_op_parallelism_threads(),
        threading.get_inter_op_parallelism_threads(),
    )


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (("--seeds", "3,4"), {"seeds": (3, 4)}),
        (("--seed", "3"), {"seeds": (3,), "config": TrainConfig(seed=3)}),
        (("--engine", "ray"), {"engine": "ray"}),
        (("--engine", "ray", "--address", "h:1"), {"engine": "ray", "address": "h:1"}),
        (("--threads", "3"), {"threads": 3}),
        (("--root", "r"), {"root": Path("r")}),
        (("--resume",), {"resume": True}),
    ],
)
def test_options_reach_the_recipe(
    tumorscope: Command,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    changed: dict[str, Any],
) -> None:
    asked: list[FoldsConfig] = []
    monkeypatch.setattr(recipe, "train_folds", lambda config: asked.append(config) or [])
    assert tumorscope("train", "--folds", "f", "--output", "o", *words).code == 0
    least = {"output": Path("o"), "config": TrainConfig(), "seeds": (0,), "weights": "imagenet"}
    assert asked == [FoldsConfig(**{**least, "folds": Path("f"), **changed})]
