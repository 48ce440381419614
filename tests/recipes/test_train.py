"""What a training that starts from an artifact is given."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="the extra [train] is not installed")

from tumorscope.data.manifest import ManifestRow, write_manifest
from tumorscope.errors import UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.recipes import train as recipe
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
