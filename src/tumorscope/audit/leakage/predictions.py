"""Probabilities of manifest rows: read from a table that was written before, or from a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from tumorscope.data.collection import Collection
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_row_scans
from tumorscope.errors import ImageError, ManifestError, UsageError
from tumorscope.model.classifier import Classifier
from tumorscope.system.csv_rows import read_rows

SOURCE, PROBABILITY, SLICE = "source", "probability_tumor", "slice_index"
KIND, SERIES = "kind", "series"

_Key = tuple[str, str]
"""A file, as text, and the slice in it."""


def read_probabilities(path: Path, collection: Collection) -> dict[int, float]:
    """Read a table as ``tumorscope predict --format csv`` writes it.

    Its columns ``source`` and ``probability_tumor`` are needed; ``slice_index`` tells the slices
    of a volume apart; rows of whole series are left out. A source is the file of a row by its
    path from here, by its path in the collection, or by the end of it.

    Returns
    -------
    dict
        Probability of tumor by index of the row; rows without one are missing.

    Raises
    ------
    UsageError
        If a column is missing, a probability is none, a picture is there twice with different
        ones, or no source belongs to the collection.
    """
    wanted = _names_of_rows(collection)
    found: dict[int, float] = {}
    first_source = None
    for line, cells in read_rows(path, partial(_check_columns, path), error=UsageError):
        if cells.get(KIND) == SERIES:
            continue
        source = cells[SOURCE]
        first_source = first_source or source
        index = _find(source, cells.get(SLICE) or "", wanted)
        if index is None or not cells[PROBABILITY]:
            continue
        probability = _parse(cells[PROBABILITY], path, line)
        if found.setdefault(index, probability) != probability:
            raise UsageError(
                f"{path}, line {line}: {source!r} already has a different probability; give every "
                "image one row."
            )
    if not found:
        raise UsageError(
            f"No row of {path} belongs to a picture of {collection.name}: its first source is "
            f"{first_source!r}, the first picture {collection.rows[0].path!r}. Sources must be "
            "paths of these pictures, as `tumorscope predict FOLDER --format csv` writes them."
        )
    return found


def ask_model(classifier: Classifier, collection: Collection) -> dict[int, float]:
    """Let a model answer all rows that can be read; probabilities by index of the row."""
    found: dict[int, float] = {}
    for index, row in enumerate(collection.rows):
        try:
            scan = next(read_row_scans([row], collection.root))
            canvas, _ = classifier.manifest.preprocessing.apply(scan.pixels, scan.spacing_mm)
        except (ImageError, ManifestError, OSError):
            continue  # the search for copies has named it
        logits = classifier.run(canvas[None])[0]
        found[index] = float(classifier.calibrate(logits)[0])
    return found


def _names_of_rows(collection: Collection) -> Mapping[_Key, int | None]:
    """Return the index of each row by every name that it may be called by.

    A name that two rows share stands for none of them.
    """
    names: dict[_Key, int | None] = {}
    for index, row in enumerate(collection.rows):
        for name in _names_of(collection, row):
            key = name, _slice(row)
            names[key] = index if names.get(key, index) == index else None
    return names


def _names_of(collection: Collection, row: ManifestRow) -> set[str]:
    full = collection.file(row).resolve()
    parts = full.parts
    ends = {"/".join(parts[start:]) for start in range(1, len(parts))}
    return {str(full), row.path, *ends}


def _slice(row: ManifestRow) -> str:
    return "" if row.slice_index is None else str(row.slice_index)


def _find(source: str, slice_index: str, names: Mapping[_Key, int | None]) -> int | None:
    """Return the row of a source, tried whole first and then by ever shorter ends."""
    parts = Path(source).parts
    candidates = [str(Path(source).resolve()), source]
    candidates += ["/".join(parts[start:]) for start in range(1, len(parts))]
    for name in candidates:
        index = names.get((name, slice_index), names.get((name, "")))
        if index is not None:
            return index
    return None


def _check_columns(path: Path, names: Sequence[str]) -> None:
    for name in (SOURCE, PROBABILITY):
        if name not in names:
            raise UsageError(
                f"{path}: column {name!r} is missing; there are {', '.join(names) or 'none'}. "
                "`tumorscope predict FOLDER --format csv` writes such a table."
            )


def _parse(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise UsageError(
            f"{path}, line {line}, column {PROBABILITY}: received {text!r}; use a number from 0 "
            "to 1 or leave it empty."
        )
    return value
