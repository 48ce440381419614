"""A folder or a manifest, as rows and the folder that their paths start from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, cast

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.data.volumes import expand_volumes
from tumorscope.errors import UsageError
from tumorscope.imaging.formats.table import listing
from tumorscope.imaging.inputs.sources import is_scan_file, walk_folder
from tumorscope.labels import TUMOR_TYPES, TumorType

_TUMOR_FREE: Final = re.compile(r"no|no[_ -]?tumou?r|normal|tumou?r[_ -]?free|negative", re.I)
FOLDER_LABELS: Final = ("tumor", "no_tumor", *TUMOR_TYPES)
"""What a folder may be said to hold."""
_TYPES: Final = "|".join(TUMOR_TYPES)
_TUMOR: Final = re.compile(rf"yes|tumou?r|positive|({_TYPES})([_ -]?tumou?r)?", re.I)
_MASK: Final = re.compile(r"(.+)[_ -](?:mask|seg|segmentation)", re.I)
"""Stem of a file that outlines the tumor of the image that is named before it."""

_TYPE: Final = re.compile(f"({_TYPES})", re.I)


@dataclass(frozen=True, slots=True)
class Collection:
    """Rows of pictures and slices.

    Attributes
    ----------
    name
        Of the folder or manifest.
    rows
        Volumes are cut into slices.
    root
        Folder that the paths are relative to.
    """

    name: str
    rows: tuple[ManifestRow, ...]
    root: Path

    def file(self, row: ManifestRow) -> Path:
        """Return the file of a row."""
        return self.root / row.path


def open_collection(
    path: Path, root: Path | None = None, *, labels: Mapping[str, str] | None = None
) -> Collection:
    """Open a manifest (CSV), or all pictures below a folder.

    In a folder, ``tumor`` and ``type`` are taken from the names of the folders on the way where
    one of them says so (``yes``, ``no_tumor``, ``glioma``, ...) and are unknown elsewhere. A file
    ``NAME_mask`` or ``NAME_seg`` beside an image ``NAME`` is its mask.

    Parameters
    ----------
    root
        Folder that the paths of a manifest are relative to; by default its own.
    labels
        One of :data:`FOLDER_LABELS` by the name of a folder, in lower case.

    Raises
    ------
    UsageError
        If there is no such file or folder, or no picture in it.
    """
    if path.is_dir():
        rows = list(_rows_of_folder(path, labels or {}))
        if not rows:
            raise UsageError(f"{path} contains no image; {listing()} are read.")
        return Collection(path.resolve().name, tuple(expand_volumes(rows, path)), path)
    if not path.is_file():
        raise UsageError(f"{path} does not exist; give a folder of images or a manifest (CSV).")
    root = path.parent if root is None else root
    rows = expand_volumes(read_manifest(path, root=root, check_files=False), root)
    return Collection(path.stem, tuple(rows), root)


def join_collections(collections: Sequence[Collection]) -> Collection:
    """Put collections together; the paths become absolute and ``set`` the collection's name."""
    names = _distinct([one.name for one in collections])
    rows = [
        replace(
            row,
            set=name,
            path=str(one.file(row).resolve()),
            mask=None if row.mask is None else str((one.root / row.mask).resolve()),
        )
        for name, one in zip(names, collections, strict=True)
        for row in one.rows
    ]
    return Collection(" + ".join(names), tuple(rows), Path("/"))


def _rows_of_folder(folder: Path, labels: Mapping[str, str]) -> Iterable[ManifestRow]:
    found = (path for path in walk_folder(folder) if isinstance(path, Path))
    paths = sorted(path for path in found if is_scan_file(path))
    masks = _masks_of(paths)
    are_masks = set(masks.values())
    for path in paths:
        if path in are_masks:
            continue
        relative = path.relative_to(folder)
        label, kind = label_of_folders((folder.resolve().name, *relative.parts[:-1]), labels)
        yield ManifestRow(
            set=folder.resolve().name,
            path=relative.as_posix(),
            tumor=label,
            type=kind,
            mask=masks[path].relative_to(folder).as_posix() if path in masks else None,
        )


def _masks_of(paths: Sequence[Path]) -> dict[Path, Path]:
    """Return the mask of each image that has one beside it, such as ``a_mask.png`` of ``a.png``."""
    by_stem = {(path.parent, _stem(path)): path for path in paths}
    masks = {}
    for (parent, stem), path in by_stem.items():
        named = _MASK.fullmatch(stem)
        image = by_stem.get((parent, named[1])) if named else None
        if image is not None:
            masks[image] = path
    return masks


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rpartition(".")[0] or path.name


def label_of_folders(
    folders: Sequence[str], labels: Mapping[str, str] | None = None
) -> tuple[int | None, TumorType | None]:
    """Return label and tumor type from the innermost folder whose name tells."""
    for name in reversed(folders):
        given = (labels or {}).get(name.lower(), name)
        if _TUMOR_FREE.fullmatch(given):
            return 0, None
        if _TUMOR.fullmatch(given):
            found = _TYPE.match(given)
            return 1, cast("TumorType", found[1].lower()) if found else None
    return None, None


def _distinct(names: Sequence[str]) -> list[str]:
    return [
        name if names.count(name) == 1 else f"{name} ({names[: index + 1].count(name)})"
        for index, name in enumerate(names)
    ]
