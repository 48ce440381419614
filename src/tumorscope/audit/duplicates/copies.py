"""Copies of pictures in a collection: measured pairs, and the clusters that follow from them.

Unlike :mod:`tumorscope.data.duplicates`, which groups for a split by comparing all pairs in eight
orientations, this finds copies under any turn, crop or retouching, and does not compare all pairs.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import cv2
import joblib
import numpy as np
from numpy.typing import NDArray

from tumorscope.audit.duplicates.candidates import Candidates, find_candidates
from tumorscope.audit.duplicates.descriptor_cache import LookCache, look_key
from tumorscope.audit.duplicates.perceptual_descriptors import Look, blank_look, take_look
from tumorscope.audit.duplicates.registration import Placement, register
from tumorscope.data.collection import Collection
from tumorscope.data.disjoint_sets import DisjointSets
from tumorscope.data.grouping import hash_file
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_pictures
from tumorscope.errors import ImageError, ManifestError

WORKERS: Final = 2
"""Threads that look at pictures, and processes that verify candidates."""

_MIN_FOR_PROCESSES: Final = 4000  # pairs, some 7 s of work; processes take one to start
_CHUNK: Final = 64  # pairs, 1 MB
_COMMIT_EVERY: Final = 256
_EXACT: Final = Placement(score=1.0, mirrored=False, rotation=0.0, scale=1.0, cover=1.0)
_Task = tuple[NDArray[np.uint8], NDArray[np.uint8], tuple[bool, complex, complex]]


@dataclass(frozen=True, slots=True)
class CopyThresholds:
    """What a score means; chosen on the train part of a split, see ``docs/reference/data.md``.

    Attributes
    ----------
    same_picture
        Score from which two pictures are one.
    relative
        Score from which two pictures are at least neighbouring slices of one patient, or one
        slice in two sequences.
    """

    same_picture: float = 0.72
    relative: float = 0.50


@dataclass(frozen=True, slots=True)
class CopyPair:
    """Evidence that two pictures are related.

    Attributes
    ----------
    first, second
        Indices of the pictures, ``first < second``.
    placement
        Transform found, and its score.
    is_same_file
        Whether the files are equal, byte by byte.
    """

    first: int
    second: int
    placement: Placement
    is_same_file: bool = False


def look_at(collection: Collection, cache: LookCache) -> tuple[list[Look], dict[int, str]]:
    """Look at every picture, taking from the cache what is there.

    Returns
    -------
    looks
        One a row; blank for what cannot be read.
    failures
        Why a row could not be read, by its index.
    """
    failures: dict[int, str] = {}
    looks: list[Look] = []
    with ThreadPoolExecutor(WORKERS) as pool:
        for start in range(0, len(collection.rows), _COMMIT_EVERY):
            rows = collection.rows[start : start + _COMMIT_EVERY]
            keys = [_key(row, collection) for row in rows]
            kept = [cache.get(key) if key else None for key in keys]
            fresh = pool.map(partial(_look_or_fail, collection), rows, kept)
            for offset, (look, failure) in enumerate(fresh):
                key = keys[offset]
                if failure is not None:
                    failures[start + offset] = failure
                elif kept[offset] is None and key is not None:
                    cache.put(key, look)
                looks.append(look)
            cache.commit()
    return looks, failures


def find_copies(
    looks: Sequence[Look],
    thresholds: CopyThresholds | None = None,
    *,
    workers: int = WORKERS,
) -> list[CopyPair]:
    """Find the related pictures of a collection.

    Pictures that look entirely the same are compared once; each of them is paired with the first.

    Parameters
    ----------
    looks
        Of the pictures.
    thresholds
        By default :class:`CopyThresholds`.
    workers
        Processes that verify candidates where there are many; 1 for this one alone.

    Returns
    -------
    list of CopyPair
        With a score of at least ``thresholds.relative``, by index.
    """
    thresholds = thresholds or CopyThresholds()
    first_of: dict[bytes, int] = {}
    pairs: list[CopyPair] = []
    for index, look in enumerate(looks):
        if look.is_blank:
            continue
        first = first_of.setdefault(look.key, index)
        if first != index:
            same_file = bool(look.sha256) and look.sha256 == looks[first].sha256
            pairs.append(CopyPair(first, index, _EXACT, same_file))
    distinct = sorted(first_of.values())
    candidates = find_candidates([looks[index] for index in distinct])
    for pair, placement in _verify(looks, distinct, candidates, thresholds, workers):
        pairs.append(CopyPair(*pair, placement))
    return sorted(pairs, key=lambda pair: (pair.first, pair.second))


def cluster(pictures: int, pairs: Sequence[CopyPair], *, threshold: float) -> NDArray[np.int64]:
    """Join pictures whose pairs reach a score.

    Returns
    -------
    ndarray
        Shape (pictures,), int64: index of the first picture of each picture's cluster.
    """
    clusters = DisjointSets[int]()
    for pair in pairs:
        if pair.placement.score >= threshold:
            clusters.join(pair.first, pair.second)
    return np.array([clusters.find(index) for index in range(pictures)], dtype=np.int64)


def describe_change(pair: CopyPair) -> str:
    """Say in words what was done to the second picture, as far as its placement tells.

    Examples
    --------
    >>> describe_change(CopyPair(0, 1, Placement(0.97, True, 36.6, 1.0, 1.0)))
    'mirrored, turned by 37 degrees'
    """
    if pair.is_same_file:
        return "the same file"
    where = pair.placement
    words = ["mirrored"] if where.mirrored else []
    if abs(where.rotation) >= 3:
        words.append(f"turned by {where.rotation:.0f} degrees")
    if not 0.95 < where.scale < 1.05:
        words.append(f"content at {100 * where.scale:.0f} %")
    if where.cover < 0.95:
        words.append(f"{100 * where.cover:.0f} % of it shared")
    return ", ".join(words) or "the same placement"


def _verify(
    looks: Sequence[Look],
    distinct: Sequence[int],
    candidates: Candidates,
    thresholds: CopyThresholds,
    workers: int,
) -> Iterator[tuple[tuple[int, int], Placement]]:
    """Yield the best placement of each pair that reaches the threshold of relatives."""
    pairs = [
        (distinct[first], distinct[second])
        for first, second in zip(candidates.first, candidates.second, strict=True)
    ]
    tasks = (
        (looks[first].thumbnail, looks[second].thumbnail, (bool(mirrored), turn, shift))
        for (first, second), mirrored, turn, shift in zip(
            pairs, candidates.mirrored, candidates.turn, candidates.shift, strict=True
        )
    )
    best: dict[tuple[int, int], Placement] = {}
    for pair, placement in zip(pairs, _register_all(tasks, len(pairs), workers), strict=True):
        if placement.score >= thresholds.relative and (
            pair not in best or placement.score > best[pair].score
        ):
            best[pair] = placement
    yield from best.items()


def _register_all(tasks: Iterator[_Task], count: int, workers: int) -> Iterator[Placement]:
    """Align every pair, in processes where there are many: threads would wait for each other.

    A process gets the thumbnails of its pairs only, so that memory does not grow with their number.
    """
    if workers == 1 or count < _MIN_FOR_PROCESSES:
        yield from _register_some(tasks)
        return
    chunks = iter(lambda: list(itertools.islice(tasks, _CHUNK)), [])
    run = joblib.Parallel(n_jobs=workers, return_as="generator", batch_size=1)
    for placements in run(joblib.delayed(_register_some)(chunk) for chunk in chunks):
        yield from placements


def _register_some(tasks: Iterable[_Task]) -> list[Placement]:
    cv2.setNumThreads(1)  # more would only get in each other's way
    return [register(*task) for task in tasks]


def _key(row: ManifestRow, collection: Collection) -> str | None:
    part = "" if row.slice_index is None else f"{row.plane} {row.slice_index}"
    try:
        return look_key(collection.file(row), part)
    except OSError:
        return None


def _look_or_fail(
    collection: Collection, row: ManifestRow, kept: Look | None
) -> tuple[Look, str | None]:
    if kept is not None:
        return kept, None
    try:
        pixels = next(read_pictures([row], collection.root))
        return take_look(pixels, hash_file(collection.file(row))), None
    except (ImageError, ManifestError, OSError) as error:
        return blank_look(), str(error)
