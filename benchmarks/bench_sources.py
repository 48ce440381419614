"""What a model says of each source and sequence: the table by which recipes are compared.

    python -m benchmarks.bench_sources --manifest split.csv --root DATA --split external \
        --model twin.tumorscope --answers twin.csv --record

AUROC where a source has both classes in a sequence, the shares of outcomes among tumors and among
tumor-free scans, and what ``rule_out`` and ``rule_in`` promise of their probabilities; each with
its interval over patients, and where a patient is not known over groups of similar images. (Splits
keep groups together, which may join the patients of several sources.) ``--answers`` keeps the
answers, so that the table can be made again without the scans. ``--beside OTHER.csv`` prints what
differs from the answers of another model to the same scans. ``--sets`` takes only some sources.
``--record`` writes the figures of ``sources held out/`` in ``docs/results/held_out.json``; sources
that the model learned from are refused.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.bench_unseen import check_unseen
from benchmarks.print_difference import print_difference
from benchmarks.record import command_line, record_figures
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap
from tumorscope.evaluation.statistic import (
    expected_calibration_error,
    roc_auc,
    sensitivity_at_specificity,
    share,
)
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.operating_point import RULE_IN, RULE_OUT
from tumorscope.recipes.cells import sample_cells
from tumorscope.recipes.model_inputs import SkippedRow, load_rows

COLUMNS: Final = ("set", "sequence", "plane", "path", "unit", "tumor", "probability", "outcome")
"""Of the file of answers; ``unit`` is the patient, or what stands for one."""
OUTCOMES: Final = ("tumor", "no_tumor", "abstain", "rejected")
CLASSES: Final = ("0", "1")
EVERYTHING: Final = "all sources"

Row = Mapping[str, str]


def main() -> None:
    """Print a table, and record it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--split", nargs="+", default=["test"])
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--most", type=int, default=0, help="of a source, sequence and class")
    parser.add_argument("--beside", type=Path, help="answers of another model")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.split in options.split and (not options.sets or row.set in options.sets)
    ]
    model = load_model(options.model)
    if options.record:
        check_unseen(sorted({row.set for row in rows}), model)
    if not options.answers.exists():
        unlabeled = [row for row in rows if row.tumor is None]
        taken = [*sample_cells(rows, options.most, seed=0), *(unlabeled if options.most else [])]
        _write(options.answers, _answer(taken, options.root, model))
    answers = _read(options.answers)
    found = figures(answers, model.manifest.operating_points)
    for name, one in found.items():
        size = f"{one.n_images}; {one.n_groups}"
        print(f"| {name} | {one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}] | {size} |")
    if options.beside:
        compare(answers, _read(options.beside))
    if options.record:
        answered = {one["path"] for one in answers}
        record_figures(
            "sources held out/",
            found,
            command=command_line("benchmarks.bench_sources"),
            rows=[row for row in rows if row.name in answered],
            model_sha256=model.identity.sha256,
        )


def figures(rows: Sequence[Row], points: Mapping[str, float]) -> dict[str, Estimate]:
    """Return AUROC and shares of outcomes by source and sequence, with intervals over units.

    Names are ``SOURCE/SEQUENCE/METRIC``; of tumor-free scans ``free OUTCOME``; of thresholds
    ``rule_out sensitivity`` and ``rule_in specificity``. What a cell has no scans for is absent.

    Parameters
    ----------
    points
        Thresholds of the model by the name of the operating point.
    """
    return {
        f"{cell}/{metric}": estimate
        for cell, of_cell in _cells(rows).items()
        for metric, estimate in (*_metrics(of_cell), *_kept(of_cell, points))
    }


def _cells(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Return the rows of each source and sequence, of each source, and all."""
    cells: dict[str, list[Row]] = {}
    for row in rows:
        for name in (f"{row['set']}/{row['sequence']}", f"{row['set']}/all", f"{EVERYTHING}/all"):
            cells.setdefault(name, []).append(row)
    return dict(sorted(cells.items()))


def _metrics(cell: Sequence[Row]) -> Iterator[tuple[str, Estimate]]:
    labeled = [row for row in cell if row["tumor"]]
    tumor = np.array([int(row["tumor"]) for row in labeled])
    if len(set(tumor.tolist())) == len(CLASSES):
        score = np.array([float(row["probability"]) for row in labeled])
        groups, rows = _groups(labeled), np.ones(len(labeled), np.bool_)
        ranked = {
            "auroc": roc_auc(tumor, score, groups, rows=rows),
            "sensitivity_at_specificity_95": sensitivity_at_specificity(
                tumor, score, groups, rows=rows, specificity=0.95
            ),
            "expected_calibration_error": expected_calibration_error(tumor, score, rows=rows),
        }
        yield from bootstrap(ranked, groups).items()
    for label, prefix in (("1", ""), ("0", "free "), ("", "unlabeled ")):
        of_class = [row for row in cell if row["tumor"] == label]
        if of_class:
            groups, rows = _groups(of_class), np.ones(len(of_class), np.bool_)
            outcomes = np.array([row["outcome"] for row in of_class])
            shares = {
                f"{prefix}{one}": share(outcomes == one, groups, rows=rows) for one in OUTCOMES
            }
            yield from bootstrap(shares, groups).items()


def compare(rows: Sequence[Row], others: Sequence[Row]) -> None:
    """Print AUROC and what is called ``tumor`` of both models, and the difference of each.

    Raises
    ------
    SystemExit
        If the others are not answers to the same scans.
    """
    by_path = {row["path"]: row for row in others}
    if set(by_path) != {row["path"] for row in rows}:
        raise SystemExit("--beside has answers to other scans; ask both models of the same ones.")
    pairs = [(row, by_path[row["path"]]) for row in rows]
    print("| | metric | images; units | one | other | one less other |\n|---|---|---|---|---|---|")
    for cell, members in _cells(rows).items():
        paths = {row["path"] for row in members}
        _print_differences(cell, [pair for pair in pairs if pair[0]["path"] in paths])


def _print_differences(cell: str, pairs: Sequence[tuple[Row, Row]]) -> None:
    groups = _groups([row for row, _ in pairs])
    labels = np.array([row["tumor"] for row, _ in pairs])
    is_of = {label: labels == label for label in CLASSES}
    models = [[pair[side] for pair in pairs] for side in (0, 1)]
    if all(rows.any() for rows in is_of.values()):
        tumor, rows = (labels == "1").astype(int), labels != ""
        scores = [np.array([float(row["probability"]) for row in of_one]) for of_one in models]
        one, other = (roc_auc(tumor, score, groups, rows=rows) for score in scores)
        print_difference(cell, "AUROC", (one, other), groups)
    calls = [np.array([row["outcome"] == "tumor" for row in of_one]) for of_one in models]
    for label, name in (("1", "tumors called"), ("0", "tumor-free called")):
        if is_of[label].any():
            one, other = (share(called, groups, rows=is_of[label]) for called in calls)
            print_difference(cell, name, (one, other), groups)


def _kept(cell: Sequence[Row], points: Mapping[str, float]) -> Iterator[tuple[str, Estimate]]:
    """Measure what the names of operating points promise, with what is rejected among it."""
    for label, point, metric in (("1", RULE_OUT, "sensitivity"), ("0", RULE_IN, "specificity")):
        of_class = [row for row in cell if row["tumor"] == label]
        if of_class and point in points:
            is_called = np.array([float(row["probability"]) >= points[point] for row in of_class])
            hits = is_called if label == "1" else ~is_called
            rate = share(hits, _groups(of_class), rows=np.ones(len(hits), np.bool_))
            yield from bootstrap({f"{point} {metric}": rate}, _groups(of_class)).items()


def _groups(rows: Sequence[Row]) -> NDArray[np.str_]:
    return np.array([row["unit"] for row in rows])


def _unit(row: ManifestRow) -> str:
    """Return the patient, else the group, else the image."""
    if row.patient_id is not None:
        return f"{row.set}/{row.patient_id}"
    return row.group_id or row.name


def _answer(
    rows: Sequence[ManifestRow], root: Path, model: Classifier
) -> Iterator[dict[str, object]]:
    for item in load_rows(rows, root, model.manifest.preprocessing):
        if isinstance(item, SkippedRow):
            print(f"left out: {item.name}: {item.reason}")
            continue
        answer = model.predict_scan(item.scan)
        row = item.row
        if answer.probabilities is None:
            probability = float(model.calibrate(model.run(item.canvas[None])[0])[0])
        else:
            probability = answer.probabilities["tumor"]
        yield {
            "set": row.set,
            "sequence": row.sequence,
            "plane": row.plane,
            "path": row.name,
            "unit": _unit(row),
            "tumor": row.tumor,
            "probability": probability,
            "outcome": answer.outcome,
        }


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _write(path: Path, answers: Iterator[dict[str, object]]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(answers)
    partial.replace(path)


if __name__ == "__main__":
    main()
