"""Series answers: whole series with a tumor against runs of tumor-free slices.

    python -m benchmarks.bench_series --manifest split.csv --root DATA

Of one split: for each patient and sequence (and plane, of volumes) all slices in their order are a
series with a tumor, if one is marked in it; each unbroken run of at least five tumor-free slices is
one without. Both come from the same heads, so that only the tumor tells them apart.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap, bootstrap_share
from tumorscope.evaluation.statistic import roc_auc
from tumorscope.imaging.nifti import read_slice
from tumorscope.imaging.read import read_one
from tumorscope.imaging.scan import Scan
from tumorscope.imaging.sources import natural_key
from tumorscope.model.classifier import Classifier, SeriesCollector, load_model
from tumorscope.model.prediction import Failure, Prediction, SeriesPrediction

RUN = 5
"""Fewer slices are rather a corner of a head than a series."""


@dataclass(frozen=True, slots=True)
class Series:
    """Slices that are answered together."""

    patient: str
    sequence: str
    tumor: int
    rows: tuple[ManifestRow, ...]


def main() -> None:
    """Measure and print one line for each sequence and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    classifier = load_model(options.model)
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.split == options.split and row.tumor is not None and row.patient_id is not None
    ]
    found = [
        (series, answer.outcome, answer.probabilities)
        for stack in _stacks(rows)
        for series, answer in _answers(stack, options.root, classifier)
    ]
    print("| series | with, without tumor; patients | AUROC | sensitivity | specificity |")
    print("|---|---|---|---|---|")
    for name in ("all", *sorted({series.sequence for series, *_ in found})):
        _line(name, [one for one in found if name in ("all", one[0].sequence)])


def _stacks(rows: list[ManifestRow]) -> Iterator[list[ManifestRow]]:
    """Yield the slices of each series in their order; sets of single pictures have none."""

    def key(row: ManifestRow) -> tuple[str, ...]:
        return (row.set, row.patient_id or "", row.sequence or "", row.plane or "")

    def place(row: ManifestRow) -> tuple[object, ...]:
        return natural_key(row.path), row.slice_index or 0

    ordered = sorted(rows, key=lambda row: (key(row), place(row)))
    for _, stack in itertools.groupby(ordered, key):
        slices = list(stack)
        if len(slices) >= RUN and any(row.tumor == 0 for row in slices):
            yield slices


def _answers(
    stack: list[ManifestRow], root: Path, classifier: Classifier
) -> Iterator[tuple[Series, SeriesPrediction]]:
    slices = [
        (row, classifier.answer_scan(_scan(row, root, place))) for place, row in enumerate(stack)
    ]
    first = stack[0]
    patient, sequence = f"{first.set}/{first.patient_id}", first.sequence or "unknown"
    if any(row.tumor == 1 for row in stack):
        yield from _answer(classifier, patient, sequence, 1, slices)
    for tumor, run in itertools.groupby(slices, lambda one: one[0].tumor):
        members = list(run)
        if tumor == 0 and len(members) >= RUN:
            yield from _answer(classifier, patient, sequence, 0, members)


def _answer(
    classifier: Classifier,
    patient: str,
    sequence: str,
    tumor: int,
    slices: list[tuple[ManifestRow, Prediction | Failure]],
) -> Iterator[tuple[Series, SeriesPrediction]]:
    collector = SeriesCollector(classifier)
    for _, answer in slices:
        collector.add("series", answer)
    for answer in collector.answers():
        yield Series(patient, sequence, tumor, tuple(row for row, _ in slices)), answer


def _scan(row: ManifestRow, root: Path, place: int) -> Scan:
    if row.slice_index is not None and row.plane is not None:
        pixels = read_slice(root / row.path, slice_index=row.slice_index, plane=row.plane)
    else:
        pixels = read_one(root / row.path)[0].pixels
    return Scan(pixels, row.name, slice_index=place, series_uid="series", position_mm=float(place))


def _line(name: str, found: list[tuple[Series, str, dict[str, float] | None]]) -> None:
    tumor = np.array([series.tumor for series, *_ in found])
    groups = np.array([series.patient for series, *_ in found])
    # A rejected series has no probability; it is no finding of a tumor.
    score = np.array([one["tumor"] if one else 0.0 for *_, one in found])
    called = np.array([outcome == "tumor" for _, outcome, _ in found])
    cells = [f"{name}", f"{tumor.sum()}, {(1 - tumor).sum()}; {len(np.unique(groups))}"]
    if 0 < tumor.sum() < len(tumor):
        whole = np.ones(len(tumor), np.bool_)
        area = bootstrap({"auc": roc_auc(tumor, score, groups, rows=whole)}, groups)["auc"]
        cells.append(_words(area))
    else:
        cells.append("-")
    for label, hits in ((1, called), (0, ~called)):
        of_label = tumor == label
        cells.append(
            _words(bootstrap_share(hits[of_label].astype(float), groups[of_label]))
            if of_label.any()
            else "-"
        )
    print(f"| {' | '.join(cells)} |")


def _words(one: Estimate) -> str:
    few = " †" if one.has_few_groups else ""
    return f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]{few}"


if __name__ == "__main__":
    main()
