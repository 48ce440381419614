"""Near-duplicates in any of eight orientations, and the groups that follow from them.

Measurement (:func:`find_pairs`) and threshold (:class:`DuplicateThresholds`) are apart.

How the rule was chosen, on 13,581 pictures and slices of nine sets: with every pair of evidence
believed, neighbouring slices of different patients chain into one cluster of 5,040 pictures and 72
patients. Of the pairs whose two patients are known and different, none is the same image by these
thresholds, but 473 are the same patient. So weak evidence may not bring two known patients into one
group; pairs are taken from the strongest down. The largest group then has 157 pictures: one
patient, and copies of that patient's slices in another set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.descriptors import (
    ORIENTATIONS,
    Descriptors,
    orient,
    perceptual_hash,
    to_unit_vectors,
)
from tumorscope.data.disjoint_sets import DisjointSets

KEPT_CORRELATION: Final = 0.90
"""Pairs below this are not kept; nothing below the same-patient threshold is ever evidence."""
KEPT_DISTANCE: Final = 8
"""Bits. Pairs above this are kept only where they may be the same image."""
KEPT_ALONE: Final = 0.96
"""Correlation at which a pair is kept whatever its hash distance."""

_BLOCK: Final = 2048  # two blocks and their products stay under 40 MiB


@dataclass(frozen=True, slots=True)
class DuplicateThresholds:
    """What counts as evidence; calibrated on pairs whose patients are known.

    Attributes
    ----------
    same_image_correlation
        Correlation of the 32 x 32 thumbnails from which two pictures are one image.
    same_patient_correlation, same_patient_distance
        Correlation and Hamming distance of the 64-bit pHash (bits) that together tell one
        patient in 99 % of the pairs; the hash alone does so in 88 % only.
    """

    same_image_correlation: float = 0.98
    same_patient_correlation: float = 0.90
    same_patient_distance: int = 4


@dataclass(frozen=True, slots=True, eq=False)
class DuplicatePairs:
    """Measured pairs of pictures; all arrays have shape (pairs,).

    Attributes
    ----------
    first, second
        Indices of the pictures, ``first < second``, int64.
    orientation
        Of the second picture when it fits the first (see
        :func:`~tumorscope.data.descriptors.orient`), int64.
    correlation
        In [0.9, 1], float32.
    distance
        Hamming distance of the hashes in bits, int64.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    orientation: NDArray[np.int64]
    correlation: NDArray[np.float32]
    distance: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first)

    def without(self, left_out: NDArray[np.bool_]) -> DuplicatePairs:
        """Leave out the pairs of some pictures, shape (pictures,)."""
        kept = ~(left_out[self.first] | left_out[self.second])
        return DuplicatePairs(
            self.first[kept],
            self.second[kept],
            self.orientation[kept],
            self.correlation[kept],
            self.distance[kept],
        )

    def is_same_image(self, thresholds: DuplicateThresholds) -> NDArray[np.bool_]:
        """Tell which pairs are one image."""
        return self.correlation >= thresholds.same_image_correlation

    def is_same_patient(self, thresholds: DuplicateThresholds) -> NDArray[np.bool_]:
        """Tell which pairs are at least one patient; includes :meth:`is_same_image`."""
        similar = self.correlation >= thresholds.same_patient_correlation
        close = self.distance <= thresholds.same_patient_distance
        return (similar & close) | self.is_same_image(thresholds)


def find_pairs(descriptors: Descriptors) -> DuplicatePairs:
    """Compare all pictures with all others in all eight orientations.

    The same two pictures may appear more than once, with different evidence.
    """
    if len(descriptors) == 0:
        whole, real = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
        return DuplicatePairs(whole, whole, whole, real, whole)
    found = [
        pairs
        for thumbnails in (descriptors.plain, descriptors.foreground)
        for orientation in range(ORIENTATIONS)
        for pairs in _compare(thumbnails, orientation)
    ]
    first, second, orientations, correlation, distance = map(
        np.concatenate, zip(*found, strict=True)
    )
    return DuplicatePairs(first, second, orientations, correlation, distance)


def group_duplicates(
    pairs: DuplicatePairs,
    patients: Sequence[str | None],
    *,
    thresholds: DuplicateThresholds | None = None,
) -> NDArray[np.int64]:
    """Join patients and near-duplicates into groups.

    Pictures of one patient are one group. Two pictures that are one image join their groups.
    Same-patient evidence joins two groups as well, but not where both hold known patients that
    are not all the same; then the evidence contradicts itself, and the stronger link stays.

    Parameters
    ----------
    pairs
        As measured.
    patients
        One for each picture, unique over all sets, ``None`` where unknown.
    thresholds
        What counts as evidence.

    Returns
    -------
    ndarray
        Shape (pictures,), int64: index of the first picture of each picture's group.
    """
    thresholds = thresholds or DuplicateThresholds()
    groups = _Groups(patients)
    for index in _strongest_first(pairs, thresholds):
        groups.join(
            int(pairs.first[index]),
            int(pairs.second[index]),
            is_certain=bool(pairs.correlation[index] >= thresholds.same_image_correlation),
        )
    return np.array([groups.find(index) for index in range(len(patients))], dtype=np.int64)


class _Groups:
    """Disjoint sets of pictures that know the patients in them."""

    def __init__(self, patients: Sequence[str | None]) -> None:
        self._sets = DisjointSets[int]()
        self.find = self._sets.find
        self._patients: list[frozenset[str]] = [
            frozenset() if patient is None else frozenset((patient,)) for patient in patients
        ]
        first_of: dict[str, int] = {}
        for index, patient in enumerate(patients):
            if patient is not None:
                self.join(first_of.setdefault(patient, index), index, is_certain=True)

    def join(self, first: int, second: int, *, is_certain: bool) -> None:
        low, high = sorted((self.find(first), self.find(second)))
        known = self._patients[low], self._patients[high]
        if low == high or (not is_certain and all(known) and known[0] != known[1]):
            return
        self._patients[self._sets.join(low, high)] = known[0] | known[1]


def _compare(
    thumbnails: NDArray[np.float32], orientation: int
) -> Iterator[tuple[NDArray[np.int64], ...]]:
    turned = np.ascontiguousarray(orient(thumbnails, orientation))
    vectors = to_unit_vectors(thumbnails), to_unit_vectors(turned)
    hashes = perceptual_hash(thumbnails), perceptual_hash(turned)
    count = len(thumbnails)
    for row in range(0, count, _BLOCK):
        for column in range(row, count, _BLOCK):
            block = vectors[0][row : row + _BLOCK] @ vectors[1][column : column + _BLOCK].T
            near, far = np.nonzero(block >= KEPT_CORRELATION)
            correlation = np.minimum(block[near, far], 1)
            first, second = near + row, far + column
            distance = np.bitwise_count(hashes[0][first] ^ hashes[1][second]).astype(np.int64)
            kept = (first < second) & ((distance <= KEPT_DISTANCE) | (correlation >= KEPT_ALONE))
            turns = np.full(int(kept.sum()), orientation, dtype=np.int64)
            yield first[kept], second[kept], turns, correlation[kept], distance[kept]


def _strongest_first(pairs: DuplicatePairs, thresholds: DuplicateThresholds) -> NDArray[np.int64]:
    chosen = np.flatnonzero(pairs.is_same_patient(thresholds))
    # Rounded, so that the order does not hang on how a processor sums.
    strength = -np.round(pairs.correlation[chosen], 4)
    order = np.lexsort((pairs.second[chosen], pairs.first[chosen], strength))
    return chosen[order]
