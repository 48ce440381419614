"""Which pictures may be copies of each other: by key points that agree on one placement.

Every key point asks an inverted-file index for its nearest ones in other pictures, as it is and
mirrored. A match proposes how one picture would lie over the other (turn, scale, shift); a pair
whose matches agree is a candidate. Cost grows with the number of key points times the length of
the lists that are looked into, and not with the number of pairs. The nearest lists are found in a
graph: comparing with all of them would come to cost the most.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from tumorscope.audit.duplicates.perceptual_descriptors import (
    DESCRIPTOR_LENGTH,
    WORK_SIDE,
    Look,
    blank_look,
    mirror_descriptors,
)

NEIGHBORS: Final = 6
"""Matches asked for each key point; with 10 the candidates treble and no further copy is found."""

MIN_AGREEING: Final = 3
"""Two matches agree by chance; with four, 1 in 1,000 of the planted copies was lost."""

MAX_PER_PICTURE: Final = 16
"""Candidates kept for a picture, those with the most agreeing matches first."""

_LISTS_PER_ROOT: Final = 8  # lists of the index, in square roots of the key points (faiss guide)
_LINKS: Final = 16  # of the graph in which the nearest lists are found, instead of in all
_MIN_FOR_LISTS: Final = 20_000  # below this every key point is compared with every other
_TAUGHT_BY: Final = 16  # key points for each list
_PROBES: Final = 8
_BLOCK: Final = 250  # pictures that ask at one time
_MATCHES: Final = 16  # matches of a pair that are looked at
_SCALE: Final = 0.5  # octaves, radians and pixels within which two matches agree: half a SIFT
_ANGLE: Final = 0.45  # octave, 26 degrees, and a seventh of the picture
_SHIFT: Final = 14.0
_SCALES: Final = (0.4, 2.5)  # a copy's content is not enlarged or shrunk by more than this


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs that may be copies; all arrays have shape (pairs,).

    A point z = column + i row of the first picture's 96-pixel content box lies at
    ``turn * z + shift`` of the second one's, or ``turn * conj(z) + shift`` where ``mirrored``.

    Attributes
    ----------
    first, second
        Indices of the pictures, ``first < second``, int64.
    mirrored
        bool.
    turn, shift
        complex128.
    agreeing
        Matches that agree, int64.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    mirrored: NDArray[np.bool_]
    turn: NDArray[np.complex128]
    shift: NDArray[np.complex128]
    agreeing: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, index: NDArray[np.integer]) -> Candidates:
        """Return some of the pairs."""
        return Candidates(
            self.first[index],
            self.second[index],
            self.mirrored[index],
            self.turn[index],
            self.shift[index],
            self.agreeing[index],
        )


def find_candidates(looks: Sequence[Look]) -> Candidates:
    """Find the pairs of pictures whose key points agree on a placement."""
    points = _Points(looks)
    if len(points.owner) < NEIGHBORS:
        return _join([])
    return _strongest(_join(_agreeing(looks, points)), len(looks))


def _agreeing(looks: Sequence[Look], points: _Points) -> list[Candidates]:
    """Return what each block of pictures finds; the index is gone when this returns."""
    index = _build_index(looks, len(points.owner))
    return [_agree(points, matches) for matches in _ask(looks, points, index)]


class _Points:
    """Key points of all pictures in one row; their descriptors stay with the looks."""

    def __init__(self, looks: Sequence[Look]) -> None:
        counts = [len(look.points) for look in looks]
        self.starts = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        self.owner = np.repeat(np.arange(len(looks)), counts).astype(np.int32)
        self._measured = np.concatenate([blank_look().points, *(look.points for look in looks)])

    def place(self, index: NDArray[np.int64]) -> NDArray[np.complex128]:
        """Return where some lie, as column + i row."""
        column, row = np.moveaxis(self._measured[index, :2].astype(np.float64), -1, 0)
        return np.asarray(column + 1j * row)

    def pose(self, index: NDArray[np.int64]) -> NDArray[np.complex128]:
        """Return size and direction of some, as length and angle."""
        size, degrees = np.moveaxis(self._measured[index, 2:].astype(np.float64), -1, 0)
        return np.asarray(size * np.exp(1j * np.deg2rad(degrees)))


def _blocks(looks: Sequence[Look]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield the descriptors of a block of pictures and where in the row of all they begin."""
    start = 0
    for first in range(0, len(looks), _BLOCK):
        block = [look.descriptors for look in looks[first : first + _BLOCK]]
        descriptors = np.concatenate([np.zeros((0, DESCRIPTOR_LENGTH), np.uint8), *block])
        if len(descriptors):
            yield start, descriptors
        start += len(descriptors)


def _build_index(looks: Sequence[Look], points: int) -> Any:
    if points < _MIN_FOR_LISTS:
        flat = faiss.IndexFlatL2(DESCRIPTOR_LENGTH)
        for _, descriptors in _blocks(looks):
            flat.add(descriptors.astype(np.float32))
        return flat
    lists = int(_LISTS_PER_ROOT * points**0.5)
    index: Any = faiss.index_factory(DESCRIPTOR_LENGTH, f"IVF{lists}_HNSW{_LINKS},SQ8_direct")
    graph: Any = faiss.downcast_index(index.quantizer)
    graph.hnsw.efSearch = 2 * _PROBES
    index.cp.niter, index.cp.seed = 4, 0
    index.cp.max_points_per_centroid = index.cp.min_points_per_centroid = _TAUGHT_BY
    step = max(1, points // (_TAUGHT_BY * lists))
    taught = [descriptors[-start % step :: step] for start, descriptors in _blocks(looks)]
    index.train(np.concatenate(taught).astype(np.float32))
    index.nprobe = _PROBES
    _fill_lists(index, looks)
    return index


def _fill_lists(index: Any, looks: Sequence[Look]) -> None:
    """Add all descriptors to lists that have their room beforehand.

    Lists that grow take half as much memory again; one that is emptied keeps its room.
    """
    found = [
        index.quantizer.search(descriptors.astype(np.float32), 1)[1].ravel().astype(np.int32)
        for _, descriptors in _blocks(looks)
    ]
    sizes = np.bincount(np.concatenate(found), minlength=index.nlist)
    for number, size in enumerate(sizes.tolist()):
        index.invlists.resize(number, size)
        index.invlists.resize(number, 0)
    for (_, descriptors), places in zip(_blocks(looks), found, strict=True):
        content, numbers = descriptors.astype(np.float32), places.astype(np.int64)
        pointers = faiss.swig_ptr(content), None, faiss.swig_ptr(numbers)
        index.add_core(len(content), *pointers)


def _ask(
    looks: Sequence[Look], points: _Points, index: faiss.Index
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]]:
    """Yield matches, a block of asking pictures at a time: asking, answering, mirrored."""
    for start, asked in _blocks(looks):
        asking, answering, mirrored = [], [], []
        for is_mirrored, query in ((False, asked), (True, mirror_descriptors(asked))):
            _, answer = index.search(query.astype(np.float32), NEIGHBORS)
            source = np.repeat(np.arange(start, start + len(asked)), NEIGHBORS)
            target = answer.ravel()
            kept = (target >= 0) & (points.owner[source] != points.owner[target])
            asking.append(source[kept])
            answering.append(target[kept])
            mirrored.append(np.full(int(kept.sum()), is_mirrored))
        yield np.concatenate(asking), np.concatenate(answering), np.concatenate(mirrored)


def _agree(
    points: _Points, matches: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]
) -> Candidates:
    source, target, mirrored = matches
    # Every pair is described from its picture of lower index to the other.
    swapped = points.owner[source] > points.owner[target]
    source, target = np.where(swapped, target, source), np.where(swapped, source, target)
    key = points.owner[source].astype(np.int64) * (len(points.starts) - 1) + points.owner[target]
    key = key * 2 + mirrored
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.diff(key[order], prepend=-1))
    counts = np.diff(np.append(starts, len(order)))
    enough = counts >= MIN_AGREEING
    starts, counts = starts[enough], counts[enough]
    at = np.minimum(starts[:, None] + np.arange(_MATCHES), max(len(order) - 1, 0))
    chosen = order[at] if len(order) else np.zeros((0, _MATCHES), np.int64)
    valid = np.arange(_MATCHES) < counts[:, None]
    return _fit_placements(points, (source[chosen], target[chosen], mirrored[chosen]), valid)


def _fit_placements(
    points: _Points,
    matches: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]],
    valid: NDArray[np.bool_],
) -> Candidates:
    """Fit one placement to the matches that agree; inputs have shape (pairs, matches)."""
    source, target, mirrored = matches
    place, pose = points.place(source), points.pose(source)
    place, pose = np.where(mirrored, place.conj(), place), np.where(mirrored, pose.conj(), pose)
    other = points.place(target)
    turn = points.pose(target) / pose
    middle = np.where(mirrored, 1 - 1j, 1 + 1j) * WORK_SIDE / 2
    landing = other + turn * (middle - place)
    agree = _which_agree(turn, landing, valid)
    count = agree.sum(axis=2)
    best = count.argmax(axis=1)
    pair = np.arange(len(best))
    weight = agree[pair, best].astype(float)
    turn, shift = _least_squares(place, other, weight)
    size = np.abs(turn)
    kept = (count[pair, best] >= MIN_AGREEING) & (size > _SCALES[0]) & (size < _SCALES[1])
    everything = Candidates(
        points.owner[source[:, 0]].astype(np.int64),
        points.owner[target[:, 0]].astype(np.int64),
        mirrored[:, 0],
        turn,
        shift,
        count[pair, best].astype(np.int64),
    )
    return everything.take(np.flatnonzero(kept))


def _which_agree(
    turn: NDArray[np.complex128], landing: NDArray[np.complex128], valid: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Return shape (pairs, matches, matches): which matches propose the same placement."""
    ratio = turn[:, :, None] / turn[:, None, :]
    same = np.abs(np.log2(np.abs(ratio))) < _SCALE
    same &= np.abs(np.angle(ratio)) < _ANGLE
    same &= np.abs(landing[:, :, None] - landing[:, None, :]) < _SHIFT
    same &= valid[:, :, None] & valid[:, None, :]
    return np.asarray(same)


def _least_squares(
    place: NDArray[np.complex128], other: NDArray[np.complex128], weight: NDArray[np.float64]
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    total = np.maximum(weight.sum(axis=1), 1)
    middle = (weight * place).sum(axis=1) / total
    other_middle = (weight * other).sum(axis=1) / total
    centered = place - middle[:, None]
    spread = np.maximum((weight * np.abs(centered) ** 2).sum(axis=1), 1e-6)
    turn = (weight * centered.conj() * (other - other_middle[:, None])).sum(axis=1) / spread
    return turn, other_middle - turn * middle


def _join(found: Sequence[Candidates]) -> Candidates:
    whole, real = np.zeros(0, np.int64), np.zeros(0, np.complex128)
    parts = [Candidates(whole, whole, np.zeros(0, np.bool_), real, real, whole), *found]
    return Candidates(
        np.concatenate([part.first for part in parts]),
        np.concatenate([part.second for part in parts]),
        np.concatenate([part.mirrored for part in parts]),
        np.concatenate([part.turn for part in parts]),
        np.concatenate([part.shift for part in parts]),
        np.concatenate([part.agreeing for part in parts]),
    )


def _strongest(found: Candidates, pictures: int) -> Candidates:
    """Keep each placement once, and of every picture those with the most agreeing matches."""
    key = (found.first * pictures + found.second) * 2 + found.mirrored
    order = np.lexsort((-found.agreeing, key))
    once = order[np.diff(key[order], prepend=-1) != 0]
    found = found.take(once)
    rank = np.minimum(_ranks(found.first, found.agreeing), _ranks(found.second, found.agreeing))
    return found.take(np.flatnonzero(rank < MAX_PER_PICTURE))


def _ranks(picture: NDArray[np.int64], strength: NDArray[np.int64]) -> NDArray[np.int64]:
    order = np.lexsort((-strength, picture))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = np.arange(len(order)) - np.searchsorted(picture[order], picture[order])
    return ranks
