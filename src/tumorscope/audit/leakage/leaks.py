"""What of a test set is already in its training set, picture by picture."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from tumorscope.audit.duplicates.copies import CopyPair, describe_change
from tumorscope.audit.duplicates.findings import CopySearch
from tumorscope.data.collection import Collection, join_collections
from tumorscope.data.split import patient_key

LeakKind = Literal["exact copy", "copy", "mirrored copy", "relative", "same patient", "none"]

LEAK_KINDS: Final[tuple[LeakKind, ...]] = get_args(LeakKind)
"""From the plainest to none; a picture is of the first kind that it fits."""

COPIES: Final[frozenset[LeakKind]] = frozenset(("exact copy", "copy", "mirrored copy"))

_Node = tuple[int, bool]
"""A picture, and whether it stands mirrored to the training picture that a path began at."""


@dataclass(frozen=True, slots=True)
class Leak:
    """What one test picture has in the training set.

    Attributes
    ----------
    picture
        Index of the test picture.
    kind
        ``exact copy``: the same file. ``copy``: the same picture, changed or turned.
        ``mirrored copy``: the same picture, and only mirrored. ``relative``: a neighbouring slice
        or another sequence of one. ``same patient``: nothing alike, but the same identifier.
    match
        Index of the training picture; ``None`` for ``none``.
    score
        Of the weakest pair on the way from ``match``; NaN where no pair leads there.
    change
        What was done to it, in words.
    """

    picture: int
    kind: LeakKind
    match: int | None = None
    score: float = float("nan")
    change: str = ""


@dataclass(frozen=True, slots=True)
class TrainAndTest:
    """A training and a test set in one collection, the training set first.

    Attributes
    ----------
    collection
        Both, as :func:`~tumorscope.data.collection.join_collections` puts them together.
    n_train
        Number of the training set's rows.
    patients
        Person of each row, unique over all sets; ``None`` where unknown.
    """

    collection: Collection
    n_train: int
    patients: tuple[str | None, ...]

    @classmethod
    def join(cls, train: Collection, test: Collection) -> TrainAndTest:
        """Put a training and a test set together."""
        patients = tuple(patient_key(row) for one in (train, test) for row in one.rows)
        return cls(join_collections([train, test]), len(train.rows), patients)


def find_leaks(search: CopySearch, sides: TrainAndTest) -> list[Leak]:
    """Tell for every test picture what of it is in the training set.

    Copies of copies count: a test picture that is paired with another one that is paired with a
    training picture leaks as well.
    """
    paths = _paths_from_training(search, sides.n_train)
    relatives = _relatives(search, sides.n_train)
    train_files, train_patients = _first_of_training(search, sides)
    leaks = []
    for picture in range(sides.n_train, len(search.looks)):
        same_file = train_files.get(search.looks[picture].sha256)
        same_patient = train_patients.get(sides.patients[picture] or "")
        if same_file is not None:
            leak = Leak(picture, "exact copy", same_file, 1.0, "the same file")
        elif (found := _copy(picture, paths)) is not None:
            leak = found
        elif picture in relatives:
            leak = relatives[picture]
        elif same_patient is not None:
            leak = Leak(picture, "same patient", same_patient)
        else:
            leak = Leak(picture, "none")
        leaks.append(leak)
    return leaks


@dataclass(frozen=True, slots=True)
class _Path:
    """The best way from a training picture: its weakest score, its begin and its last pair."""

    score: float
    origin: int
    pair: CopyPair | None
    steps: int


def _paths_from_training(search: CopySearch, n_train: int) -> Mapping[_Node, _Path]:
    """Find for each picture and handedness the path whose weakest pair is the strongest."""
    neighbors: dict[int, list[tuple[int, CopyPair]]] = {}
    for pair in search.pairs:
        if search.verdict(pair) == "same picture":
            neighbors.setdefault(pair.first, []).append((pair.second, pair))
            neighbors.setdefault(pair.second, []).append((pair.first, pair))
    best: dict[_Node, _Path] = {}
    queue = [(-1.0, 0, one, False, one) for one in range(n_train)]
    paths = {(one, False): _Path(1.0, one, None, 0) for one in range(n_train)}
    while queue:
        negative, steps, picture, mirrored, origin = heapq.heappop(queue)
        if (picture, mirrored) in best:
            continue
        best[picture, mirrored] = paths[picture, mirrored]
        for other, pair in neighbors.get(picture, ()):
            node = other, mirrored ^ pair.placement.mirrored
            path = _Path(min(-negative, pair.placement.score), origin, pair, steps + 1)
            if node not in best and (node not in paths or path.score > paths[node].score):
                paths[node] = path
                heapq.heappush(queue, (-path.score, path.steps, *node, origin))
    return best


def _copy(picture: int, paths: Mapping[_Node, _Path]) -> Leak | None:
    kinds: tuple[tuple[bool, LeakKind], ...] = ((False, "copy"), (True, "mirrored copy"))
    for mirrored, kind in kinds:
        path = paths.get((picture, mirrored))
        if path is not None and path.pair is not None:
            change = describe_change(path.pair) if path.steps == 1 else "a copy of a copy"
            return Leak(picture, kind, path.origin, path.score, change)
    return None


def _relatives(search: CopySearch, n_train: int) -> dict[int, Leak]:
    """Find what is related to a training picture, or is a copy of what is."""
    members: dict[int, list[int]] = {}
    for picture, cluster in enumerate(search.clusters.tolist()):
        if picture >= n_train:
            members.setdefault(cluster, []).append(picture)
    found: dict[int, Leak] = {}
    for pair in sorted(search.pairs, key=lambda pair: -pair.placement.score):
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            match = int(search.clusters[one])  # the first of a cluster: a training picture if any
            if match < n_train:
                match = one if one < n_train else match
                change, score = describe_change(pair), pair.placement.score
                for picture in members.get(int(search.clusters[other]), ()):
                    found.setdefault(picture, Leak(picture, "relative", match, score, change))
    return found


def _first_of_training(
    search: CopySearch, sides: TrainAndTest
) -> tuple[dict[str, int], dict[str, int]]:
    """Return the first training picture of each file and of each patient."""
    files: dict[str, int] = {}
    patients: dict[str, int] = {}
    for index in range(sides.n_train):
        if search.looks[index].sha256 and not search.looks[index].is_blank:
            files.setdefault(search.looks[index].sha256, index)
        patient = sides.patients[index]
        if patient is not None:
            patients.setdefault(patient, index)
    return files, patients


def count_leaks(leaks: Sequence[Leak]) -> dict[LeakKind, int]:
    """Count the test pictures of each kind."""
    return {kind: sum(leak.kind == kind for leak in leaks) for kind in LEAK_KINDS}
