"""What a training that starts from an artifact is given."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="the extra [train] is not installed")

from tumorscope.data.manifest import ManifestRow, read_manifest, write_manifest
from tumorscope.errors import ManifestError, UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.recipes import train as recipe
from tumorscope.recipes.foretell import PRESETS, expected_hours
from tumorscope.recipes.provenance import check_manifest
from tumorscope.training.checkpoint import layer_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.network import build_network


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Two scans each to train on and to validate with."""
    rows = []
    for index, split in enumerate(("train", "train", "val", "val")):
        pixels = np.random.default_rng(index).integers(0, 255, (64, 64), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
        rows.append(
            ManifestRow("made", f"{index}.png", index % 2, group_id=str(index), split=split)
        )
    write_manifest(tmp_path / "split.csv", rows)
    return tmp_path / "split.csv"


@pytest.fixture
def fitted(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the training was asked for, which is not done."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(recipe, "fit", lambda *_, **options: asked.update(options))
    return asked


def train(manifest: Path, start: Path | None) -> dict[str, Any]:
    output = manifest.parent / "run"
    recipe.train(manifest, output=output, config=TrainConfig(), weights="none", start=start)
    record: dict[str, Any] = json.loads((output / "run.json").read_text())
    return record


@pytest.mark.parametrize(("name", "width"), [("default", 1.0), ("lite", 0.5)])
def test_every_layer_of_an_embedded_artifact_is_there(
    manifest: Path, fitted: dict[str, Any], name: str, width: float
) -> None:
    record = train(manifest, Path(name))

    network = build_network(TrainConfig(width=width), size=224, weights=None)
    expected = layer_arrays(network.stem, network.trunk)
    assert {key: value.shape for key, value in fitted["start"].items()} == {
        key: value.shape for key, value in expected.items()
    }
    assert record["start_graph_sha256"] == read_artifact(Path(name)).manifest.graph_sha256


def test_without_one_nothing_is_said_of_it(manifest: Path, fitted: dict[str, Any]) -> None:
    record = train(manifest, None)

    assert fitted["start"] is None
    assert "start_graph_sha256" not in record


def test_an_artifact_with_other_canvases_is_refused(
    manifest: Path, fitted: dict[str, Any], tmp_path: Path
) -> None:
    embedded = read_artifact()
    other = replace(embedded.manifest, preprocessing=Preprocessing(size=192))
    path = tmp_path / "other.tumorscope"
    write_artifact(path, Artifact(manifest=other, graph=embedded.graph))

    with pytest.raises(UsageError, match="preprocesses images differently"):
        train(manifest, path)
    assert not fitted


def test_settings_of_the_augmentation_reach_the_training(
    manifest: Path, fitted: dict[str, Any]
) -> None:
    output = manifest.parent / "changed"
    options: dict[str, Any] = {"output": output, "config": TrainConfig(), "weights": "none"}
    recipe.train(manifest, **options, augmentation={"flip_chance": 0.0, "gamma": (0.9, 1.1)})
    assert fitted["augmentation"].flip_chance == 0
    assert json.loads((output / "run.json").read_text())["augmentation"]["gamma"] == [0.9, 1.1]
    with pytest.raises(UsageError, match="a different augmentation"):
        recipe.train(manifest, **options, augmentation={"flip_chance": 0.5}, resume=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty scans of each label, none like another."""
    for index in range(40):
        pixels = np.random.default_rng(index).integers(0, 255, (64, 64), dtype=np.uint8)
        path = tmp_path / "mine" / ("yes" if index % 2 else "no") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    return tmp_path / "mine"


def test_a_folder_is_split_on_the_way_and_an_honest_word_is_said(
    folder: Path, fitted: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="tumorscope")
    output = tmp_path / "run"
    recipe.train(folder, output=output, config=TrainConfig(), weights="none", preset="full")
    record = json.loads((output / "run.json").read_text())
    assert record["manifest"] == str(output / "split.csv")
    assert (record["root"], record["preset"]) == (str(folder), "full")
    rows = read_manifest(output / "split.csv", root=folder)
    assert {row.split for row in rows} == {"train", "val", "calibration", "test"}
    assert check_manifest(record) == output / "split.csv"
    assert "24 training images" in caplog.text
    assert "the result cannot be trusted" in caplog.text
    assert "The calibration side is too small" in caplog.text
    assert "on two cores" in caplog.text
    assert "expect an interval of about" in caplog.text


def test_too_few_are_refused_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    for path in sorted((folder / "yes").iterdir())[2:]:
        path.unlink()
    with pytest.raises(ManifestError, match="is too small to train on"):
        recipe.train(folder, output=tmp_path / "run", config=TrainConfig(), weights="none")
    assert not (tmp_path / "run").exists()


def test_a_start_that_failed_blocks_nothing(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise UsageError("no internet")

    options: dict[str, Any] = {"output": tmp_path / "run", "config": TrainConfig()}
    monkeypatch.setattr(recipe, "fit", fail)
    with pytest.raises(UsageError, match="no internet"):
        recipe.train(folder, **options, weights="imagenet")
    monkeypatch.setattr(recipe, "fit", lambda *_, **__: None)
    recipe.train(folder, **options, weights="none")
    (tmp_path / "run" / "state.npz").write_bytes(b"")
    before = (tmp_path / "run" / "split.csv").read_text()
    (folder / "yes" / "1.png").unlink()
    with pytest.raises(UsageError, match="holds a training run; add --resume"):
        recipe.train(folder, **options, weights="none")
    assert (tmp_path / "run" / "split.csv").read_text() == before


def test_the_hours_grow_with_images_and_epochs() -> None:
    few = expected_hours(240, 40, TrainConfig(**PRESETS["quick"]), "quick")
    assert few < 10 / 60
    assert few < expected_hours(240, 40, TrainConfig(**PRESETS["standard"]), "standard")
    assert expected_hours(8000, 1200, TrainConfig(), "full") > 2
