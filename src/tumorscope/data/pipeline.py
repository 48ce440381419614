"""From a manifest as it came to a split that has been checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tumorscope.data.grouping import add_groups, add_hashes, add_sites, verify_hashes
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.split import SplitPlan, check_split, split_rows
from tumorscope.data.volumes import expand_volumes


def make_split(
    rows: Sequence[ManifestRow], root: Path, plan: SplitPlan | None = None
) -> list[ManifestRow]:
    """Expand volumes, group all rows together, split and check.

    Groups are found from the pictures unless every row brings its own.
    """
    expanded = add_hashes(add_sites(expand_volumes(rows, root)), root)
    split = split_rows(ensure_groups(expanded, root), plan)
    check_split(split)
    return split


def check_manifest(rows: Sequence[ManifestRow], root: Path) -> list[ManifestRow]:
    """Check a split that anybody made, whether or not it knows its groups.

    Returns
    -------
    list of ManifestRow
        The rows with the groups that they were checked by.

    Raises
    ------
    LeakError
        If a group, a patient or a file stands on two sides.
    ManifestError
        If files changed since the split was made, or no row has a side.
    """
    verify_hashes(rows, root)
    hashed = add_hashes(rows, root)
    grouped = ensure_groups(hashed, root)
    check_split(grouped)
    return grouped


def ensure_groups(rows: Sequence[ManifestRow], root: Path) -> list[ManifestRow]:
    """Find the groups from the pictures unless every row brings its own."""
    if all(row.group_id is not None for row in rows):
        return list(rows)
    return add_groups(rows, root)
