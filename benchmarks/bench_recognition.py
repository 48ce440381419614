"""How often sequence and plane are recognized, inside and with each source held out in turn.

    python -m benchmarks.bench_recognition --manifest split.csv --root DATA --model one.tumorscope \
        --features features.npz

Lines are fitted on the train split's layouts of all sources, or of all other sources, and asked
about the calibration and the test split of each, of which no line has learned more than how sure to
be. Layouts are kept in the file, so that the table can be made again. Prints the share of right
names with its interval over groups.
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
        _table(name, seen)


def _table(name: str, seen: dict[str, Seen]) -> None:
    """Print a line for each source, and one for all."""
    classes = classes_of(seen["train"].rows, name)
    everyone = _joined(seen["calibration"], seen["test"])
    asked = _keep(everyone, labels_of(everyone.rows, name, classes) >= 0)
    truth = labels_of(asked.rows, name, classes)
    source_of = np.array([row.set for row in asked.rows])
    inside = _named(name, classes, seen, asked) == truth
    outside = np.zeros(len(truth), np.bool_)
    for source in np.unique(source_of):
        here = source_of == source
        others = {key: _without(one, str(source)) for key, one in seen.items()}
        outside[here] = _named(name, classes, others, _keep(asked, here)) == truth[here]
        _line(name, str(source), _keep(asked, here), inside[here], outside[here])
    _line(name, "all", asked, inside, outside)


def _seen(
    rows: Sequence[ManifestRow], split: str, options: argparse.Namespace, artifact: Artifact
) -> Seen:
    """Read the layouts of a split, or make and keep them."""
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


def _named(
    name: str, classes: Sequence[str], taught: dict[str, Seen], asked: Seen
) -> NDArray[np.intp]:
    line = fit_lines(name, classes, taught["train"], taught["calibration"])
    return np.asarray(line.logits(asked.layouts).argmax(axis=1))


def _line(
    name: str, source: str, asked: Seen, inside: NDArray[np.bool_], outside: NDArray[np.bool_]
) -> None:
    groups = np.array([row.group_id for row in asked.rows])
    shares = [bootstrap_share(right.astype(np.float64), groups) for right in (inside, outside)]
    cells = [f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in shares]
    print(f"| {name} | {source} | {len(groups)}; {len(set(groups))} | {' | '.join(cells)} |")


def _without(seen: Seen, source: str) -> Seen:
    return _keep(seen, np.array([row.set != source for row in seen.rows]))


def _joined(first: Seen, second: Seen) -> Seen:
    return Seen([*first.rows, *second.rows], np.concatenate([first.layouts, second.layouts]))


def _keep(seen: Seen, rows: NDArray[np.bool_]) -> Seen:
    kept = [row for row, is_kept in zip(seen.rows, rows, strict=True) if is_kept]
    return Seen(kept, seen.layouts[rows])


if __name__ == "__main__":
    main()
