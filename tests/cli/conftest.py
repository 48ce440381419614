"""The command as a user runs it: its words in, exit code and both streams out."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import nibabel
import numpy as np
import pytest
from PIL import Image

from tumorscope.cli.main import main
from tumorscope.data.folds import make_folds, write_folds
from tumorscope.data.manifest import ManifestRow, read_manifest, write_manifest
from tumorscope.data.split import SplitPlan

QUICK = (
    "width=0.125",
    "views=1",
    "frozen_epochs=0",
    "fine_tune_epochs=1",
    "fine_tune_from=block5_conv1",
    "batch_size=4",
    "precision=float32",
    "frozen_arithmetic=float32",
)
"""Settings of a run of seconds; it learns nothing."""

QUICK_WORDS = ("--weights", "none", *(word for one in QUICK for word in ("--set", one)))


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def tumorscope(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Run the command with some words after its name."""

    def call(*words: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["tumorscope", *map(str, words)])
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        return Result(int(stop.value.code or 0), captured.out, captured.err)

    return call


@pytest.fixture
def run(tumorscope: Callable[..., Result], tiny_artifact_path: Path) -> Callable[..., Result]:
    """Run ``tumorscope predict`` with the tiny model."""

    def call(*arguments: object, model: Path | None = tiny_artifact_path) -> Result:
        chosen = () if model is None else ("--model", model)
        return tumorscope("predict", *arguments, *chosen)

    return call


@pytest.fixture
def scans(make_head: Callable[..., np.ndarray], tmp_path: Path) -> Path:
    """A folder with a picture with a blob, one without and a volume of three slices."""
    folder = tmp_path / "scans"
    folder.mkdir()
    Image.fromarray(make_head(blob=(62, 94))).save(folder / "1.png")
    Image.fromarray(make_head()).save(folder / "2.png")
    voxels = np.stack([make_head(seed=i) for i in range(3)], axis=-1).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1, 1, 5, 1])), folder / "3.nii")
    return folder


@pytest.fixture
def hospitals(make_head: Callable[..., np.ndarray], tmp_path: Path) -> Path:
    """Manifest of twelve heads of each of two hospitals, every second with a blob."""
    folder = tmp_path / "data"
    folder.mkdir()
    rows = []
    for index in range(24):
        tumor, site = index % 2, "NS"[index // 12]
        head = make_head((64, 64), blob=(26, 34) if tumor else None, seed=index)
        Image.fromarray(head).save(folder / f"{index}.png")
        row = ManifestRow("made", f"{index}.png", tumor, site=f"made/{site}", group_id=f"g{index}")
        rows.append(row)
    path = folder / "manifest.csv"
    write_manifest(path, rows)
    return path


@pytest.fixture
def folds(hospitals: Path) -> Path:
    """Folder as ``tumorscope data split --folds site`` writes it."""
    plan = SplitPlan(fractions={"train": 0.4, "val": 0.3, "calibration": 0.15, "test": 0.15})
    folder = hospitals.parent / "folds"
    rows = read_manifest(hospitals, root=hospitals.parent)
    write_folds(folder, make_folds(rows, "site", plan), by="site", plan=plan)
    return folder
