"""Slices and evidence as PNG, so that a browser can show DICOM and NIfTI without decoding them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.imaging.png import encode_png
from tumorscope.imaging.scan import Scan

DEEP_MAXIMUM: Final = 65535
MAX_SIDE: Final = 2048
"""Pixels of a kept picture; larger images are halved until they fit."""

EVIDENCE_SIDE: Final = 128
"""Pixels of a kept evidence map. The network's map has 14 x 14 cells; a browser enlarges it."""

_WINDOW: Final = (0.5, 99.5)
"""Percentiles shown black and white, the same as the network's own window."""


def describe_slice(scan: Scan) -> dict[str, Any]:
    """Return what a viewer needs to know of a slice, as in ``schemas.SliceView``."""
    low, high = float(scan.pixels.min()), float(scan.pixels.max())
    black, white = np.percentile(scan.pixels, _WINDOW)
    return {
        "rows": scan.pixels.shape[0],
        "columns": scan.pixels.shape[1],
        "spacing_mm": None if scan.spacing_mm is None else list(scan.spacing_mm),
        "position_mm": scan.position_mm,
        "plane": scan.plane,
        "sides": None if scan.sides is None else list(scan.sides),
        "study_instance_uid": scan.study_uid,
        "series_description": scan.series_description,
        "value_range": [low, high],
        "window": [float(black), float(white)] if white > black else [low, high],
    }


def save_pictures(
    scan: Scan, evidence: NDArray[np.float32] | None, *, folder: Path, number: int
) -> None:
    """Keep a slice with all its grey values, and its evidence in 8 bits."""
    folder.mkdir(mode=0o700, exist_ok=True)
    low, high = scan.pixels.min(), scan.pixels.max()
    pixels = _halved(scan.pixels)
    deep = (pixels - low) * (DEEP_MAXIMUM / max(float(high - low), 1e-12))
    image_path(folder, number).write_bytes(encode_png(np.rint(deep).astype(np.uint16)))
    if evidence is not None:
        grey = Image.fromarray(np.rint(evidence * 255).astype(np.uint8))
        grey.thumbnail((EVIDENCE_SIDE, EVIDENCE_SIDE), Image.Resampling.BILINEAR)
        evidence_path(folder, number).write_bytes(encode_png(np.asarray(grey)))


def image_path(folder: Path, number: int) -> Path:
    """Return where the picture of a slice is kept."""
    return folder / f"{number}.png"


def evidence_path(folder: Path, number: int) -> Path:
    """Return where the evidence map of a slice is kept."""
    return folder / f"{number}.evidence.png"


def windowed(
    deep_png: bytes, *, value_range: tuple[float, float], window: tuple[float, float]
) -> bytes:
    """Return the 8-bit picture of a kept slice.

    Parameters
    ----------
    deep_png
        Made by :func:`save_pictures`.
    value_range
        Values of grey 0 and 65535.
    window
        Values of black and white.
    """
    with Image.open(io.BytesIO(deep_png), formats=("PNG",)) as picture:
        deep = np.asarray(picture).astype(np.float32)
    low, high = value_range
    values = low + deep * ((high - low) / DEEP_MAXIMUM)
    black, white = window
    grey = np.clip((values - black) * (255 / max(white - black, 1e-12)), 0, 255)
    return encode_png(np.rint(grey).astype(np.uint8))


def _halved(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    while max(pixels.shape) > MAX_SIDE:
        rows, columns = (side // 2 * 2 for side in pixels.shape)
        blocks = pixels[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2)
        pixels = blocks.mean(axis=(1, 3), dtype=np.float32)
    return pixels
