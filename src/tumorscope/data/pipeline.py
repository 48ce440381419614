"""From a manifest as it came to a split that has been checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tumorscope.data.folds import Fold, FoldsBy, make_folds
from tumorscope.data.grouping import (
    add_groups,
    add_hashes,
    add_sites,
    join_columns,
    verify_hashes,
)
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.split import SplitPlan, check_split, split_rows
from tumorscope.data.volumes import expand_volumes

GroupsFrom = Literal["pictures", "columns"]


@dataclass(frozen=True, slots=True)
class Grouping:
    """How rows find their groups.

    Attributes
    ----------
    source
        ``pictures``: patients joined with near-duplicates, and with what the groups of some rows
        say, unless every row brings its group.
        ``columns``: what ``group_id`` and ``patient_id`` say, and no look at the pictures.
    accept_ungrouped
        Whether ``columns`` may take files of unknown patient as groups of their own.
    """

    source: GroupsFrom = "pictures"
    accept_ungrouped: bool = False


def make_split(
    rows: Sequence[ManifestRow],
    root: Path,
    plan: SplitPlan | None = None,
    *,
    grouping: Grouping | None = None,
) -> list[ManifestRow]:
    """Expand volumes, group all rows together, split and check."""
    split = split_rows(_prepare(rows, root, grouping or Grouping()), plan)
    check_split(split)
    return split


def make_source_folds(
    rows: Sequence[ManifestRow],
    root: Path,
    plan: SplitPlan | None = None,
    *,
    by: FoldsBy = "source",
    grouping: Grouping | None = None,
) -> list[Fold]:
    """Expand volumes, group all rows together once, and leave out every source in turn."""
    return make_folds(_prepare(rows, root, grouping or Grouping()), by, plan)


def check_manifests(
    splits: Iterable[Sequence[ManifestRow]], root: Path, *, trust_groups: bool = False
) -> Iterable[list[ManifestRow]]:
    """Check splits that anybody made, by their own groups and by those that the pictures show.

    Splits of the same rows, as folds are, are hashed and grouped once.

    Parameters
    ----------
    splits
        Rows of each manifest, as read.
    trust_groups
        Believe the groups of a manifest in which every row has one, and do not look at the
        pictures.

    Yields
    ------
    list of ManifestRow
        The rows of each with the groups that they were checked by.

    Raises
    ------
    LeakError
        If a group, a patient or a file stands on two sides.
    ManifestError
        If files changed since the split was made, or no row has a side.
    """
    known: list[ManifestRow] = []
    found: list[ManifestRow] = []
    for rows in splits:
        bare = [replace(row, split=None) for row in rows]
        if bare != known:
            verify_hashes(rows, root)
            known, found = bare, add_hashes(bare, root)
            is_grouped = all(row.group_id is not None for row in bare)
            if is_grouped:
                check_split(_with_sides(found, rows))
            if not is_grouped:
                found = add_groups(found, root)
            elif not trust_groups:
                found = add_groups([replace(row, group_id=None) for row in found], root)
        checked = _with_sides(found, rows)
        check_split(checked)
        yield checked


def ensure_groups(rows: Sequence[ManifestRow], root: Path) -> list[ManifestRow]:
    """Find the groups from the pictures unless every row brings its own."""
    if all(row.group_id is not None for row in rows):
        return list(rows)
    return add_groups(rows, root)


def _prepare(rows: Sequence[ManifestRow], root: Path, grouping: Grouping) -> list[ManifestRow]:
    expanded = add_hashes(add_sites(expand_volumes(rows, root)), root)
    if grouping.source == "columns":
        return join_columns(expanded, accept_ungrouped=grouping.accept_ungrouped)
    return ensure_groups(expanded, root)


def _with_sides(rows: Sequence[ManifestRow], sides: Sequence[ManifestRow]) -> list[ManifestRow]:
    return [replace(row, split=one.split) for row, one in zip(rows, sides, strict=True)]
