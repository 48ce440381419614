"""What several sequences say together against each alone, at the same place of the same patient.

    python -m benchmarks.bench_sources --manifest split.csv --root DATA --model one.tumorscope \
        --sets lgg --split test --answers lgg.csv
    python -m benchmarks.bench_study --answers lgg.csv

Whole studies without a tumor are rare in public data with several sequences, so the rule of the
study answer is tried on slices: those of one patient that lie at one place, one of each sequence,
take the place of its series. Prints the AUROC of each sequence alone and of all together, and how
much the latter is above the best alone, with intervals over patients.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.evaluation.intervals import Estimate, bootstrap
from tumorscope.evaluation.statistic import Statistic, less, roc_auc
from tumorscope.model.study import WORTH

SEQUENCE_IN_NAME: Final = re.compile(r"_(FLAIR|T1C|T1CE|T1|T2)(?=[_.])", re.IGNORECASE)
_LEAST: Final = 1e-7


def main() -> None:
    """Print a table for each data set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=Path, required=True)
    options = parser.parse_args()
    with options.answers.open(encoding="utf-8") as stream:
        rows = [row for row in csv.DictReader(stream) if row["tumor"] and row["sequence"] in WORTH]
    for name in sorted({row["set"] for row in rows}):
        _print(name, [row for row in rows if row["set"] == name])


def _print(name: str, rows: Sequence[dict[str, str]]) -> None:
    places: dict[str, dict[str, dict[str, str]]] = {}
    for row in rows:
        place = SEQUENCE_IN_NAME.sub("", row["path"])
        places.setdefault(place, {})[row["sequence"]] = row
    for wanted in (("FLAIR", "T1+C"), ("FLAIR", "T1+C", "T1"), ("FLAIR", "T1+C", "T2", "T1")):
        whole = [
            [place[one] for one in wanted]
            for place in places.values()
            if all(one in place for one in wanted)
        ]
        if len({place[0]["tumor"] for place in whole}) == 2:
            _line(name, wanted, whole)


def _line(name: str, wanted: Sequence[str], places: Sequence[Sequence[dict[str, str]]]) -> None:
    truth = np.array([max(int(row["tumor"]) for row in place) for place in places])
    groups = np.array([place[0]["unit"] for place in places])
    values = np.array([[float(row["probability"]) for row in place] for place in places])
    clipped = np.clip(values, _LEAST, 1 - _LEAST)
    logits = np.log(clipped / (1 - clipped))
    weights = np.array([WORTH[one] for one in wanted])
    together = logits @ weights / weights.sum()
    alone = [_auroc(truth, column, groups) for column in logits.T]
    fused = _auroc(truth, together, groups)
    found = bootstrap(dict(zip(wanted, alone, strict=True)) | {"together": fused}, groups)
    best = max(range(len(wanted)), key=lambda at: found[wanted[at]].estimate)
    gain = bootstrap({"gain": less(fused, alone[best])}, groups)["gain"]
    shown = ", ".join(f"{one} {_show(found[one])}" for one in (*wanted, "together"))
    print(f"{name}, {len(places)} places, {len(set(groups))} patients: {shown};")
    print(f"    together less {wanted[best]} {_show(gain)}")


def _auroc(
    truth: NDArray[np.int_], score: NDArray[np.float64], groups: NDArray[np.str_]
) -> Statistic:
    return roc_auc(truth, score, groups, rows=np.ones(len(truth), np.bool_))


def _show(one: Estimate) -> str:
    return f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"


if __name__ == "__main__":
    main()
