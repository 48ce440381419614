"""Series answers: whole series with a tumor against runs of tumor-free slices.

    python -m benchmarks.bench_series --manifest split.csv --root DATA [--sets lgg] [--record]

Of one split: for each patient and sequence (and plane, of volumes) all slices in their order are a
series with a tumor, if one is marked in it; each unbroken run of at least five tumor-free slices is
one without. Both come from the same heads, so that only the tumor tells them apart; that holds
for sets whose series have both, so ``--sets`` bounds it to these. ``--record`` puts the figures
into ``docs/results/held_out.json`` as ``series/``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.estimate_cell import estimate_cell
from benchmarks.record import check_training, command_line, record_figures

from tumorscope.answer import Failure, Prediction, SeriesPrediction
from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.data.series import LabeledSeries, find_series
from tumorscope.evaluation.intervals import Estimate, bootstrap, bootstrap_share
from tumorscope.evaluation.statistic import roc_auc
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.inputs.volumes import read_slice_scan
from tumorscope.imaging.scan import Scan
from tumorscope.model.classifier import Classifier, SeriesCollector, load_model

METRICS = ("auroc", "sensitivity", "specificity")

Found = tuple[LabeledSeries, SeriesPrediction]


def main() -> None:
    """Measure and print one line for each sequence and one for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--sets", nargs="+", help="default all of the split")
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    if options.record and options.split != "test":
        parser.error("figures of the documents are of the split test")
    classifier = load_model(options.model)
    everything = read_manifest(options.manifest, root=options.root)
    if options.record:
        check_training(everything, classifier)
    rows = [
        row
        for row in everything
        if row.split == options.split and (options.sets is None or row.set in options.sets)
    ]
    found = _answers(rows, options.root, classifier)
    figures = report(found)
    if options.record:
        measured = {row.name: row for series, _ in found for row in series.rows}
        record_figures(
            "series/",
            figures,
            command=command_line("benchmarks.bench_series"),
            rows=list(measured.values()),
            model_sha256=classifier.identity.sha256,
        )


def _answers(rows: Sequence[ManifestRow], root: Path, classifier: Classifier) -> list[Found]:
    known: dict[str, Prediction | Failure] = {}
    return [(series, _answer(series, root, classifier, known)) for series in find_series(rows)]


def _answer(
    series: LabeledSeries,
    root: Path,
    classifier: Classifier,
    known: dict[str, Prediction | Failure],
) -> SeriesPrediction:
    """Answer a series; keep the answers of its slices, for runs of them are series, too."""
    collector = SeriesCollector(classifier)
    for place, row in enumerate(series.rows):
        if row.name not in known:
            known[row.name] = classifier.answer_scan(_scan(row, root, place))
        collector.add("series", known[row.name])
    (answer,) = collector.answers()
    return answer


def _scan(row: ManifestRow, root: Path, place: int) -> Scan:
    if row.slice_index is not None and row.plane is not None:
        pixels = read_slice_scan(
            root / row.path, slice_index=row.slice_index, plane=row.plane
        ).pixels
    else:
        pixels = read_one(root / row.path)[0].pixels
    return Scan(pixels, row.name, slice_index=place, series_uid="series", position_mm=float(place))


def report(found: Sequence[Found]) -> dict[str, Estimate]:
    """Print a table; return its cells by their name in the documents."""
    print("| series | with, without tumor; patients | AUROC | sensitivity | specificity |")
    print("|---|---|---|---|---|")
    figures = {}
    for name in ("all", *sorted({series.sequence for series, _ in found})):
        part = [one for one in found if name in ("all", one[0].sequence)]
        tumor = sum(series.tumor for series, _ in part)
        patients = len({series.patient for series, _ in part})
        measured = measure_series(part)
        cells = [estimate_cell(measured[key]) if key in measured else "-" for key in METRICS]
        counts = f"{tumor}, {len(part) - tumor}; {patients}"
        print(f"| {' | '.join((name, counts, *cells))} |")
        figures |= {f"{name}/{metric}": one for metric, one in measured.items()}
    return figures


def measure_series(found: Sequence[Found]) -> dict[str, Estimate]:
    """Return AUROC, sensitivity and specificity, as far as the classes present allow."""
    tumor = np.array([series.tumor for series, _ in found])
    groups = np.array([series.patient for series, _ in found])
    # A rejected series has no probability; it is no finding of a tumor.
    score = np.array([one.probabilities["tumor"] if one.probabilities else 0.0 for _, one in found])
    called = np.array([one.outcome == "tumor" for _, one in found])
    figures = {}
    if len(np.unique(tumor)) > 1:
        whole = np.ones(len(tumor), np.bool_)
        area = {"auroc": roc_auc(tumor, score, groups, rows=whole)}
        figures |= bootstrap(area, groups)
    for label, name, hits in ((1, "sensitivity", called), (0, "specificity", ~called)):
        of_label = tumor == label
        if of_label.any():
            figures[name] = bootstrap_share(hits[of_label].astype(float), groups[of_label])
    return figures


if __name__ == "__main__":
    main()
