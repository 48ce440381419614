"""The manifest: one row per picture or slice, in a CSV file.

An empty cell means that nothing is known. It is read as ``None`` and never as 0. Columns that are
not ours are carried along as they are.
"""

from __future__ import annotations

import csv
import difflib
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from tumorscope.errors import ManifestError
from tumorscope.labels import LESION_TYPES, OTHER_LESIONS, PLANES, SPLITS, Plane, Split
from tumorscope.system.csv_rows import read_rows
from tumorscope.system.files import check_output, whole_file

REQUIRED_COLUMNS: Final = ("path", "tumor")


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One picture, or one slice of a volume. ``None`` means that nothing is known.

    Attributes
    ----------
    set
        Name of the collection.
    path
        File, relative to the manifest's root, with forward slashes.
    tumor
        1 tumor, 0 no tumor.
    site
        Institution; the name of the set where the set does not tell.
    slice_index
        Zero-based slice of a volume along ``plane``; ``None`` for a picture or a whole volume.
    plane
        Orientation of the slice.
    type
        What the lesion is: one of ``LESION_TYPES`` where ``tumor`` is 1, else ``None`` or one of
        ``OTHER_LESIONS``.
    patient_id
        Unique within its set.
    sequence
        MR sequence, or the kind of picture where it is not MR.
    mask
        File of the same size that marks the tumor, relative to the root.
    published_split
        Folder of the split under which the collection was published.
    width, height
        Pixels, of the original file.
    group_id
        Patient, or cluster of near-duplicates: the unit that must not be split.
    split
        Side of the split.
    sha256
        Of the file, in hexadecimal.
    extra
        Cells of all other columns by name, as they stand in the file.
    """

    set: str
    path: str
    tumor: int | None
    site: str | None = None
    slice_index: int | None = None
    plane: Plane | None = None
    type: str | None = None
    patient_id: str | None = None
    sequence: str | None = None
    mask: str | None = None
    published_split: str | None = None
    width: int | None = None
    height: int | None = None
    group_id: str | None = None
    split: Split | None = None
    sha256: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def name(self) -> str:
        """The path, with slice and plane where the row is a slice."""
        if self.slice_index is None:
            return self.path
        return f"{self.path}[{self.plane} {self.slice_index}]"

    def value(self, column: str) -> str | None:
        """Return the cell of any column as text, ``None`` where it is empty or not there."""
        known = getattr(self, column) if column in COLUMNS else self.extra.get(column)
        return None if known in (None, "") else str(known)


COLUMNS: Final = (
    "set",
    "site",
    "path",
    "slice_index",
    "plane",
    "tumor",
    "type",
    "patient_id",
    "sequence",
    "mask",
    "published_split",
    "width",
    "height",
    "group_id",
    "split",
    "sha256",
)
"""Order of the columns in a written manifest."""

_ALLOWED: Final[Mapping[str, tuple[str, ...]]] = {
    "tumor": ("0", "1"),
    "type": (*LESION_TYPES, *OTHER_LESIONS),
    "plane": PLANES,
    "split": SPLITS,
}
_INTEGERS: Final = ("slice_index", "width", "height")


def read_manifest(
    path: Path, *, root: Path | None = None, check_files: bool = True
) -> list[ManifestRow]:
    """Read a manifest and check every row of it.

    Parameters
    ----------
    path
        CSV file with a header line. Columns ``path`` and ``tumor`` must be there; the others of
        :data:`COLUMNS` may be missing, and ``set`` is then the name of the file. Other columns
        are carried along.
    root
        Folder that the paths in the manifest are relative to; by default the manifest's own.
    check_files
        Whether the files that the rows refer to must exist.

    Returns
    -------
    list of ManifestRow
        In the order of the file.

    Raises
    ------
    ManifestError
        If a column is missing or there twice, a value is not allowed, a row is there twice, a file
        is missing, or there are no rows. The message names the row (line 1 is the header) and
        the column.
    """
    root = manifest_root(path, root)
    rows: list[ManifestRow] = []
    seen: dict[tuple[str, int | None, str | None], int] = {}
    for number, cells in read_rows(path, partial(_check_columns, path), error=ManifestError):
        row = _parse_row(cells, number, Path(path).stem)
        key = (posixpath.normpath(row.path), row.slice_index, row.plane)
        if key in seen:
            raise ManifestError(
                f"Row {number}, column path: {row.name!r} is already in row {seen[key]}; list "
                "every image or slice only once."
            )
        seen[key] = number
        if check_files:
            _check_files(row, number, root)
        rows.append(row)
    if not rows:
        raise ManifestError(f"{path} contains no rows; at least one image is needed.")
    return rows


def read_manifests(paths: Sequence[Path], *, root: Path) -> list[ManifestRow]:
    """Read several manifests as one; a picture or slice may stand in one of them only.

    Raises
    ------
    ManifestError
        As :func:`read_manifest`, or if two manifests name the same picture.
    """
    rows: list[ManifestRow] = []
    owner: dict[str, Path] = {}
    for path in paths:
        for row in read_manifest(path, root=root):
            if row.name in owner:
                raise ManifestError(
                    f"{row.name!r} is in {owner[row.name]} and in {path}; keep one."
                )
            owner[row.name] = path
            rows.append(row)
    return rows


def manifest_root(path: Path, root: Path | None) -> Path:
    """Return the folder that the paths of a manifest are relative to."""
    return Path(path).parent if root is None else Path(root)


def write_manifest(path: Path, rows: Iterable[ManifestRow], *, overwrite: bool = False) -> None:
    """Write a manifest; the file appears whole or not at all.

    Raises
    ------
    UsageError
        If the file exists and ``overwrite`` is false, or its folder does not exist.
    """
    rows = list(rows)
    others = dict.fromkeys(name for row in rows for name in row.extra)
    columns = (*COLUMNS, *others)
    table = [{name: row.value(name) or "" for name in columns} for row in rows]
    write_table(path, columns, table, overwrite=overwrite)


def write_table(
    path: Path,
    columns: Sequence[str],
    table: Iterable[Mapping[str, Any]],
    *,
    overwrite: bool = False,
) -> None:
    """Write a CSV file as :func:`write_manifest` does, with any columns."""
    check_output(path, overwrite=overwrite)
    with whole_file(path, "w") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def _check_columns(path: Path, names: Sequence[str]) -> None:
    if not names:
        raise ManifestError(f"{path} is empty; a header line and at least one row are needed.")
    for name in REQUIRED_COLUMNS:
        if name not in names:
            raise ManifestError(f"{path}: column {name!r} is missing; {_advice(name, names)}")
    for name in names:
        if not name.strip():
            raise ManifestError(f"{path}: a column has no name in the header; give it one.")
        if names.count(name) > 1:
            raise ManifestError(f"{path}: column {name!r} appears twice; rename or remove one.")


def _advice(name: str, names: Sequence[str]) -> str:
    """Say what to change where a column is missing."""
    meant = [one for one in names if one.strip().lower() == name]
    meant = meant or difflib.get_close_matches(name, names, n=1)
    if meant:
        return f"rename {meant[0]!r} to {name!r}."
    if len(names) == 1:
        return (
            f"the header is one cell, {names[0][:60]!r}: separate the columns by commas, "
            "semicolons or tabs, and begin with a header line 'path,tumor'."
        )
    return (
        f"the header has {', '.join(names)[:200]}. Needed are path (of the image) and tumor (1, "
        "0, or empty where unknown)."
    )


def similar_columns(names: Iterable[str]) -> dict[str, str]:
    """Return columns that are carried along but look like one of ours, with ours."""
    found: dict[str, str] = {}
    for name in names:
        bare = name.strip().lower().replace(" ", "_").replace("-", "_")
        near = _SYNONYMS.get(bare) or next(
            iter(difflib.get_close_matches(bare, COLUMNS, n=1, cutoff=0.8)), None
        )
        if near is not None and name not in COLUMNS:
            found[name] = near
    return found


_SYNONYMS: Final[Mapping[str, str]] = {
    "patient": "patient_id",
    "subject": "patient_id",
    "subject_id": "patient_id",
    "patientid": "patient_id",
    "hospital": "site",
    "institution": "site",
    "center": "site",
    "group": "group_id",
    "fold": "split",
    "dataset": "set",
    "segmentation": "mask",
    "tumor_type": "type",
    "modality": "sequence",
}


def _parse_row(cells: Mapping[str, str], number: int, file_name: str) -> ManifestRow:
    values: dict[str, Any] = {"set": file_name}
    extra = {name: text for name, text in cells.items() if name not in COLUMNS}
    for column, text in cells.items():
        if column not in extra:
            values[column] = _parse_cell(column, text.strip(), number)
    for column in ("set", "path"):
        if values[column] is None:
            raise ManifestError(f"Row {number}, column {column}: is empty; fill it in.")
    _check_type(values.get("type"), values["tumor"], number)
    return ManifestRow(**values, extra=extra)


def _check_type(lesion: str | None, tumor: int | None, number: int) -> None:
    allowed = tuple(LESION_TYPES) if tumor == 1 else OTHER_LESIONS
    if lesion is not None and lesion not in allowed:
        label = "is empty" if tumor is None else f"is {tumor}"
        raise ManifestError(
            f"Row {number}, column type: received {lesion!r} where tumor {label}; allowed there: "
            f"{', '.join(allowed)} or nothing."
        )


def _parse_cell(column: str, text: str, number: int) -> str | int | None:
    if not text:
        return None
    allowed = _ALLOWED.get(column)
    if allowed is not None and text not in allowed:
        near = difflib.get_close_matches(text.lower(), allowed, n=1)
        hint = f" (meant: {near[0]}?)" if near else ""
        raise ManifestError(
            f"Row {number}, column {column}: received {text!r}; use {', '.join(allowed)} or leave "
            f"it empty{hint}."
        )
    if column in _INTEGERS and not text.isdecimal():
        raise ManifestError(
            f"Row {number}, column {column}: received {text!r}; use a whole number or leave it "
            "empty."
        )
    return int(text) if column in _INTEGERS or column == "tumor" else text


def _check_files(row: ManifestRow, number: int, root: Path) -> None:
    for column, name in (("path", row.path), ("mask", row.mask)):
        if name is None or (root / name).is_file():
            continue
        where = f"Row {number}, column {column}: "
        if (root / name).is_dir():
            raise ManifestError(f"{where}{name!r} is a folder; give an image or volume in it.")
        if "\\" in name and (root / name.replace("\\", "/")).is_file():
            raise ManifestError(f"{where}{name!r} has backslashes; write forward slashes.")
        raise ManifestError(
            f"{where}there is no file {name!r} in {root}; paths are relative to the manifest's "
            "folder unless --root is given."
        )
