"""How often sequence and plane are recognized, inside and with each source held out in turn.

    python -m benchmarks.bench_recognition --manifest split.csv --root DATA --model one.tumorscope \
        --features features.npz

Lines are fitted on the train split's features of all sources, or of all other sources, and asked
about the test split of each. Features are kept in the file, so that the table can be made again.
Prints the share of right names with its interval over groups.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import bootstrap_share
from tumorscope.model.artifact import Artifact, read_artifact
from tumorscope.model.recognition import RECOGNIZED
from tumorscope.recipes.recognition import (
    MOST_OF_CELL,
    Seen,
    classes_of,
    fit_lines,
    labels_of,
    see,
    spread_cells,
)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "features"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    rows = read_manifest(options.manifest, root=options.root)
    artifact = read_artifact(options.model)
    seen = {
        "train": _seen(rows, "train", options, artifact),
        "calibration": _seen(rows, "calibration", options, artifact),
        "test": _seen(rows, "test", options, artifact),
    }
    print("| what | source | scans; groups | all sources | without this source |")
    print("|---|---|---|---|---|")
    for name in RECOGNIZED:
        classes = classes_of(seen["train"].rows, name)
        sources = sorted({row.set for row in seen["test"].rows})
        for source in sources:
            asked = _take(seen["test"], source, inside=True)
            known = labels_of(asked.rows, name, classes) >= 0
            if known.any():
                _line(name, classes, source, seen, _keep(asked, known))


def _seen(
    rows: Sequence[ManifestRow], split: str, options: argparse.Namespace, artifact: Artifact
) -> Seen:
    """Read the features of a split, or make and keep them."""
    most = MOST_OF_CELL["train" if split == "train" else "calibration"]
    taken = spread_cells(rows, split, most)  # type: ignore[arg-type]
    path = options.features.with_stem(f"{options.features.stem}-{split}")
    by_name = {row.name: row for row in taken}
    if not path.exists():
        found = see(taken, options.root, artifact, changed=split == "train")
        names = np.array([row.name for row in found.rows])
        np.savez(path, names=names, layouts=found.layouts)
    with np.load(path) as kept:
        return Seen([by_name[str(name)] for name in kept["names"]], kept["layouts"])


def _line(
    name: str, classes: Sequence[str], source: str, seen: dict[str, Seen], asked: Seen
) -> None:
    truth = labels_of(asked.rows, name, classes)
    groups = np.array([row.group_id for row in asked.rows])
    cells = []
    for keep in (seen, {key: _take(one, source, inside=False) for key, one in seen.items()}):
        line = fit_lines(name, classes, keep["train"], keep["calibration"])
        right = line.logits(asked.layouts).argmax(axis=1) == truth
        found = bootstrap_share(right.astype(np.float64), groups)
        cells.append(f"{found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]")
    print(f"| {name} | {source} | {len(truth)}; {len(set(groups))} | {' | '.join(cells)} |")


def _take(seen: Seen, source: str, *, inside: bool) -> Seen:
    return _keep(seen, np.array([(row.set == source) == inside for row in seen.rows]))


def _keep(seen: Seen, rows: NDArray[np.bool_]) -> Seen:
    kept = [row for row, is_kept in zip(seen.rows, rows, strict=True) if is_kept]
    return Seen(kept, seen.layouts[rows])


if __name__ == "__main__":
    main()
