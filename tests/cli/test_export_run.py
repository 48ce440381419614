"""Runs in an MLflow store; and what is said where MLflow is absent."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Result

Command = Callable[..., Result]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """What training leaves, of two epochs, and a report beside it."""
    folder = tmp_path / "run"
    folder.mkdir()
    record = {
        "manifest": "/somewhere/m.csv",
        "root": "/somewhere",
        "manifest_sha256": "ab",
        "weights": "none",
        "weights_sha256": None,
        "config": {"seed": 3, "dropout": 0.25},
        "preprocessing": {"size": 224},
        "data": {"train": {"sha256": "cd"}},
        "versions": {"keras": "3"},
        "commit": "ef",
        "skipped": [],
    }
    (folder / "run.json").write_text(json.dumps(record))
    write_history(folder, epochs=2)
    (folder / "weights.npz").write_bytes(b"weights")
    report = tmp_path / "test"
    report.mkdir()
    auroc = {"estimate": 0.75, "low": 0.5, "high": None}
    metrics = {"sections": {"overall": {"all images": {"roc_auc": auroc}}}}
    (report / "metrics.json").write_text(json.dumps(metrics))
    return folder


def write_history(folder: Path, *, epochs: int) -> None:
    history = [{"epoch": float(epoch), "val_loss": 1 / (1 + epoch)} for epoch in range(epochs)]
    (folder / "history.json").write_text(json.dumps(history))


@pytest.mark.filterwarnings("ignore")  # of packages that MLflow drives
def test_run_is_logged_once_and_gets_what_is_new(
    tumorscope: Command, run_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mlflow_client(tmp_path, monkeypatch)
    words = [
        "export-run",
        run_folder,
        "--to",
        "mlflow",
        "--tracking-uri",
        f"sqlite:///{tmp_path}/m.db",
    ]
    first = tumorscope(*words)
    assert first.code == 0, first.err
    assert "logged as" in first.out
    [run] = runs(client)
    assert run.data.params == {"seed": "3", "dropout": "0.25", "preprocessing.size": "224"}
    assert run.data.tags["mlflow.source.git.commit"] == "ef"
    assert run.data.tags["tumorscope.manifest_sha256"] == "ab"
    assert "somewhere" not in str(run.to_dictionary())
    assert steps(client, "val_loss") == [(0, 1.0), (1, 0.5)]
    assert client.list_artifacts(run.info.run_id) == []

    write_history(run_folder, epochs=4)
    again = tumorscope(*words, "--evaluation", tmp_path / "test", "--weights")
    assert "is already there as" in again.out
    assert steps(client, "val_loss") == [(0, 1.0), (1, 0.5), (2, 1 / 3), (3, 0.25)]
    assert steps(client, "test/roc_auc") == [(0, 0.75)]
    assert steps(client, "test/roc_auc_low") == [(0, 0.5)]
    [run] = runs(client)
    assert "test/roc_auc_high" not in run.data.metrics
    assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["weights.npz"]

    record = json.loads((run_folder / "run.json").read_text())
    (run_folder / "run.json").write_text(json.dumps(record | {"commit": "0"}))
    assert "logged as" in tumorscope(*words).out
    assert len(runs(client)) == 2
    assert tumorscope(*words, "--experiment", "other").code == 0
    assert len(runs(client)) == 2


def mlflow_client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(folder)  # where MLflow puts artifacts of a database
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    pytest.importorskip("sqlalchemy", reason="what MLflow needs for a database is not installed")
    tracking = pytest.importorskip("mlflow.tracking", reason="[mlflow] is not installed")
    return tracking.MlflowClient(tracking_uri=f"sqlite:///{folder}/m.db")


def runs(client: Any) -> list[Any]:
    return list(client.search_runs([client.get_experiment_by_name("tumorscope").experiment_id]))


def steps(client: Any, name: str) -> list[tuple[int, float]]:
    [run] = runs(client)
    return [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]


def test_store_that_does_not_answer_and_folders_that_are_no_runs_are_told(
    tumorscope: Command, run_folder: Path, tmp_path: Path
) -> None:
    pytest.importorskip("mlflow", reason="[mlflow] is not installed")
    to = ("--to", "mlflow", "--tracking-uri", "http://127.0.0.1:1")
    for words, message in (
        ((run_folder,), "The MLflow tracking store cannot be used"),
        ((tmp_path,), "is not a training run"),
        ((run_folder, "--evaluation", run_folder), "is not a report of"),
        ((run_folder, *("--evaluation", tmp_path / "test") * 2), "Two reports"),
    ):
        result = tumorscope("export-run", *words, *to)
        assert result.code == 2
        assert message in result.err


def test_without_mlflow_the_extra_is_named(
    tumorscope: Command, run_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tumorscope.recipes.mlflow_export", raising=False)
    for name in ("mlflow", "mlflow.entities", "mlflow.exceptions", "mlflow.tracking"):
        monkeypatch.setitem(sys.modules, name, None)
    result = tumorscope("export-run", run_folder, "--to", "mlflow", "--tracking-uri", "x")
    assert result.code == 2
    assert "pip install 'tumorscope[mlflow]'" in result.err
