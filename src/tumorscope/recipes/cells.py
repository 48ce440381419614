"""Cells of a collection: what must be balanced so that no cue but the lesion tells the class."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Final

from tumorscope.data.manifest import ManifestRow
from tumorscope.labels import Split

OTHER_SPLITS_SHARE: Final = 0.4
"""Images of a cell in each of val and calibration, as a share of those in train; enough to tell a
cell's AUROC to about .05, at a fraction of the time."""


def cell_of(row: ManifestRow) -> str:
    """Return the source of a row with its sequence and plane, as far as they are known."""
    return "/".join((row.set, row.sequence or "", row.plane or ""))


def most_of_cell(most: int, split: Split) -> int:
    """Return how many images of a cell are taken of a split, given those of train; 0 for all."""
    return most if split == "train" else math.ceil(most * OTHER_SPLITS_SHARE)


def sample_cells(rows: Sequence[ManifestRow], most: int, *, seed: int) -> list[ManifestRow]:
    """Take at most so many labeled rows of each cell and class, spread over its groups.

    Parameters
    ----------
    rows
        With groups.
    most
        0 takes all.
    seed
        Same seed, same rows; whether a row is taken hangs on its own cell alone.

    Returns
    -------
    list of ManifestRow
        In their order.
    """
    if most == 0:
        return list(rows)
    cells: dict[tuple[str, int], dict[str, list[str]]] = {}
    for row in rows:
        if row.tumor is not None:
            cell = cells.setdefault((cell_of(row), row.tumor), {})
            cell.setdefault(row.group_id or row.name, []).append(row.name)
    taken = {name for cell in cells.values() for name in _spread(cell, most, seed)}
    return [row for row in rows if row.name in taken]


def _spread(groups: dict[str, list[str]], most: int, seed: int) -> list[str]:
    """Take names in turns: the first of each group, then the second."""
    turns: list[tuple[int, bytes, str]] = []
    for names in groups.values():
        drawn = sorted((_draw(seed, name), name) for name in names)
        turns += [(turn, key, name) for turn, (key, name) in enumerate(drawn)]
    return [name for _, _, name in sorted(turns)[:most]]


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode()).digest()
