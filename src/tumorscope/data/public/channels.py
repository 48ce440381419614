"""Slices whose color channels are three MR sequences, each with a mask beside it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public.conversion import ConversionFailure, Store
from tumorscope.data.public.entries import Entry
from tumorscope.errors import ImageError

_SLICE: Final = re.compile(r"(TCGA_[A-Z0-9]{2}_[A-Z0-9]{4})_\d+_\d+")
_SEQUENCES: Final = (("T1", "T1"), ("FLAIR", "FLAIR"), ("T1C", "T1+C"))
"""Endings of the files and names of the sequences, in the order of the channels."""
_FLAIR: Final = 1


def convert_channels(
    name: str, entries: Iterable[Entry], store: Store
) -> Iterator[ManifestRow | ConversionFailure]:
    """Make a picture of each channel of ``SLICE.tif``; ``SLICE_mask.tif`` tells the label.

    Where a sequence is missing FLAIR stands in its channel, too; that copy is left out.
    """
    # The archive holds every slice twice, in two folders.
    slices = {entry.path.stem: entry for entry in entries if entry.path.suffix.lower() == ".tif"}
    for stem, entry in sorted(slices.items()):
        patient = _SLICE.fullmatch(stem)
        if patient is None:
            continue
        try:
            image, mask = _read_pair(entry, slices.get(f"{stem}_mask"))
        except (ImageError, OSError, ValueError) as error:
            yield ConversionFailure(entry.path.as_posix(), f"cannot be converted: {error}")
            continue
        yield from _rows(name, (stem, patient[1]), (image, mask), store)


def _rows(
    name: str, slice_: tuple[str, str], pixels: tuple[NDArray[Any], NDArray[Any]], store: Store
) -> Iterator[ManifestRow]:
    (stem, patient), (image, mask) = slice_, pixels
    has_tumor = bool(mask.any())
    mask_path = store.write_png(
        PurePosixPath("masks", f"{stem}.png"), np.where(mask > 0, 255, 0).astype(np.uint8)
    )
    for channel, (ending, sequence) in enumerate(_SEQUENCES):
        grey = np.ascontiguousarray(image[..., channel])
        if channel != _FLAIR and np.array_equal(grey, image[..., _FLAIR]):
            continue
        path = PurePosixPath("images", patient, f"{stem}_{ending}.png")
        yield ManifestRow(
            set=name,
            path=store.write_png(path, grey),
            tumor=int(has_tumor),
            type="glioma" if has_tumor else None,
            patient_id=patient,
            sequence=sequence,
            mask=mask_path,
            width=grey.shape[1],
            height=grey.shape[0],
        )


def _read_pair(entry: Entry, beside: Entry | None) -> tuple[NDArray[Any], NDArray[Any]]:
    if beside is None:
        raise ValueError("there is no mask beside it")
    image, mask = _read(entry), _read(beside)
    mask = mask if mask.ndim == 2 else mask.max(axis=2)
    if image.shape != (*mask.shape, len(_SEQUENCES)):
        raise ValueError(f"image of shape {image.shape}, mask of shape {mask.shape}")
    return image, mask


def _read(entry: Entry) -> NDArray[Any]:
    with Image.open(io.BytesIO(entry.read())) as picture:
        return np.asarray(picture)
