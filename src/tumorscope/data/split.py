"""Split by group, stratified by site, label and type; and the check that nothing leaks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public_sets import set_named
from tumorscope.errors import LeakError, ManifestError, UsageError
from tumorscope.labels import Split

DEFAULT_FRACTIONS: Final[Mapping[Split, float]] = MappingProxyType(
    {"train": 0.66, "val": 0.10, "calibration": 0.10, "test": 0.14}
)
BLANK_GROUP: Final = "blank"
"""Group of the pictures that show nothing."""

UNREADABLE_GROUP: Final = "unreadable"
"""Group of the files that cannot be read."""

EXCLUDED_GROUPS: Final = frozenset((BLANK_GROUP, UNREADABLE_GROUP))
"""Groups without content to leak or learn from; their rows are ``excluded``."""

_EXTERNAL: Final = "external"
_NAMED_IN_MESSAGE: Final = 5


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a split shall be.

    Attributes
    ----------
    seed
        Decides between allocations that are equally good.
    fractions
        Share of the rows for each side, in total 1.
    hold_out
        Sites or sets whose rows become ``external``; rows that share a group with them become
        ``excluded``.
    keep
        Sides of an earlier split by the SHA-256 of each file; a group with such a file keeps its
        side, and one whose files had several goes to the first of them in the order of
        ``fractions``, so that nothing trained on becomes a test. A file that was ``external``
        stays so, and what shares a group with it alone becomes ``excluded``.
    hold_out_by
        Whether ``hold_out`` names sets, sites (the set, where a row has none), or either.
    """

    seed: int = 0
    fractions: Mapping[Split, float] = field(default_factory=lambda: DEFAULT_FRACTIONS)
    hold_out: tuple[str, ...] = ()
    keep: Mapping[str, Split] = field(default_factory=dict)
    hold_out_by: Literal["source", "site", "either"] = "either"

    def __post_init__(self) -> None:
        shares = list(self.fractions.values())
        are_shares = bool(shares) and all(share > 0 for share in shares)
        if not are_shares or abs(sum(shares) - 1) > 1e-6:
            raise UsageError(
                "The fractions of a split must each be above 0 and sum to 1; received "
                f"{dict(self.fractions)}."
            )


def split_rows(rows: Sequence[ManifestRow], plan: SplitPlan | None = None) -> list[ManifestRow]:
    """Give every row a side, so that no group stands on two.

    Groups are placed from the largest down, each where it leaves the counts of site x tumor x
    type closest to the wanted fractions. Blank and unreadable pictures
    are ``excluded``.

    Raises
    ------
    ManifestError
        If a row has no group.
    UsageError
        If a held-out site does not occur.
    """
    plan = plan or SplitPlan()
    check_grouped(rows)
    _check_hold_out(rows, plan.hold_out)
    kept = _kept_sides(rows, plan)
    placed = EXCLUDED_GROUPS | {row.group_id for row in rows if _is_held_out(row, plan)}
    placed |= {group for group, side in kept.items() if side == _EXTERNAL}
    side_of = _allocate([row for row in rows if row.group_id not in placed], plan, kept)
    return [replace(row, split=_side(row, plan, side_of)) for row in rows]


def check_grouped(rows: Iterable[ManifestRow]) -> None:
    """Raise :class:`ManifestError` if a row has no group."""
    ungrouped = [row.name for row in rows if row.group_id is None]
    if ungrouped:
        raise ManifestError(
            f"{len(ungrouped)} rows have no group_id, the first is {ungrouped[0]!r}; a split "
            "needs the group of every row: `tumorscope data split` finds them from the pictures."
        )


def check_split(rows: Sequence[ManifestRow]) -> None:
    """Check that no group, patient or file stands on two sides.

    Rows without a side, and ``excluded`` ones, stand on none.

    Raises
    ------
    LeakError
        Names the first of them and their sides.
    ManifestError
        If no row has a side, or a row with a side has no group.
    """
    placed = [row for row in rows if row.split not in (None, "excluded")]
    if not placed:
        raise ManifestError("No row has a split; there is nothing to check.")
    check_grouped(placed)
    leaks = [
        leak for what, key in _UNITS.items() for leak in _find_leaks(placed, what=what, key=key)
    ]
    if leaks:
        raise LeakError(
            f"{len(leaks)} groups, patients or files stand on two sides of the split: "
            + "; ".join(leaks[:_NAMED_IN_MESSAGE])
            + ("; ..." if len(leaks) > _NAMED_IN_MESSAGE else "")
        )


def patient_key(row: ManifestRow) -> str | None:
    """Return the person of a row, unique over all sets; ``None`` where unknown."""
    person = set_named(row.set).person_of(row.patient_id)
    return None if person is None else f"{row.set}/{person}"


_UNITS: Final[Mapping[str, Callable[[ManifestRow], str | None]]] = {
    "group": lambda row: row.group_id,
    "patient": patient_key,
    "file with SHA-256": lambda row: row.sha256,
}


def _find_leaks(
    rows: Sequence[ManifestRow], *, what: str, key: Callable[[ManifestRow], str | None]
) -> list[str]:
    sides: dict[str, dict[str, str]] = {}
    for row in rows:
        unit = key(row)
        if unit is not None and row.split is not None:
            sides.setdefault(unit, {}).setdefault(row.split, row.name)
    return [
        f"{what} {unit} ({', '.join(f'{side}: {name}' for side, name in found.items())})"
        for unit, found in sides.items()
        if len(found) > 1
    ]


def _is_held_out(row: ManifestRow, plan: SplitPlan) -> bool:
    names = {
        "source": (row.set,),
        "site": (row.site or row.set,),
        "either": (row.set, row.site),
    }[plan.hold_out_by]
    is_named = any(name in plan.hold_out for name in names)
    return is_named and row.group_id not in EXCLUDED_GROUPS


def _check_hold_out(rows: Sequence[ManifestRow], hold_out: Sequence[str]) -> None:
    known = {row.set for row in rows} | {row.site for row in rows if row.site is not None}
    for site in hold_out:
        if site not in known:
            raise UsageError(
                f"There is no site or set {site!r} to hold out; available: "
                f"{', '.join(sorted(known))}."
            )


def _side(row: ManifestRow, plan: SplitPlan, side_of: Mapping[str, Split]) -> Split:
    if _is_held_out(row, plan):
        return _EXTERNAL
    side = side_of.get(str(row.group_id), "excluded")
    was_external = plan.keep.get(row.sha256 or "") == _EXTERNAL
    if side == "excluded" and was_external and row.group_id not in EXCLUDED_GROUPS:
        return _EXTERNAL
    return side


def _allocate(
    rows: Sequence[ManifestRow], plan: SplitPlan, kept: Mapping[str, Split]
) -> dict[str, Split]:
    if not rows:
        return {}
    groups, counts = _count_strata(rows)
    sides = list(plan.fractions)
    shares = np.array([plan.fractions[side] for side in sides])
    wanted = shares[:, None] * counts.sum(axis=0)  # (sides, strata)
    placed = np.zeros_like(wanted)
    sizes = counts.sum(axis=1)
    result = {group: kept[group] for group in groups if group in kept}
    for index, group in enumerate(groups):
        if group in result:
            placed[sides.index(result[group])] += counts[index]
    for index in sorted(
        (index for index, group in enumerate(groups) if group not in result),
        key=lambda index: (-sizes[index], _draw(plan.seed, groups[index])),
    ):
        before = (placed - wanted) ** 2 / wanted
        after = (placed + counts[index] - wanted) ** 2 / wanted
        side = int(np.argmin((after - before).sum(axis=1)))
        placed[side] += counts[index]
        result[groups[index]] = sides[side]
    return result


def _kept_sides(rows: Iterable[ManifestRow], plan: SplitPlan) -> dict[str, Split]:
    """Return the side of every group with a file of the earlier split."""
    order: list[Split] = [*plan.fractions, _EXTERNAL]
    result: dict[str, Split] = {}
    for row in rows:
        side = plan.keep.get(row.sha256 or "")
        if side in order:
            group = str(row.group_id)
            result[group] = min(side, result.get(group, side), key=order.index)
    return result


def _draw(seed: int, group: str) -> bytes:
    """Return a number at random that hangs on nothing but the seed and the group's own name."""
    return hashlib.sha256(f"{seed} {group}".encode()).digest()


def _count_strata(rows: Sequence[ManifestRow]) -> tuple[list[str], NDArray[np.float64]]:
    """Return the groups in order, and their rows per stratum, shape (groups, strata)."""
    groups = sorted({str(row.group_id) for row in rows})
    strata = sorted({_stratum(row) for row in rows})
    group_index = {group: index for index, group in enumerate(groups)}
    stratum_index = {stratum: index for index, stratum in enumerate(strata)}
    counts = np.zeros((len(groups), len(strata)))
    for row in rows:
        counts[group_index[str(row.group_id)], stratum_index[_stratum(row)]] += 1
    return groups, counts


def _stratum(row: ManifestRow) -> tuple[str, str, str]:
    return row.site or row.set, str(row.tumor), row.type or ""
