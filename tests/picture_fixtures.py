"""Made pictures and manifests."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image, ImageFilter


@pytest.fixture
def make_picture() -> Callable[..., np.ndarray]:
    """A dark frame around a textured ellipse: shape (side, side), uint8; one look per seed."""

    def make(seed: int, side: int = 128) -> np.ndarray:
        rng = np.random.default_rng(seed)
        noise = Image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8))
        texture = np.asarray(noise.resize((side, side), Image.Resampling.BICUBIC), dtype=float)
        rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        head = (rows / 0.8) ** 2 + (columns / rng.uniform(0.55, 0.75)) ** 2 < 1
        return np.uint8(np.where(head, 50 + 0.8 * texture, 0))

    return make


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., str]:
    """Save pixels under a name relative to tmp_path; return the name."""

    def write(name: str, pixels: np.ndarray, **options: Any) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, **options)
        return name

    return write


@pytest.fixture
def save_volume(tmp_path: Path) -> Callable[..., str]:
    def write(name: str, voxels: np.ndarray, spacing: tuple[float, ...] = (2, 2, 2)) -> str:
        nibabel.save(nibabel.Nifti1Image(voxels, np.diag([*spacing, 1])), tmp_path / name)
        return name

    return write


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write dicts as a CSV; columns from the first."""

    def write(rows: list[dict[str, Any]], name: str = "manifest.csv") -> Path:
        path = tmp_path / name
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


@pytest.fixture
def blur() -> Callable[[np.ndarray], np.ndarray]:
    return lambda pixels: np.asarray(
        Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(1)), dtype=np.uint8
    )
