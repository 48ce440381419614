"""Slices and evidence as PNG."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorscope.imaging.scan import Scan
from tumorscope.serving.http_api.jobs.pictures import (
    describe_slice,
    evidence_path,
    image_path,
    save_pictures,
    windowed,
)


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())))


def ramp(rows: int, columns: int) -> np.ndarray:
    return np.linspace(-200, 1000, rows * columns, dtype=np.float32).reshape(rows, columns)


def test_all_grey_values_are_kept(tmp_path: Path) -> None:
    scan = Scan(ramp(40, 50), "a.dcm", spacing_mm=(0.5, 0.7), plane="axial", sides=("R", "A"))
    save_pictures(scan, None, folder=tmp_path / "new", number=3)
    deep = read(image_path(tmp_path / "new", 3)).astype(float)
    low, high = describe_slice(scan)["value_range"]
    np.testing.assert_allclose(low + deep * (high - low) / 65535, scan.pixels, atol=0.02)
    assert not evidence_path(tmp_path / "new", 3).exists()


def test_window_maps_black_and_white(tmp_path: Path) -> None:
    scan = Scan(ramp(40, 50), "a.dcm")
    save_pictures(scan, None, folder=tmp_path, number=0)
    content = image_path(tmp_path, 0).read_bytes()
    shown = np.asarray(
        Image.open(io.BytesIO(windowed(content, value_range=(-200, 1000), window=(0, 500))))
    )
    assert shown.dtype == np.uint8
    np.testing.assert_allclose(shown, np.clip(scan.pixels / 500, 0, 1) * 255, atol=1)


def test_evidence_keeps_its_place(tmp_path: Path) -> None:
    evidence = np.zeros((400, 200), np.float32)
    evidence[:100, :50] = 1
    save_pictures(Scan(ramp(400, 200), "a.png"), evidence, folder=tmp_path, number=0)
    kept = read(evidence_path(tmp_path, 0))
    assert kept.shape == (128, 64)
    assert kept[:28, :12].min() == 255
    assert kept[40:, 24:].max() == 0


def test_large_image_is_halved(tmp_path: Path) -> None:
    scan = Scan(ramp(2051, 900), "a.png")
    save_pictures(scan, None, folder=tmp_path, number=0)
    assert read(image_path(tmp_path, 0)).shape == (1025, 450)
    assert describe_slice(scan)["rows"] == 2051


def test_nearly_constant_slice_has_a_window() -> None:
    pixels = np.zeros((64, 64), np.float32)
    pixels[0, 0] = 5
    assert describe_slice(Scan(pixels, "a.png"))["window"] == [0, 5]


@pytest.mark.parametrize("known", [True, False])
def test_geometry_is_told_where_known(known: bool) -> None:
    extra = {"spacing_mm": (1.0, 2.0), "sides": ("A", "H"), "position_mm": 4.0} if known else {}
    view = describe_slice(Scan(ramp(20, 30), "a.dcm", **extra))
    assert (view["rows"], view["columns"]) == (20, 30)
    assert view["spacing_mm"] == ([1.0, 2.0] if known else None)
    assert view["sides"] == (["A", "H"] if known else None)
    assert view["position_mm"] == (4.0 if known else None)
