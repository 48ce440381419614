"""Series answers: whole series with a tumor against runs of tumor-free slices.

    python -m benchmarks.bench_series --manifest split.csv --root DATA

Of one split: for each patient and sequence (and plane, of volumes) all slices in their order are a
series with a tumor, if one is marked in it; each unbroken run of at least five tumor-free slices is
one without. Both come from the same heads, so that only the tumor tells them apart.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tumorscope.answer import SeriesPrediction
from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.data.series import LabeledSeries, find_series
from tumorscope.evaluation.intervals import Estimate, bootstrap, bootstrap_share
from tumorscope.evaluation.statistic import roc_auc
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.inputs.volumes import read_slice
from tumorscope.imaging.scan import Scan
from tumorscope.model.classifier import Classifier, SeriesCollector, load_model


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
        if row.split == options.split
    ]
    found = [
        (series, answer.outcome, answer.probabilities)
        for series in find_series(rows)
        for answer in (_answer(series, options.root, classifier),)
    ]
    print("| series | with, without tumor; patients | AUROC | sensitivity | specificity |")
    print("|---|---|---|---|---|")
    for name in ("all", *sorted({series.sequence for series, *_ in found})):
        _line(name, [one for one in found if name in ("all", one[0].sequence)])


def _answer(series: LabeledSeries, root: Path, classifier: Classifier) -> SeriesPrediction:
    collector = SeriesCollector(classifier)
    for place, row in enumerate(series.rows):
        collector.add("series", classifier.answer_scan(_scan(row, root, place)))
    (answer,) = collector.answers()
    return answer


def _scan(row: ManifestRow, root: Path, place: int) -> Scan:
    if row.slice_index is not None and row.plane is not None:
        pixels = read_slice(root / row.path, slice_index=row.slice_index, plane=row.plane)
    else:
        pixels = read_one(root / row.path)[0].pixels
    return Scan(pixels, row.name, slice_index=place, series_uid="series", position_mm=float(place))


def _line(name: str, found: list[tuple[LabeledSeries, str, dict[str, float] | None]]) -> None:
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
