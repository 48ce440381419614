"""Labels that copies contradict, and labels that the rest of the collection does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tumorscope.audit.duplicates.copies import CopyPair, CopyThresholds, describe_change
from tumorscope.audit.duplicates.descriptor_cache import open_look_cache
from tumorscope.audit.duplicates.findings import (
    CopySearch,
    contradictions,
    pair_names,
    search_copies,
    thresholds_record,
)
from tumorscope.audit.duplicates.report import picture_uris, write_pair_report
from tumorscope.audit.labels.appearance import describe_appearance
from tumorscope.audit.labels.report import LabelFindings, write_label_report
from tumorscope.audit.labels.suspects import LabelScores, judge_labels, score_labels
from tumorscope.audit.tables import save_table, save_thresholds
from tumorscope.data.collection import Collection, open_collection
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_row_scans
from tumorscope.data.pipeline import ensure_groups
from tumorscope.data.split import EXCLUDED_GROUPS
from tumorscope.errors import ImageError, ManifestError, UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.labels import CLASSES
from tumorscope.system.files import check_output_folder

LabelKind = Literal["type", "tumor"]

LABEL_COLUMNS: Final = (
    *("set", "path", "slice_index", "plane", "patient_id", "group_id", "published_split"),
    *("label", "label_score", "is_label_issue", "suggested_label", "suggested_probability"),
    *("looks_like", "is_contradiction_issue", "contradicted_by", "contradicting_label"),
)
SHOWN_SUSPECTS: Final = 500
"""The page of pairs shows the worst so many; the table has all."""


def find_label_issues(
    source: Path,
    *,
    output: Path,
    command: str,
    root: Path | None = None,
    by: LabelKind | None = None,
    cache: Path | None = None,
    thresholds: CopyThresholds | None = None,
    seed: int = 0,
    thumbnails: bool = False,
    parquet: bool = False,
    overwrite: bool = False,
) -> LabelFindings:
    """Find labels in doubt, and write the report.

    Parameters
    ----------
    source
        Folder or manifest.
    output
        Report folder.
    command
        The command that makes the report; its first line.
    root
        Folder that the paths of a manifest start from.
    by
        What is the label: ``type`` (of the tumor, or none) or ``tumor``; by default the type if
        it is known of every tumor.
    cache
        File that keeps what was measured of the copies.
    thumbnails
        Whether ``pairs.html`` shows small pictures.

    Raises
    ------
    UsageError
        If a label has too few groups, or the report cannot be written where it should be.
    """
    check_output_folder(output, overwrite=overwrite)
    opened = open_collection(source, root)
    labeled = [row for row in opened.rows if row.tumor is not None]
    collection = Collection(opened.name, tuple(ensure_groups(labeled, opened.root)), opened.root)
    with open_look_cache(cache) as looks:
        search = search_copies(collection, looks, thresholds)
    appearance = gather_appearance(collection)
    labels = label_rows([collection.rows[index] for index in appearance.index], by)
    groups = np.array([collection.rows[index].group_id for index in appearance.index])
    scores = score_labels(appearance.features, labels, groups, seed=seed)
    judged = _Judged(search, appearance, scores, *judge_labels(scores), groups)
    findings = judged.summarize(len(opened.rows) - len(labeled))
    write_label_report(findings, output=output, command=command)
    path = output / f"labels{'.parquet' if parquet else '.csv'}"
    save_table(path, LABEL_COLUMNS, judged.rows(), overwrite=overwrite)
    save_thresholds(
        output / "thresholds.json",
        {"copies": thresholds_record(search), "suspects": dict(findings.thresholds)},
    )
    pairs = judged.pair_rows()
    write_pair_report(
        output / "pairs.html",
        [row for _, row in pairs],
        title=findings.title,
        facts=tuple(findings.verdicts()),
        pictures=picture_uris(collection, {one for pair, _ in pairs for one in pair})
        if thumbnails
        else None,
        overwrite=overwrite,
    )
    return findings


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """What the readable pictures of a collection look like.

    Attributes
    ----------
    index
        Of their rows.
    features
        Shape (readable, d), float32.
    left_out
        Why the other rows could not be read, by name.
    """

    index: tuple[int, ...]
    features: NDArray[np.float32]
    left_out: Mapping[str, str]


def gather_appearance(collection: Collection) -> Appearance:
    """Describe every picture that can be read and shows something."""
    preprocessing = Preprocessing()
    index: list[int] = []
    features: list[NDArray[np.float32]] = []
    left_out: dict[str, str] = {}
    for at, row in enumerate(collection.rows):
        try:
            scan = next(read_row_scans([row], collection.root))
            canvas, _ = preprocessing.apply(scan.pixels, scan.spacing_mm)
        except (ImageError, ManifestError, OSError) as error:
            left_out[row.name] = str(error)
            continue
        if row.group_id not in EXCLUDED_GROUPS:
            index.append(at)
            features.append(describe_appearance(canvas))
    if not features:
        raise ManifestError(
            f"{collection.name}: none of {len(collection.rows)} labeled rows has a readable "
            "image; checking labels needs some."
        )
    return Appearance(tuple(index), np.stack(features), left_out)


def label_rows(rows: Sequence[ManifestRow], by: LabelKind | None) -> NDArray[np.str_]:
    """Return the label of each row, as text.

    Raises
    ------
    UsageError
        If types are asked for and a tumor has none.
    """
    untyped = [row.name for row in rows if row.tumor and row.type is None]
    if by == "type" and untyped:
        raise UsageError(
            f"{len(untyped)} tumors have no type, the first is {untyped[0]!r}; use --by tumor."
        )
    is_typed = by == "type" or (by is None and not untyped)
    tumor, none = CLASSES
    return np.array(
        [((row.type if is_typed else None) or tumor) if row.tumor else none for row in rows]
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """All that was found of the labels; arrays over the readable pictures."""

    search: CopySearch
    appearance: Appearance
    scores: LabelScores
    suspects: NDArray[np.bool_]
    thresholds: Mapping[str, float]
    groups: NDArray[np.str_]

    def summarize(self, n_unlabeled: int) -> LabelFindings:
        """Count."""
        contradicted = self._contradicted()
        counts: dict[tuple[str, str], tuple[int, int, int]] = {}
        for at, index in enumerate(self.appearance.index):
            place = _place(self._row(at)), self._label(at)
            pictures, suspects, copies = counts.get(place, (0, 0, 0))
            counts[place] = (
                pictures + 1,
                suspects + int(self.suspects[at]),
                copies + (index in contradicted),
            )
        return LabelFindings(
            title=f"Labels of {self.search.collection.name}",
            n_pictures=len(self.appearance.index),
            by_place=dict(sorted(counts.items())),
            n_contradictions=len(contradictions(self.search)),
            agreement=float((self.scores.probabilities.argmax(axis=1) == self.scores.given).mean()),
            thresholds=self.thresholds,
            n_unlabeled=n_unlabeled,
            left_out=self.appearance.left_out,
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return a row per readable picture with the keys of :data:`LABEL_COLUMNS`."""
        contradicted = self._contradicted()
        nearest = self._nearest(self._worst())
        found = []
        for at in self._worst():
            row, index = self._row(at), self.appearance.index[at]
            other = contradicted.get(index)
            suggested = int(self.scores.suggested[at])
            by = None if other is None else self.search.collection.rows[other]
            found.append(
                {column: getattr(row, column, None) for column in LABEL_COLUMNS}
                | {
                    "label": self._label(at),
                    "label_score": round(float(self.scores.score[at]), 4),
                    "is_label_issue": bool(self.suspects[at]),
                    "suggested_label": self.scores.classes[suggested],
                    "suggested_probability": round(
                        float(self.scores.probabilities[at, suggested]), 4
                    ),
                    "looks_like": self._row(nearest[at]).name if at in nearest else None,
                    "is_contradiction_issue": by is not None,
                    "contradicted_by": None if by is None else by.name,
                    "contradicting_label": None if by is None else _text(by),
                }
            )
        return found

    def pair_rows(self) -> list[tuple[tuple[int, int], dict[str, Any]]]:
        """Return contradictions, then the worst suspects, each with the rows that it shows."""
        pairs = [
            ((pair.first, pair.second), self._contradiction(pair))
            for pair in contradictions(self.search)
        ]
        worst = [at for at in self._worst() if self.suspects[at]][:SHOWN_SUSPECTS]
        index = self.appearance.index
        for at, other in self._nearest(worst).items():
            pairs.append(((index[at], index[other]), self._suspect(at, other)))
        return pairs

    def _contradiction(self, pair: CopyPair) -> dict[str, Any]:
        first, second = (self.search.collection.rows[one] for one in (pair.first, pair.second))
        change = f"{describe_change(pair)}; labelled {_text(first)} and {_text(second)}"
        return _pair_row(
            first, second, verdict="contradiction", score=pair.placement.score, change=change
        )

    def _suspect(self, at: int, other: int) -> dict[str, Any]:
        suggested = int(self.scores.suggested[at])
        probability = self.scores.probabilities[at, suggested]
        change = (
            f"labelled {self._label(at)}, looks like {self.scores.classes[suggested]} "
            f"({probability:.2f}), such as the second picture"
        )
        score = float(self.scores.score[at])
        return _pair_row(
            self._row(at), self._row(other), verdict="suspect", score=score, change=change
        )

    def _worst(self) -> list[int]:
        return [int(at) for at in np.argsort(self.scores.score, kind="stable")]

    def _row(self, at: int) -> ManifestRow:
        return self.search.collection.rows[self.appearance.index[at]]

    def _label(self, at: int) -> str:
        return self.scores.classes[int(self.scores.given[at])]

    def _contradicted(self) -> dict[int, int]:
        """Return for each picture with a copy that is labelled differently the first such copy."""
        found: dict[int, int] = {}
        for pair in contradictions(self.search):
            found.setdefault(pair.first, pair.second)
            found.setdefault(pair.second, pair.first)
        return found

    def _nearest(self, wanted: Sequence[int]) -> dict[int, int]:
        """Return, for suspects, the most similar picture of the suggested label elsewhere."""
        features = self.appearance.features
        centered = features - features.mean(axis=0)
        unit = centered / np.maximum(np.linalg.norm(centered, axis=1, keepdims=True), 1e-6)
        nearest = {}
        for at in wanted:
            if not self.suspects[at]:
                continue
            is_other = self.scores.given == self.scores.suggested[at]
            candidates = np.flatnonzero(is_other & (self.groups != self.groups[at]))
            if candidates.size:
                nearest[at] = int(candidates[np.argmax(unit[candidates] @ unit[at])])
        return nearest


def _pair_row(first: ManifestRow, second: ManifestRow, **found: Any) -> dict[str, Any]:
    return {
        **pair_names(first, second),
        "is_contradiction": found["verdict"] == "contradiction",
        **found,
        "score": round(found["score"], 4),
    }


def _place(row: ManifestRow) -> str:
    """Return the set, with the folder of the published split where it is known."""
    return row.set if row.published_split is None else f"{row.set}/{row.published_split}"


def _text(row: ManifestRow) -> str:
    return (row.type or CLASSES[0]) if row.tumor else CLASSES[1]
