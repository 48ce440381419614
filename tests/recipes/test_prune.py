"""Weights of a narrower network from a run: what is refused, and what comes out."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("keras", reason="the extra [train] is not installed")

from tumorscope.data.manifest import ManifestRow, write_manifest
from tumorscope.errors import UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.recipes import prune as recipe
from tumorscope.recipes.prune import prune
from tumorscope.system.files import file_sha256
from tumorscope.training.checkpoint import load_arrays, save_arrays
from tumorscope.training.config import TrainConfig


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a finished run leaves; its one weight has 8 numbers."""
    manifest = tmp_path / "split.csv"
    (tmp_path / "1.png").touch()
    write_manifest(manifest, [ManifestRow("made", "1.png", 0, group_id="a", split="train")])
    folder = tmp_path / "run"
    folder.mkdir()
    record = {
        "manifest": str(manifest),
        "manifest_sha256": file_sha256(manifest),
        "root": str(tmp_path),
        "config": TrainConfig().to_dict(),
        "preprocessing": Preprocessing().to_dict(),
    }
    (folder / "run.json").write_text(json.dumps(record))
    save_arrays(folder / "weights.npz", {"type/bias": np.zeros(8, np.float32)}, {})
    return folder


def change(run: Path, **settings: Any) -> None:
    record = json.loads((run / "run.json").read_text())
    record["config"] |= settings
    (run / "run.json").write_text(json.dumps(record))


def test_weights_are_written_and_counted(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def note(weights: Any, canvases: Any, **options: Any) -> dict[str, Any]:
        asked.update(options, canvases=len(canvases))
        return {name: value[: int(8 * options["width"])] for name, value in weights.items()}

    monkeypatch.setattr(recipe, "prune_filters", note)
    monkeypatch.setattr(recipe, "load_examples", lambda rows, *_: (_Examples(len(rows)), []))
    output = run / "slim.npz"

    assert prune(run, output=output, width=0.25) == (8, 2)

    assert (asked["width"], asked["canvases"]) == (0.25, 1)
    assert load_arrays(output)[0]["type/bias"].shape == (2,)


class _Examples:
    def __init__(self, count: int) -> None:
        self.canvases = np.zeros((count, 8, 8), np.uint8)


@pytest.mark.parametrize("width", [0, 0.01, 1, 1.5])
def test_width_that_is_no_share_is_refused(run: Path, width: float) -> None:
    with pytest.raises(UsageError, match="width"):
        prune(run, output=run / "slim.npz", width=width)


def test_narrow_network_is_not_narrowed_again(run: Path) -> None:
    change(run, width=0.5)
    with pytest.raises(UsageError, match="Only a full network"):
        prune(run, output=run / "slim.npz", width=0.25)


def test_nothing_is_overwritten(run: Path) -> None:
    output = run / "slim.npz"
    output.write_text("mine")
    with pytest.raises(UsageError, match="--overwrite"):
        prune(run, output=output, width=0.5)
    assert output.read_text() == "mine"


def test_folder_that_does_not_exist_is_named_before_any_work(run: Path) -> None:
    with pytest.raises(UsageError, match="does not exist; create it first"):
        prune(run, output=run / "missing" / "slim.npz", width=0.5)


def test_changed_manifest_is_refused(run: Path) -> None:
    manifest = run.parent / "split.csv"
    manifest.write_text(manifest.read_text() + "\n")
    with pytest.raises(UsageError, match="is not the manifest"):
        prune(run, output=run / "slim.npz", width=0.5)
