"""Slices in MATLAB 7.3 files, each with a mask, a patient and a tumor type."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public.conversion import ConversionFailure, Store
from tumorscope.data.public.entries import Entry
from tumorscope.errors import ImageError, needs_extra
from tumorscope.labels import TumorType

_TYPES: Final[dict[int, TumorType]] = {1: "meningioma", 2: "glioma", 3: "pituitary"}
_GREATEST: Final = 65535


def convert_matlab(
    name: str, entries: Iterable[Entry], store: Store
) -> Iterator[ManifestRow | ConversionFailure]:
    """Convert the files ``NUMBER.mat``; images become 16-bit PNG files with their own levels.

    Each holds a structure ``cjdata`` with ``label`` (1 meningioma, 2 glioma, 3 pituitary), ``PID``
    (characters), ``image`` (16 bits) and ``tumorMask``.
    """
    for entry in entries:
        if not re.fullmatch(r"\d+\.mat", entry.path.name):
            continue
        try:
            yield _convert(name, int(entry.path.stem), entry.read(), store)
        except (ImageError, OSError, KeyError, ValueError) as error:
            yield ConversionFailure(entry.path.as_posix(), _reason(error))


def _convert(name: str, number: int, content: bytes, store: Store) -> ManifestRow:
    fields = _read_fields(content)
    image, mask = fields["image"], fields["tumorMask"]
    if image.ndim != 2 or image.shape != mask.shape:
        raise ValueError(f"image of shape {image.shape} with a mask of shape {mask.shape}")
    kind = _TYPES.get(int(fields["label"].flat[0]))
    if kind is None:
        raise ValueError(f"label {fields['label'].flat[0]:g}; 1, 2 and 3 are known")
    file = f"{number:04d}.png"
    return ManifestRow(
        set=name,
        path=store.write_png(PurePosixPath("images", file), _levels(image)),
        tumor=1,
        type=kind,
        patient_id="".join(map(chr, fields["PID"].ravel())).strip(),
        sequence="T1+C",
        mask=store.write_png(
            PurePosixPath("masks", file), np.where(mask > 0, 255, 0).astype(np.uint8)
        ),
        width=image.shape[1],
        height=image.shape[0],
    )


def _read_fields(content: bytes) -> dict[str, NDArray[Any]]:
    with needs_extra("Reading MATLAB 7.3 files", "data"):
        import h5py
    with h5py.File(io.BytesIO(content), "r") as file:
        structure = file["cjdata"]
        # MATLAB stores columns one after the other, which HDF5 reads as rows.
        return {key: np.asarray(structure[key]).T for key in ("label", "PID", "image", "tumorMask")}


def _levels(image: NDArray[Any]) -> NDArray[np.uint16]:
    """Keep the grey levels; all are raised where some are negative, as 16-bit scans may be."""
    levels = np.rint(image).astype(np.int64)
    levels -= min(int(levels.min()), 0)
    if levels.max() > _GREATEST:
        raise ValueError(f"gray level {levels.max():,}; {_GREATEST:,} is the greatest of 16 bits")
    kept: NDArray[np.uint16] = levels.astype(np.uint16)
    return kept


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"is not a slice of this set: {error.args[0]}"
    if isinstance(error, OSError):
        return f"is not a whole MATLAB 7.3 file ({error})"
    return str(error)
