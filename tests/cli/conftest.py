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
