"""Which slices of a series belong together.

Nothing in DICOM keeps the slices of a Series Instance UID to one volume: echoes, b-values, phases,
time points and whole localizers share one. Averaged into each other, a lesion that one of them
shows is lost.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from tumorscope.answer import Prediction
from tumorscope.imaging.inputs.sources import natural_key
from tumorscope.imaging.scan import SliceMember

_SAME_DIRECTION: Final = 0.99
"""Cosine from which two slices are parallel: 8 degrees."""

_POSITION_DIGITS: Final = 2
"""Of millimetres; slices that are nearer than that lie at one place."""

_MIXED_BY: Final = (
    "EchoNumbers",
    "EchoTime",
    "DiffusionBValue",
    "TemporalPositionIdentifier",
    "InversionTime",
    "ComplexImageComponent",
    "ImageType",
)
"""What parts slices of unknown place, of which none lie at one place to say that they are several
volumes."""

_COUNTED: Final = ("AcquisitionNumber", "FrameAcquisitionNumber")
"""Traits that may just count slices, and say nothing of volumes that are one slice each."""

_LEAST_ALIKE: Final = 3
"""Slices of one place of which nothing tells volumes, to be taken for slices of unknown place."""

ORDER: Final = "order"
"""Trait of volumes that nothing in the header tells apart."""


@dataclass(frozen=True, slots=True)
class VolumeSlices:
    """Slices of one volume, and by what it differs from the others of its series."""

    slices: tuple[Prediction, ...]
    traits: tuple[tuple[str, str], ...] = ()


def without_repeats(slices: Sequence[Prediction]) -> tuple[list[Prediction], list[str]]:
    """Keep the first of slices that came several times.

    The same SOP Instance UID at the same place is the same slice, whatever its pixels. At another
    place it is another slice: some programs give one UID to all.

    Returns
    -------
    slices, notes
        What is kept, and what has to be told of it.
    """
    kept: dict[Hashable, Prediction] = {}
    repeated, altered = set[Hashable](), set[Hashable]()
    places = defaultdict[str | None, set[Hashable]](set)
    for one in slices:
        identity = _identity(one)
        first = kept.setdefault(identity, one)
        if first is not one:
            repeated.add(identity)
            if _digest(first) != _digest(one):
                altered.add(identity)
        elif one.sop_instance_uid is not None and one.slice_index is None:
            places[one.sop_instance_uid].add(identity)
    notes = []
    if repeated:
        count = len(repeated)
        notes.append(
            f"{count} slices came more than once and count once."
            if count > 1
            else "1 slice came more than once and counts once."
        )
    if altered:
        notes.append(f"{len(altered)} of them came with other pixels; the first to come counts.")
    shared = sum(len(one) for one in places.values() if len(one) > 1)
    if shared:
        notes.append(f"{shared} slices at different places carry the same SOP Instance UID.")
    return list(kept.values()), notes


def _identity(one: Prediction) -> Hashable:
    member = one.member
    if member is None:
        return one.source, one.slice_index, one.sop_instance_uid, one.position_mm
    place: tuple[Hashable, ...] = (one.slice_index, member.orientation, _position(one))
    if one.sop_instance_uid is None or not member.is_placed:
        place = (*place, member.digest)
    if one.sop_instance_uid is None:
        place = (*place, member.number, member.traits)
    return one.sop_instance_uid, *place


def _digest(one: Prediction) -> str | None:
    return None if one.member is None else one.member.digest


def split_volumes(slices: Sequence[Prediction]) -> list[VolumeSlices]:
    """Part the slices of a series into volumes, in the order of their first slices.

    Slices that are not parallel are of different volumes. Of parallel ones, those are that lie at
    one place; the header's most telling difference, or else their order, says which go together.
    """
    found: list[VolumeSlices] = []
    for parallel in _parallel(slices):
        found += _parted(parallel, ())
    return found


def _parallel(slices: Sequence[Prediction]) -> list[list[Prediction]]:
    groups: list[tuple[np.ndarray | None, list[Prediction]]] = []
    for one in slices:
        orientation = None if one.member is None else one.member.orientation
        normal = None
        if orientation is not None:
            normal = np.cross(orientation[:3], orientation[3:])
            normal = normal / np.linalg.norm(normal)
        for known, members in groups:
            same = normal is None if known is None else normal is not None
            if same and (known is None or normal is None or known @ normal >= _SAME_DIRECTION):
                members.append(one)
                break
        else:
            groups.append((normal, [one]))
    return [members for _, members in groups]


def _parted(slices: list[Prediction], traits: tuple[tuple[str, str], ...]) -> list[VolumeSlices]:
    depth = _depth(slices)
    if depth <= 1 and not _is_without_places(slices):
        return [VolumeSlices(tuple(slices), traits)]
    best = _best_trait(slices, depth)
    if _has_no_true_place(slices, depth, best):
        return [VolumeSlices(tuple(slices), traits)]
    if best is None:
        if depth <= 1:
            return [VolumeSlices(tuple(slices), traits)]
        return _by_order(slices, traits)
    found: list[VolumeSlices] = []
    for value, members in _groups(slices, best).items():
        found += _parted(members, (*traits, (best, value)))
    return found


def _has_no_true_place(slices: list[Prediction], depth: int, best: str | None) -> bool:
    """Tell whether all slices lie at one place and nothing says that they are images of it.

    Files that were stripped of their identity, or converted, may have the same position, or the
    same number, in all slices.
    """
    alone = len(slices) == depth >= _LEAST_ALIKE
    return alone and (
        best is None or (best in _COUNTED and len(_groups(slices, best)) == len(slices))
    )


def _depth(slices: Iterable[Prediction]) -> int:
    """Return how many slices lie at one place at most."""
    places = Counter(_position(one) for one in slices if one.position_mm is not None)
    return max(places.values(), default=1)


def _is_without_places(slices: Sequence[Prediction]) -> bool:
    """Tell whether the order is all that is known, in which volumes may lie mixed."""
    return len(slices) > 1 and all(
        one.member is not None and not one.member.is_placed and one.slice_index is None
        for one in slices
    )


def _best_trait(slices: list[Prediction], depth: int) -> str | None:
    """Return the trait that leaves the fewest slices at one place, the most telling first.

    A trait that differs from slice to slice tells no volumes apart: there are no more of them than
    slices at one place.
    """
    keywords = dict.fromkeys(
        keyword for one in slices if one.member is not None for keyword, _ in one.member.traits
    )
    best, left = None, depth
    for keyword in keywords:
        groups = list(_groups(slices, keyword).values())
        if len(groups) < 2:
            continue
        if depth <= 1:
            even = len({len(one) for one in groups}) == 1 and len(groups[0]) > 1
            if even and keyword in _MIXED_BY:
                return keyword
        elif len(groups) <= depth:
            remaining = max(map(_depth, groups))
            if remaining < left:
                best, left = keyword, remaining
    return best


def _groups(slices: Iterable[Prediction], keyword: str) -> dict[str, list[Prediction]]:
    groups: dict[str, list[Prediction]] = {}
    for one in slices:
        member: SliceMember | None = one.member
        value = "" if member is None else dict(member.traits).get(keyword, "")
        groups.setdefault(value, []).append(one)
    return groups


def _by_order(slices: list[Prediction], traits: tuple[tuple[str, str], ...]) -> list[VolumeSlices]:
    """Give the first slice of each place to the first volume, the second to the second, ..."""
    seen: Counter[float | None] = Counter()
    groups: dict[int, list[Prediction]] = {}
    for one in sorted(slices, key=_arrival):
        place = _position(one)
        seen[place] += 1
        groups.setdefault(seen[place], []).append(one)
    return [
        VolumeSlices(tuple(members), (*traits, (ORDER, str(number))))
        for number, members in sorted(groups.items())
    ]


def _arrival(one: Prediction) -> tuple[int, int, list[tuple[int, int, str]]]:
    number = None if one.member is None else one.member.number
    return number or 0, one.slice_index or 0, natural_key(one.source)


def _position(one: Prediction) -> float | None:
    return None if one.position_mm is None else round(one.position_mm, _POSITION_DIGITS)
