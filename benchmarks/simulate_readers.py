"""Made-up readers: a worked example for ``tumorscope readers``, and whether its intervals hold.

    python -m benchmarks.simulate_readers --folder example --readers 5 --cases 120
    python -m benchmarks.simulate_readers --coverage 100

Roe and Metz's model (1997, doi 10.1016/S1076-6332(97)80210-3): what a reader sees of a case is the
sum of whether it is a tumor, how hard the case is, how the reader is, and chance. The first form
writes exports as the page does. The second counts, over studies in which help changes nothing,
how often the interval of the gain holds 0, and writes ``docs/results/readers.json``.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.evaluation.intervals import clopper_pearson
from tumorscope.evaluation.readers import MEASURES, compare
from tumorscope.recipes.provenance import run_record

OUTPUT: Final = Path(__file__).parents[1] / "docs" / "results" / "readers.json"
DESIGNS: Final = ((3, 50), (5, 100))
"""Readers and cases of the studies whose intervals are checked."""

DISTANCE: Final = 1.8
"""Between tumors and others, in standard deviations of a reader's impression."""

STEPS: Final = (0.6, 1.2)
"""Impressions from which a case is unsure, and a tumor."""

SPREADS: Final = {"case": 0.55, "reader": 0.2, "reader and case": 0.35, "chance": 0.75}
READINGS: Final = ("no_tumor", "unsure", "tumor")


def simulate(
    rng: np.random.Generator, *, readers: int, cases: int, gain: float
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return labels (cases,) and readings (2, readers, cases), without and with help."""
    y_true = (np.arange(cases) % 2).astype(np.int_)
    case = rng.normal(0, SPREADS["case"], cases)
    reader = rng.normal(0, SPREADS["reader"], readers)
    both = rng.normal(0, SPREADS["reader and case"], (readers, cases))
    readings = []
    for distance in (DISTANCE, DISTANCE + gain):
        chance = rng.normal(0, SPREADS["chance"], (readers, cases))
        seen = distance * y_true + case + reader[:, None] + both + chance
        readings.append(np.digitize(seen, STEPS))
    return y_true, np.stack(readings)


def write_example(folder: Path, *, readers: int, cases: int, seed: int = 0) -> None:
    """Write a table of the truth and an export for each reader."""
    rng = np.random.default_rng(seed)
    y_true, readings = simulate(rng, readers=readers, cases=cases, gain=0.6)
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"case-{number:03d}.png" for number in range(cases)]
    _write(
        folder / "cases.csv",
        [
            {"source": name, "tumor": int(label), "patient_id": f"p{number:03d}"}
            for number, (name, label) in enumerate(zip(names, y_true, strict=True))
        ],
    )
    for at in range(readers):
        rows = [
            _export_row(name, int(alone), int(helped))
            for name, alone, helped in zip(names, readings[0, at], readings[1, at], strict=True)
        ]
        _write(folder / f"reader-{at + 1}.csv", rows)


def count_coverage(studies: int, *, seed: int = 0) -> dict[str, Any]:
    """Count how often intervals of a gain of 0 hold it, by design and measure."""
    rng = np.random.default_rng(seed)
    found = {}
    for readers, cases in DESIGNS:
        held = dict.fromkeys(MEASURES, 0)
        for _ in range(studies):
            y_true, readings = simulate(rng, readers=readers, cases=cases, gain=0)
            groups = np.arange(cases)
            for measure in MEASURES:
                _, (_, _, gain) = compare(measure, y_true, readings, groups)
                held[measure] += gain.low <= 0 <= gain.high
        for measure, count in held.items():
            low, high = clopper_pearson(count, studies)
            found[f"{readers} readers, {cases} cases/{measure}"] = {
                "estimate": count / studies,
                "low": low,
                "high": high,
                "n": studies,
                "groups": None,
            }
    return found


def main() -> None:
    """Write an example, or count coverage."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--readers", type=int, default=5)
    parser.add_argument("--cases", type=int, default=120)
    parser.add_argument("--coverage", type=int, metavar="STUDIES")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    if options.folder:
        write_example(options.folder, readers=options.readers, cases=options.cases)
    if options.coverage:
        content = {
            "about": "How often the interval of a gain of 0 held it, in simulated reader studies.",
            "run": run_record(
                f"python -m benchmarks.simulate_readers --coverage {options.coverage}",
                data_sha256="none: simulated",
            ),
            "figures": count_coverage(options.coverage),
        }
        options.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _export_row(name: str, alone: int, helped: int) -> dict[str, object]:
    """Return a row of an export whose verdict turns the first answer into the second."""
    sure = helped != 1
    return {
        "kind": "image",
        "source": name,
        "outcome": READINGS[helped] if sure else "abstain",
        "reader_reading": READINGS[alone],
        "reader_verdict": "agree" if sure else "unsure",
        "reader_comment": "",
    }


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
