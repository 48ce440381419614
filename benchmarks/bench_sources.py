"""What a model says of each source and sequence: the table by which recipes are compared.

    python -m benchmarks.bench_sources --manifest split.csv --root DATA --split test \
        --model one.tumorscope --answers one.csv

AUROC where a source has both classes in a sequence, and the shares of outcomes among tumors and
among tumor-free scans, each with its interval over groups. ``--answers`` keeps the answers, so that
the table can be made again without the scans. ``--sets`` takes only some sources.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import bootstrap
from tumorscope.evaluation.statistic import Statistic, roc_auc, share
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.cells import sample_cells
from tumorscope.recipes.model_inputs import SkippedRow, load_rows

COLUMNS: Final = ("set", "sequence", "plane", "group_id", "path", "tumor", "probability", "outcome")
OUTCOMES: Final = ("tumor", "no_tumor", "abstain", "rejected")


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--answers", type=Path, required=True)
    parser.add_argument("--split", nargs="+", default=["test"])
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--most", type=int, default=0, help="of a source, sequence and class")
    options = parser.parse_args()
    if not options.answers.exists():
        rows = [
            row
            for row in read_manifest(options.manifest, root=options.root)
            if row.split in options.split and (not options.sets or row.set in options.sets)
        ]
        unlabeled = [row for row in rows if row.tumor is None]
        taken = [*sample_cells(rows, options.most, seed=0), *(unlabeled if options.most else [])]
        _write(options.answers, _answer(taken, options.root, load_model(options.model)))
    _print(list(csv.DictReader(options.answers.open(encoding="utf-8"))))


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
            "group_id": row.group_id,
            "path": row.name,
            "tumor": row.tumor,
            "probability": probability,
            "outcome": answer.outcome,
        }


def _write(path: Path, answers: Iterator[dict[str, object]]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(answers)
    partial.replace(path)


def _print(rows: list[dict[str, str]]) -> None:
    print("| source, sequence | images; groups | AUROC | tumors: called tumor, abstain, rejected |")
    print("| none: called tumor, no tumor, abstain, rejected |\n|---|---|---|---|---|")
    cells: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        cells.setdefault(f"{row['set']} {row['sequence']}", []).append(row)
        cells.setdefault(f"{row['set']} all", []).append(row)
    for name, cell in sorted(cells.items()):
        print(
            f"| {name} | {_counts(cell)} | {_auroc(cell)} | {_shares(cell, '1')} "
            f"| {_shares(cell, '0') or _shares(cell, '')} |"
        )


def _counts(cell: list[dict[str, str]]) -> str:
    return f"{len(cell)}; {len({row['group_id'] for row in cell})}"


def _auroc(cell: list[dict[str, str]]) -> str:
    labeled = [row for row in cell if row["tumor"]]
    tumor = np.array([int(row["tumor"]) for row in labeled])
    if len(set(tumor.tolist())) < 2:
        return ""
    groups = np.array([row["group_id"] for row in labeled])
    score = np.array([float(row["probability"]) for row in labeled])
    everything = np.ones(len(labeled), np.bool_)
    return _show(roc_auc(tumor, score, groups, rows=everything), groups)


def _shares(cell: list[dict[str, str]], label: str) -> str:
    of_class = [row for row in cell if row["tumor"] == label]
    if not of_class:
        return ""
    groups = np.array([row["group_id"] for row in of_class])
    everything = np.ones(len(of_class), np.bool_)
    outcomes = np.array([row["outcome"] for row in of_class])
    wanted = OUTCOMES if label != "1" else ("tumor", "abstain", "rejected")
    shares = (share(outcomes == one, groups, rows=everything) for one in wanted)
    return ", ".join(_show(one, groups) for one in shares)


def _show(statistic: Statistic, groups: NDArray[np.str_]) -> str:
    estimate = bootstrap({"one": statistic}, groups)["one"]
    return f"{estimate.estimate:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


if __name__ == "__main__":
    main()
