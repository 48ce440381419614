"""Archives of made scans, and ``tumorscope batch`` as a process that can be killed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fsspec", reason="the extra [scale] is not installed")
pq = pytest.importorskip("pyarrow.parquet", reason="the extra [scale] is not installed")

COMMAND = (sys.executable, "-m", "tumorscope", "batch")


@pytest.fixture
def archive(
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., Any],
    encode_dicom: Callable[..., bytes],
    tmp_path: Path,
) -> Path:
    """A folder with pictures, a DICOM file without a suffix, a volume and two unreadable files."""
    folder = tmp_path / "scans"
    (folder / "study").mkdir(parents=True)
    Image.fromarray(make_head(blob=(62, 94))).save(folder / "1.png")
    Image.fromarray(make_head()).save(folder / "2.png")
    (folder / "3.png").write_bytes(b"")
    (folder / "10.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("left out")
    (folder / "study" / "IM0001").write_bytes(encode_dicom(make_dicom(make_head(seed=5))))
    voxels = np.stack([make_head(seed=i) for i in range(3)], axis=-1).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1, 1, 5, 1])), folder / "volume.nii")
    return folder


@pytest.fixture
def batch(tiny_artifact_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in a process of its own with the tiny model, to its end."""

    def call(*words: object) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, "--model", str(tiny_artifact_path), *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=quiet())

    return call


def quiet() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def rows_of(table: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(table).to_pylist()
    return rows
