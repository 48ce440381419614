"""From the rows of any manifest to rows with site, hash and group."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.descriptors import describe
from tumorscope.data.disjoint_sets import DisjointSets
from tumorscope.data.duplicates import DuplicateThresholds, find_pairs, group_duplicates
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_pictures
from tumorscope.data.public_sets import set_named
from tumorscope.data.split import (
    BLANK_GROUP,
    EXCLUDED_GROUPS,
    UNREADABLE_GROUP,
    patient_key,
)
from tumorscope.data.volumes import FOREGROUND_FRACTION
from tumorscope.errors import ImageError, ManifestError, UsageError
from tumorscope.system.files import file_sha256
from tumorscope.system.progress import progress

_LOG = logging.getLogger(__name__)

END_AREA: Final = 0.4
"""A slice of a volume with less of the largest one's foreground is near an end of the head. In the
volumes of eight heads such slices were like those of other patients, with up to 0.31."""

_Unit = tuple[int, str]
"""Rank of a column that tells what belongs together, and its value."""


def add_sites(rows: Iterable[ManifestRow]) -> list[ManifestRow]:
    """Fill ``site`` and ``plane`` where they are empty, from what is known of the set."""
    return [
        replace(
            row,
            site=row.site or set_named(row.set).site_of(row.patient_id),
            plane=row.plane or set_named(row.set).plane_of(row.path),
        )
        for row in rows
    ]


def add_hashes(rows: Sequence[ManifestRow], root: Path) -> list[ManifestRow]:
    """Fill ``sha256`` where it is empty."""
    known = {row.path: row.sha256 for row in rows if row.sha256 is not None}
    for row in rows:
        if row.path not in known:
            known[row.path] = hash_file(root / row.path)
    return [replace(row, sha256=known[row.path]) for row in rows]


def verify_hashes(rows: Iterable[ManifestRow], root: Path) -> None:
    """Check that the files are still those that the manifest was made from.

    Raises
    ------
    ManifestError
        Names the files that changed.
    """
    recorded = {row.path: row.sha256 for row in rows if row.sha256 is not None}
    changed = [path for path, sha256 in recorded.items() if hash_file(root / path) != sha256]
    if changed:
        raise ManifestError(
            f"{len(changed)} of {len(recorded)} files differ from those that the manifest was "
            f"made from (SHA-256): {', '.join(changed[:5])}{', ...' if changed[5:] else ''}"
        )


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    try:
        return file_sha256(path)
    except OSError as error:
        raise ManifestError(f"{path} cannot be read: {error.strerror}.") from error


def add_groups(
    rows: Sequence[ManifestRow],
    root: Path,
    *,
    thresholds: DuplicateThresholds | None = None,
) -> list[ManifestRow]:
    """Fill ``group_id`` for all rows together: patient, joined with near-duplicates.

    Rows that bring the same ``group_id`` stay together. A group is named after its first
    ``group_id``, else after its first patient, ``patient:set/id``, or where no patient is known
    after its first picture, ``picture:path``. Neither the groups nor their names depend on the
    order of the rows. Pictures that show nothing are one group, ``blank``; files that
    cannot be read are another, ``unreadable``. The ends of a patient's volumes, such as the vertex,
    join nobody else: there all heads look alike.
    """
    order = sorted(range(len(rows)), key=lambda index: _sort_key(rows[index]))
    ordered = [rows[index] for index in order]
    unreadable: set[int] = set()
    areas: list[int] = []
    pictures = _note_areas(_read_or_note(ordered, root, unreadable), areas)
    descriptors = describe(progress(pictures, total=len(ordered), what="near-duplicates"))
    empty = descriptors.blank.tolist()
    patients = [
        None if is_empty else patient_key(row) for row, is_empty in zip(ordered, empty, strict=True)
    ]
    pairs = find_pairs(descriptors).without(_ends_of_volumes(ordered, areas))
    given = [
        None if is_empty or row.group_id in EXCLUDED_GROUPS else row.group_id
        for row, is_empty in zip(ordered, empty, strict=True)
    ]
    found = group_duplicates(pairs, patients, thresholds=thresholds).tolist()
    labels = _join_given(found, given)
    names = _name_groups(labels, ordered, patients) | _first_of_group(labels, given)
    grouped = list(rows)
    for position, index in enumerate(order):
        group = names[labels[position]]
        if empty[position]:
            group = UNREADABLE_GROUP if position in unreadable else BLANK_GROUP
        grouped[index] = replace(rows[index], group_id=group)
    return grouped


def join_columns(rows: Sequence[ManifestRow], *, accept_ungrouped: bool) -> list[ManifestRow]:
    """Fill ``group_id`` from what the columns say, without a look at the pictures.

    Rows that share a group, a patient or a file are one group. A group is named after its first
    ``group_id``, else after its first patient, ``patient:set/id``, else ``file:SHA-256``. Rows of
    the groups ``blank`` and ``unreadable`` stay there and join nobody.

    Parameters
    ----------
    rows
        With hashes.
    accept_ungrouped
        Whether files of unknown patient may each be a group of their own.

    Raises
    ------
    UsageError
        If they may not, and there are some.
    """
    if not accept_ungrouped:
        _refuse_ungrouped(rows)
    groups = DisjointSets[_Unit]()
    for row in rows:
        if row.group_id not in EXCLUDED_GROUPS:
            first, *others = _units(row)
            for other in others:
                groups.join(first, other)
    return [
        row
        if row.group_id in EXCLUDED_GROUPS
        else replace(row, group_id=_name_unit(groups.find(_units(row)[0])))
        for row in rows
    ]


def _refuse_ungrouped(rows: Iterable[ManifestRow]) -> None:
    ungrouped = [row for row in rows if row.group_id is None and row.patient_id is None]
    if ungrouped:
        raise UsageError(
            f"{len(ungrouped)} rows of {', '.join(sorted({row.set for row in ungrouped}))} have "
            f"neither group_id nor patient_id, the first is {ungrouped[0].name!r}, so one patient "
            "could be on two sides of the split. Find the groups from the images (--groups-from "
            "pictures), fill in one of the columns, or add --ungrouped-i-know to treat each of "
            "these files as a group of its own."
        )


def _units(row: ManifestRow) -> list[_Unit]:
    """Return what rows may have in common, the best name of a group first."""
    known = ((0, row.group_id), (1, patient_key(row)), (2, row.sha256))
    return [(rank, name) for rank, name in known if name is not None]


def _name_unit(unit: _Unit) -> str:
    rank, name = unit
    return ("", "patient:", "file:")[rank] + name


def read_or_blank(rows: Sequence[ManifestRow], root: Path) -> Iterator[NDArray[np.float32]]:
    """Read the picture of each row; one that cannot be read is logged, and taken as blank."""
    yield from _read_or_note(rows, root, set())


def _read_or_note(
    rows: Sequence[ManifestRow], root: Path, unreadable: set[int]
) -> Iterator[NDArray[np.float32]]:
    """Read pictures; one that cannot be read is logged, noted by position, and taken as blank."""
    for position, row in enumerate(rows):
        try:
            yield from read_pictures([row], root)
        except ImageError as error:
            _LOG.warning("%s cannot be read and is excluded: %s", row.name, error)
            unreadable.add(position)
            yield np.zeros((1, 1), dtype=np.float32)


def _note_areas(
    pictures: Iterable[NDArray[np.float32]], areas: list[int]
) -> Iterator[NDArray[np.float32]]:
    """Note how many pixels of each picture are foreground."""
    for pixels in pictures:
        low, high = np.min(pixels), np.percentile(pixels, 99)
        areas.append(int((pixels > low + FOREGROUND_FRACTION * (high - low)).sum()))
        yield pixels


def _ends_of_volumes(rows: Sequence[ManifestRow], areas: Sequence[int]) -> NDArray[np.bool_]:
    """Tell which rows are slices with little of the head, of a volume whose patient is known."""
    largest: dict[tuple[str, str | None], int] = {}
    for row, area in zip(rows, areas, strict=True):
        volume = (row.path, row.plane)
        largest[volume] = max(area, largest.get(volume, 0))
    return np.array(
        [
            row.slice_index is not None
            and row.patient_id is not None
            and area < END_AREA * largest[row.path, row.plane]
            for row, area in zip(rows, areas, strict=True)
        ],
        dtype=np.bool_,
    )


def _sort_key(row: ManifestRow) -> tuple[str, str, int]:
    return row.path, row.plane or "", -1 if row.slice_index is None else row.slice_index


def _join_given(labels: Sequence[int], given: Sequence[str | None]) -> list[int]:
    """Join groups that hold rows of one given group; each is named by its least member."""
    groups = DisjointSets[int]()
    first: dict[str, int] = {}
    for label, name in zip(labels, given, strict=True):
        if name is not None:
            groups.join(first.setdefault(name, label), label)
    return [groups.find(label) for label in labels]


def _first_of_group(labels: Sequence[int], names: Sequence[str | None]) -> dict[int, str]:
    """Return the first name, in the order of the alphabet, of each group that has one."""
    first: dict[int, str] = {}
    for label, name in zip(labels, names, strict=True):
        if name is not None:
            first[label] = min(name, first.get(label, name))
    return first


def _name_groups(
    labels: Sequence[int], rows: Sequence[ManifestRow], patients: Sequence[str | None]
) -> dict[int, str]:
    first_patient = _first_of_group(labels, patients)
    return {
        label: f"patient:{first_patient[label]}"
        if label in first_patient
        else f"picture:{rows[label].name}"
        for label in set(labels)
    }
