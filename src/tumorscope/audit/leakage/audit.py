"""A training and a test set in, a report on what of the one is in the other out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tumorscope.audit.duplicates.copies import CopyThresholds
from tumorscope.audit.duplicates.descriptor_cache import open_look_cache
from tumorscope.audit.duplicates.findings import (
    CopySearch,
    contradict,
    pair_names,
    search_copies,
    thresholds_record,
)
from tumorscope.audit.duplicates.report import picture_uris, write_pair_report
from tumorscope.audit.leakage.deleaked import measure_deleaked
from tumorscope.audit.leakage.leaks import COPIES, Leak, TrainAndTest, count_leaks, find_leaks
from tumorscope.audit.leakage.predictions import ask_model, read_probabilities
from tumorscope.audit.leakage.report import LeakageFindings, write_leakage_report
from tumorscope.audit.tables import save_table, save_thresholds
from tumorscope.data.collection import Collection, open_collection
from tumorscope.data.pipeline import ensure_groups
from tumorscope.errors import UsageError
from tumorscope.evaluation.intervals import Estimate
from tumorscope.model.classifier import load_model
from tumorscope.system.files import check_output_folder

PICTURE_COLUMNS: Final = (
    *("path", "slice_index", "plane", "tumor", "type", "patient_id", "group_id"),
    *("leak_score", "is_leak_issue", "kind", "match", "match_tumor", "match_type", "change"),
    *("probability_tumor", "error"),
)
DEFAULT_THRESHOLD: Final = 0.5

WITHOUT_EXACT: Final = "without exact copies"
WITHOUT_COPIES: Final = "without any copies"
WITHOUT_RELATIVES: Final = "without copies, relatives and known patients"
ONLY_COPIES: Final = "the copies alone"


@dataclass(frozen=True, slots=True)
class Scores:
    """Where the probabilities of a test set come from.

    Attributes
    ----------
    predictions
        Table as ``tumorscope predict --format csv`` writes it; ``None`` to ask ``model``.
    model
        Artifact; without both nothing is scored.
    operating_point
        Name of the model's threshold.
    threshold
        Probability from which a picture is called tumor; ``None`` for the model's, or 0.5.
    """

    predictions: Path | None = None
    model: Path | None = None
    operating_point: str = "balanced"
    threshold: float | None = None

    def __post_init__(self) -> None:
        if self.predictions is not None and self.model is not None:
            raise UsageError("Give predictions or a model, not both.")
        if self.threshold is not None and not 0 <= self.threshold <= 1:
            raise UsageError(f"The threshold must be from 0 to 1; received {self.threshold}.")

    def of(self, test: Collection) -> tuple[dict[int, float], float]:
        """Return the probabilities by row, and the threshold."""
        if self.predictions is not None:
            found = read_probabilities(self.predictions, test)
            return found, DEFAULT_THRESHOLD if self.threshold is None else self.threshold
        if self.model is None:
            return {}, DEFAULT_THRESHOLD
        classifier = load_model(self.model, operating_point=self.operating_point)
        threshold = classifier.threshold if self.threshold is None else self.threshold
        return ask_model(classifier, test), threshold


def find_leakage(
    train: Path,
    test: Path,
    *,
    output: Path,
    command: str,
    root: Path | None = None,
    cache: Path | None = None,
    thresholds: CopyThresholds | None = None,
    scores: Scores | None = None,
    seed: int = 0,
    thumbnails: bool = False,
    parquet: bool = False,
    overwrite: bool = False,
) -> LeakageFindings:
    """Find what of a test set is in a training set, and what its score is without that.

    Parameters
    ----------
    train, test
        Folders or manifests.
    output
        Report folder.
    command
        The command that makes the report; its first line.
    root
        Folder that the paths of manifests start from.
    cache
        File that keeps what was measured.
    scores
        Where probabilities come from; without them only the leak is told.
    thumbnails
        Whether ``pairs.html`` shows small pictures.

    Raises
    ------
    UsageError
        If predictions do not fit the test set, or the report cannot be written where it should
        be.
    """
    check_output_folder(output, overwrite=overwrite)
    scores = scores or Scores()
    opened = open_collection(train, root), open_collection(test, root)
    probabilities, threshold = scores.of(opened[1])
    sides = TrainAndTest.join(*opened)
    with open_look_cache(cache) as looks:
        search = search_copies(sides.collection, looks, thresholds)
    groups = [row.group_id or "" for row in ensure_groups(opened[1].rows, opened[1].root)]
    tested = _Tested(search, opened[1], find_leaks(search, sides), groups, probabilities)
    findings = _summarize(tested, sides, threshold, seed)
    write_leakage_report(findings, output=output, command=command)
    path = output / f"pictures{'.parquet' if parquet else '.csv'}"
    save_table(path, PICTURE_COLUMNS, tested.picture_rows(), overwrite=overwrite)
    save_thresholds(output / "thresholds.json", thresholds_record(search))
    write_pair_report(
        output / "pairs.html",
        tested.pair_rows(),
        title=f"{findings.test} in {findings.train}",
        facts=tuple(findings.verdicts())[:2],
        pictures=tested.pictures() if thumbnails else None,
        overwrite=overwrite,
    )
    return findings


@dataclass(frozen=True, slots=True)
class _Tested:
    """The test set with all that was found of it; lists by index of its rows."""

    search: CopySearch
    test: Collection
    leaks: Sequence[Leak]
    groups: Sequence[str]
    probabilities: Mapping[int, float]

    @property
    def scored(self) -> list[int]:
        """Rows with a label and a probability."""
        rows = self.test.rows
        return [index for index in sorted(self.probabilities) if rows[index].tumor is not None]

    def picture_rows(self) -> list[dict[str, Any]]:
        """Return a row per picture with the keys of :data:`PICTURE_COLUMNS`."""
        return [self._picture_row(index) for index in range(len(self.leaks))]

    def pair_rows(self) -> list[dict[str, Any]]:
        """Return a row per leak, as the page of pairs shows them; the most alike first."""
        leaks = [leak for leak in self.leaks if leak.match is not None]
        return [self._pair_row(leak) for leak in sorted(leaks, key=lambda one: -_score(one))]

    def pictures(self) -> dict[str, str]:
        """Return small pictures of all that stands in a pair, by name."""
        return picture_uris(
            self.search.collection,
            {one for leak in self.leaks if leak.match is not None for one in _pair(leak)},
        )

    def _picture_row(self, index: int) -> dict[str, Any]:
        row, leak = self.test.rows[index], self.leaks[index]
        match = None if leak.match is None else self.search.collection.rows[leak.match]
        known = {column: getattr(row, column, None) for column in PICTURE_COLUMNS}
        return known | {
            "group_id": self.groups[index],
            "leak_score": round(1 - _score(leak), 4),
            "is_leak_issue": leak.kind in COPIES,
            "kind": leak.kind,
            "match": None if match is None else match.name,
            "match_tumor": None if match is None else match.tumor,
            "match_type": None if match is None else match.type,
            "change": leak.change or None,
            "probability_tumor": self.probabilities.get(index),
            "error": self.search.failures.get(leak.picture),
        }

    def _pair_row(self, leak: Leak) -> dict[str, Any]:
        match, picture = (self.search.collection.rows[one] for one in _pair(leak))
        return {
            "verdict": "same picture" if leak.kind in COPIES else "relative",
            "score": round(_score(leak), 4),
            "change": f"{leak.kind}: {leak.change}" if leak.change else leak.kind,
            **pair_names(match, picture),
            "is_contradiction": leak.kind in COPIES and contradict(match, picture),
        }


def _summarize(
    tested: _Tested, sides: TrainAndTest, threshold: float, seed: int
) -> LeakageFindings:
    rows = sides.collection.rows
    scored = tested.scored
    return LeakageFindings(
        train=rows[0].set,
        test=rows[-1].set,
        n_train=sides.n_train,
        n_test=len(tested.leaks),
        counts={str(kind): count for kind, count in count_leaks(tested.leaks).items()},
        scores=_measure(tested, threshold, seed) if scored else {},
        threshold=threshold,
        n_unscored=len(tested.leaks) - len(scored),
        left_out={rows[index].name: reason for index, reason in tested.search.failures.items()},
    )


def _measure(tested: _Tested, threshold: float, seed: int) -> dict[str, dict[str, Estimate]]:
    scored = tested.scored
    kinds = np.array([tested.leaks[index].kind for index in scored])
    is_copy = np.isin(kinds, sorted(COPIES))
    return measure_deleaked(
        np.array([tested.test.rows[index].tumor for index in scored]),
        np.array([tested.probabilities[index] for index in scored]),
        np.array([tested.groups[index] for index in scored]),
        {
            WITHOUT_EXACT: kinds != "exact copy",
            WITHOUT_COPIES: ~is_copy,
            WITHOUT_RELATIVES: kinds == "none",
            ONLY_COPIES: is_copy,
        },
        threshold=threshold,
        seed=seed,
    )


def _pair(leak: Leak) -> tuple[int, int]:
    return leak.picture if leak.match is None else leak.match, leak.picture


def _score(leak: Leak) -> float:
    return 0.0 if math.isnan(leak.score) else leak.score
