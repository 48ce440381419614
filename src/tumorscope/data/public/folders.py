"""Pictures in folders that are named by their label."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from PIL import Image

from tumorscope.data.collection import label_of_folders
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public.conversion import FILES, ConversionFailure, Store
from tumorscope.data.public.entries import Entry
from tumorscope.errors import ImageError
from tumorscope.imaging.formats.table import PICTURE_ENDINGS

_SPLITS: Final = ("training", "testing", "train", "test", "validation", "val")


def convert_folders(
    name: str, entries: Iterable[Entry], store: Store, *, unlabeled: Sequence[str] = ()
) -> Iterator[ManifestRow | ConversionFailure]:
    """Take the pictures as they are; those in folders that tell no label are left out.

    Archives that hold the same picture twice, under the same label and name in two places, give it
    once.
    """
    seen: set[tuple[str, str, str]] = set()
    for entry in entries:
        label, kind = label_of_folders(entry.path.parts[:-1])
        is_known = label is not None or entry.path.parent.name in unlabeled
        if entry.path.suffix.lower() not in PICTURE_ENDINGS or not is_known:
            continue
        try:
            content = entry.read()
            width, height = _size(content)
        except (ImageError, OSError, ValueError) as error:
            yield ConversionFailure(entry.path.as_posix(), f"cannot be read: {error}")
            continue
        key = entry.path.parent.name, entry.path.name, hashlib.sha256(content).hexdigest()
        if key in seen:
            continue
        seen.add(key)
        yield ManifestRow(
            set=name,
            path=store.write(PurePosixPath(FILES) / entry.path, content),
            tumor=label,
            type=kind,
            published_split=_published_split(entry.path),
            width=width,
            height=height,
            sha256=key[2],
        )


def _size(content: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(content)) as picture:
        return picture.size


def _published_split(path: PurePosixPath) -> str | None:
    return next((part for part in path.parts[:-1] if part.lower() in _SPLITS), None)
