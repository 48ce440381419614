"""Copies as findings: a row per picture, a row per pair, and how sets overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.audit.duplicates.copies import (
    CopyPair,
    CopyThresholds,
    cluster,
    describe_change,
    find_copies,
    look_at,
)
from tumorscope.audit.duplicates.descriptor_cache import LookCache
from tumorscope.audit.duplicates.perceptual_descriptors import Look
from tumorscope.data.collection import Collection
from tumorscope.data.manifest import ManifestRow

PICTURE_COLUMNS: Final = (
    *("set", "path", "slice_index", "plane", "tumor", "type", "patient_id", "sha256", "error"),
    *("cluster", "pictures_in_cluster", "best_match"),
    *("duplicate_score", "is_duplicate_issue", "relative_score", "is_relative_issue"),
    *("unreadable_score", "is_unreadable_issue", "blank_score", "is_blank_issue"),
)
PAIR_COLUMNS: Final = (
    *("verdict", "score", "change", "first_set", "first", "second_set", "second"),
    *("first_tumor", "second_tumor", "is_contradiction", "is_same_patient"),
    *("is_same_file", "mirrored", "rotation", "scale", "cover"),
)


@dataclass(frozen=True, slots=True, eq=False)
class CopySearch:
    """What a search for copies found.

    Attributes
    ----------
    collection
        In which was searched.
    looks, failures
        Of the pictures, and why some could not be read.
    pairs
        Related pictures.
    clusters
        Shape (pictures,): index of the first picture of each picture's cluster of copies.
    thresholds
        Applied to the scores.
    """

    collection: Collection
    looks: Sequence[Look]
    failures: Mapping[int, str]
    pairs: Sequence[CopyPair]
    clusters: NDArray[np.int64]
    thresholds: CopyThresholds

    @property
    def distinct(self) -> int:
        """Number of distinct pictures among those that show something."""
        shown = zip(self.clusters.tolist(), self.looks, strict=True)
        return len({one for one, look in shown if not look.is_blank})

    def verdict(self, pair: CopyPair) -> str:
        """Return ``same picture`` or ``relative``."""
        is_same = pair.placement.score >= self.thresholds.same_picture
        return "same picture" if is_same else "relative"


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of one set is in another.

    Attributes
    ----------
    of, within
        Names of the sets.
    pictures
        In ``of``.
    same
        Of these, pictures that are also in ``within``.
    related
        Of these, pictures that are in ``within``, or have a relative there.
    """

    of: str
    within: str
    pictures: int
    same: int
    related: int


def search_copies(
    collection: Collection, cache: LookCache, thresholds: CopyThresholds | None = None
) -> CopySearch:
    """Look at every picture and find its copies."""
    thresholds = thresholds or CopyThresholds()
    looks, failures = look_at(collection, cache)
    pairs = find_copies(looks, thresholds)
    clusters = cluster(len(looks), pairs, threshold=thresholds.same_picture)
    return CopySearch(collection, looks, failures, pairs, clusters, thresholds)


def picture_findings(search: CopySearch) -> list[dict[str, Any]]:
    """Return a row per picture with the keys of :data:`PICTURE_COLUMNS`.

    ``duplicate_score`` is 0 for a perfect copy of another picture and 1 where nothing like it was
    found; ``relative_score`` is the same number, judged by the threshold of relatives.
    """
    best = _best_matches(search)
    sizes = np.bincount(search.clusters, minlength=len(search.looks))
    names = [row.name for row in search.collection.rows]
    findings = []
    for index, row in enumerate(search.collection.rows):
        finding = {column: getattr(row, column, None) for column in PICTURE_COLUMNS}
        partner, score = best.get(index, (None, 0.0))
        is_unreadable = index in search.failures
        finding |= {
            "sha256": search.looks[index].sha256 or None,
            "error": search.failures.get(index),
            "cluster": names[search.clusters[index]],
            "pictures_in_cluster": int(sizes[search.clusters[index]]),
            "best_match": None if partner is None else names[partner],
            "duplicate_score": round(1 - score, 4),
            "is_duplicate_issue": score >= search.thresholds.same_picture,
            "relative_score": round(1 - score, 4),
            "is_relative_issue": score >= search.thresholds.relative,
            "unreadable_score": float(not is_unreadable),
            "is_unreadable_issue": is_unreadable,
            "blank_score": None if is_unreadable else float(not search.looks[index].is_blank),
            "is_blank_issue": not is_unreadable and search.looks[index].is_blank,
        }
        findings.append(finding)
    return findings


def pair_findings(search: CopySearch) -> list[dict[str, Any]]:
    """Return a row per pair with the keys of :data:`PAIR_COLUMNS`, the most alike first."""
    return [
        _pair_finding(search, pair)
        for pair in sorted(search.pairs, key=lambda pair: -pair.placement.score)
    ]


def measure_overlaps(search: CopySearch) -> list[Overlap]:
    """Count, for every ordered pair of sets, what of the one is in the other."""
    rows = search.collection.rows
    sets = sorted({row.set for row in rows})
    same = _sets_reached(search, search.thresholds.same_picture)
    related = _sets_reached(search, search.thresholds.relative)
    return [
        Overlap(
            of=of,
            within=within,
            pictures=sum(row.set == of for row in rows),
            same=_count(rows, of, within, same),
            related=_count(rows, of, within, related),
        )
        for of in sets
        for within in sets
        if of != within
    ]


def contradictions(search: CopySearch) -> list[CopyPair]:
    """Return the pairs that are the same picture and are labelled differently."""
    return [
        pair
        for pair in search.pairs
        if search.verdict(pair) == "same picture" and _contradicts(search, pair)
    ]


def thresholds_record(search: CopySearch) -> dict[str, Any]:
    """Return the thresholds as plain values."""
    return asdict(search.thresholds)


def _best_matches(search: CopySearch) -> dict[int, tuple[int, float]]:
    best: dict[int, tuple[int, float]] = {}
    for pair in search.pairs:
        for one, other in ((pair.first, pair.second), (pair.second, pair.first)):
            if pair.placement.score > best.get(one, (0, -1.0))[1]:
                best[one] = other, pair.placement.score
    return best


def _pair_finding(search: CopySearch, pair: CopyPair) -> dict[str, Any]:
    first, second = search.collection.rows[pair.first], search.collection.rows[pair.second]
    where = pair.placement
    is_same_patient = None
    if first.set == second.set and first.patient_id and second.patient_id:
        is_same_patient = first.patient_id == second.patient_id
    return {
        "verdict": search.verdict(pair),
        "score": round(where.score, 4),
        "change": describe_change(pair),
        **pair_names(first, second),
        "is_contradiction": search.verdict(pair) == "same picture" and _contradicts(search, pair),
        "is_same_patient": is_same_patient,
        "is_same_file": pair.is_same_file,
        "mirrored": where.mirrored,
        "rotation": round(where.rotation, 1),
        "scale": round(where.scale, 3),
        "cover": round(where.cover, 3),
    }


def contradict(first: ManifestRow, second: ManifestRow) -> bool:
    """Tell whether two rows are labelled differently, by tumor or by its type."""
    differ = None not in (first.tumor, second.tumor) and first.tumor != second.tumor
    return differ or (None not in (first.type, second.type) and first.type != second.type)


def _contradicts(search: CopySearch, pair: CopyPair) -> bool:
    rows = search.collection.rows
    return contradict(rows[pair.first], rows[pair.second])


def _sets_reached(search: CopySearch, threshold: float) -> list[set[str]]:
    """Return for each picture the sets in which it has a copy, or a pair of this score."""
    in_cluster: dict[int, set[str]] = {}
    for row, cluster_ in zip(search.collection.rows, search.clusters.tolist(), strict=True):
        in_cluster.setdefault(cluster_, set()).add(row.set)
    reached = [set(in_cluster[one]) for one in search.clusters.tolist()]
    for pair in search.pairs:
        if pair.placement.score >= threshold:
            reached[pair.first].add(search.collection.rows[pair.second].set)
            reached[pair.second].add(search.collection.rows[pair.first].set)
    return reached


def _count(rows: Sequence[Any], of: str, within: str, reached: Sequence[set[str]]) -> int:
    return sum(row.set == of and within in sets for row, sets in zip(rows, reached, strict=True))


def pair_names(first: ManifestRow, second: ManifestRow) -> dict[str, Any]:
    """Return the columns of a pair that say which pictures it is of."""
    return {
        "first_set": first.set,
        "first": first.name,
        "second_set": second.set,
        "second": second.name,
        "first_tumor": first.tumor,
        "second_tumor": second.tumor,
    }
