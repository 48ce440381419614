"""Two models on the same scans: each set's AUROC of both, and the difference with its interval.

    python -m benchmarks.compare_models ONE OTHER

ONE and OTHER are the folders that ``tumorscope evaluate`` has written for two models on the same
split. The difference is taken on the same resamples of whole groups, so what makes a group easy or
hard for both does not widen its interval. Scans that only one could read are left out.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.print_difference import print_difference
from numpy.typing import NDArray

from tumorscope.evaluation.statistic import roc_auc, share
from tumorscope.labels import TUMOR_TYPES

KEY: Final = ("source", "slice_index", "plane")
"""What a scan is found by in both reports."""

Row = dict[str, str]
Answers = tuple[NDArray[np.float64], NDArray[np.bool_]]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("one", "other"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    rows, answers = read_both(options.one, options.other)
    names = [_model(folder) for folder in (options.one, options.other)]
    print(f"{len(rows)} images; one: {names[0]}, other: {names[1]}")
    print("| | metric | images; groups | one | other | one less other |\n|---|---|---|---|---|---|")
    parts = {"all": np.ones(len(rows), np.bool_)} | {
        name: np.array([row["set"] == name for row in rows])
        for name in sorted({row["set"] for row in rows})
    }
    for name, of_part in parts.items():
        _report(name, rows, answers, of_part)


def read_both(one: Path, other: Path) -> tuple[list[Row], list[Answers]]:
    """Return the rows of both reports, and of each its probabilities and whether types are right.

    Raises
    ------
    SystemExit
        If they have no scan in common, or say different things of one.
    """
    tables = [_read(folder) for folder in (one, other)]
    common = [key for key in tables[0] if key in tables[1]]
    if not common:
        raise SystemExit(f"{one} and {other} have no scan in common.")
    rows = [tables[0][key] for key in common]
    for row, key in zip(rows, common, strict=True):
        if any(row[name] != tables[1][key][name] for name in ("group_id", "tumor", "type")):
            raise SystemExit(f"{one} and {other} differ in what they say of {key[0]}.")
    return rows, [_answers([table[key] for key in common]) for table in tables]


def _read(folder: Path) -> dict[tuple[str, ...], Row]:
    with (folder / "predictions.csv").open(encoding="utf-8") as stream:
        return {tuple(row[name] for name in KEY): row for row in csv.DictReader(stream)}


def _model(folder: Path) -> str:
    report = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    return str(report["provenance"]["model_sha256"])[:8]


def _answers(rows: Sequence[Row]) -> Answers:
    types = np.array([[float(row[f"probability_{name}"]) for name in TUMOR_TYPES] for row in rows])
    hits = [TUMOR_TYPES[at] == row["type"] for at, row in zip(types.argmax(1), rows, strict=True)]
    return np.array([float(row["probability_tumor"]) for row in rows]), np.array(hits)


def _report(
    name: str, rows: Sequence[Row], answers: Sequence[Answers], chosen: NDArray[np.bool_]
) -> None:
    kept = [row for row, is_chosen in zip(rows, chosen, strict=True) if is_chosen]
    groups = np.array([row["group_id"] for row in kept])
    tumor = np.array([int(row["tumor"]) for row in kept])
    typed = np.array([row["type"] in TUMOR_TYPES for row in kept])
    everything = np.ones(len(kept), np.bool_)
    if len(set(tumor)) > 1:
        pair = [roc_auc(tumor, scores[chosen], groups, rows=everything) for scores, _ in answers]
        print_difference(name, "AUROC", pair, groups)
    if typed.any():
        pair = [share(hits[chosen], groups, rows=typed) for _, hits in answers]
        print_difference(name, "type, accuracy", pair, groups)


if __name__ == "__main__":
    main()
