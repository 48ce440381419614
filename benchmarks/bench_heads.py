"""What a model says of whole heads without a tumor, slice by slice, and of their vertex.

    tumorscope predict DATA/tumor_free_volumes --format json > heads.jsonl
    python -m benchmarks.bench_heads heads.jsonl --manifest split.csv --root DATA

A slice is at the vertex where it lies above those that a volume with a tumor is cut into. Prints a
table by side of the split, as heads that were learned from say little about others, with intervals
over heads.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tumorscope.data.manifest import read_manifest
from tumorscope.data.volumes import choose_slices
from tumorscope.evaluation.intervals import bootstrap_share
from tumorscope.imaging.inputs.volumes import read_volume

OUTCOMES: Final = ("no_tumor", "abstain", "tumor", "rejected")

Answer = Mapping[str, Any]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("answers", type=Path, help="what predict --format json printed")
    parser.add_argument("--manifest", type=Path, required=True, help="tells the side of a volume")
    parser.add_argument("--root", type=Path, required=True)
    options = parser.parse_args()
    rows = read_manifest(options.manifest, root=options.root)
    side_of = {Path(row.path).name: row.split for row in rows}
    answers = [json.loads(line) for line in options.answers.read_text("utf-8").splitlines()]
    sides = defaultdict(list)
    for one in answers:
        sides[side_of[Path(one["source"]).name]].append(one)
    print("| split | what | n; heads |", " | ".join(OUTCOMES), "|")
    for side, of_side in sides.items():
        for what, taken in _parts(of_side).items():
            _line(str(side), what, taken)


def _parts(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    slices = [one for one in answers if one["kind"] == "image"]
    top = {source: _top(Path(source)) for source in {one["source"] for one in slices}}
    return {
        "series": [one for one in answers if one["kind"] == "series"],
        "slices": slices,
        "vertex": [one for one in slices if one["slice_index"] > top[one["source"]]],
    }


def _top(path: Path) -> int:
    return max(choose_slices(read_volume(path), "axial"))


def _line(side: str, what: str, answers: Sequence[Answer]) -> None:
    heads = np.array([_head(one) for one in answers])
    cells = " | ".join(_shares(answers, heads))
    print(f"| {side} | {what} | {len(answers)}; {len(set(heads))} | {cells} |")


def _shares(answers: Sequence[Answer], heads: Any) -> Iterator[str]:
    for outcome in OUTCOMES:
        found = np.array([one["outcome"] == outcome for one in answers])
        share = bootstrap_share(found, heads)
        yield f"{share.estimate:.3f} [{share.low:.3f}, {share.high:.3f}]"


def _head(answer: Answer) -> str:
    """Return the subject: volumes of one differ in what follows the first underscore."""
    return Path(answer["source"]).name.split("_")[0]


if __name__ == "__main__":
    main()
