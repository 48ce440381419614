"""What each data set of a collection holds, in counts: images, tumors, patients, sequences, masks.

    python -m benchmarks.describe_data DATA/manifest.csv DATA/manifest_new.csv

Reads the manifests alone, never an image, and writes ``docs/results/data.json``, from which the
data cards and the table of the training data are filled. Of patients only the count is written.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tumorscope.data.public_sets import set_named
from tumorscope.recipes.provenance import run_record

OUTPUT: Final = Path(__file__).parents[1] / "docs" / "results" / "data.json"

Row = Mapping[str, str]


def describe(rows: Sequence[Row]) -> dict[str, Any]:
    """Count what the rows of one data set hold; empty cells are ``unknown``."""
    labels = Counter({"1": "tumor", "0": "no_tumor"}.get(row["tumor"], "unlabeled") for row in rows)
    patients = {_person(row) for row in rows if row["patient_id"]}
    sides = [int(row[side]) for row in rows for side in ("width", "height") if row[side]]
    return {
        "images": len(rows),
        "tumor": labels["tumor"],
        "no_tumor": labels["no_tumor"],
        "unlabeled": labels["unlabeled"],
        "patients": len(patients),
        "without_patient": sum(not row["patient_id"] for row in rows),
        "masks": sum(bool(row["mask"]) for row in rows),
        "types": _counts(row["type"] for row in rows if row["type"]),
        "sequences": _counts(row["sequence"] or "unknown" for row in rows),
        "smallest_side": min(sides, default=0),
        "largest_side": max(sides, default=0),
    }


def main() -> None:
    """Write the description."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    sets: dict[str, list[Row]] = {}
    for row in _rows(options.manifests):
        sets.setdefault(row["set"], []).append(row)
    hashes = "".join(hashlib.sha256(one.read_bytes()).hexdigest() for one in options.manifests)
    names = " ".join(f"DATA/{one.name}" for one in options.manifests)
    record = run_record(
        f"python -m benchmarks.describe_data {names}",
        data_sha256=hashlib.sha256(hashes.encode()).hexdigest(),
    )
    content = {
        "about": "What the collection holds, by data set; the copies that were used.",
        "run": record,
        "sets": {name: describe(sets[name]) for name in sorted(sets)},
    }
    options.output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _rows(manifests: Sequence[Path]) -> Iterator[Row]:
    for manifest in manifests:
        with manifest.open(newline="", encoding="utf-8") as stream:
            yield from csv.DictReader(stream)


def _person(row: Row) -> str:
    """Return the person; some sets give one several identifiers."""
    pattern = set_named(row["set"]).person_pattern
    found = re.search(pattern, row["patient_id"]) if pattern else None
    return found[1] if found else row["patient_id"]


def _counts(values: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


if __name__ == "__main__":
    main()
