"""The type of tumors that no training has seen: five folds of figshare by patient.

    python -m benchmarks.bench_type_folds --manifest split.csv --root DATA --weights VGG16.npz \
        --folder RUNS

Each fold trains the network anew from VGG16's ImageNet weights, on the other patients of figshare
and, since figshare has no image without a tumor, on tumor-free T1+C slices of lgg. No web archive
takes part: they hold pictures of figshare's patients under other names. The last epoch counts,
whatever its loss: figshare against lgg is easily told, and would choose too early. The fold left
out is looked at once. A killed run goes on where it was when it is called again.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
from benchmarks.estimate_cell import estimate_cell
from sklearn.model_selection import StratifiedGroupKFold

from tumorscope.data.manifest import ManifestRow, read_manifest, write_manifest
from tumorscope.evaluation.intervals import bootstrap_share
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.labels import TUMOR_TYPES
from tumorscope.recipes.model_inputs import load_examples
from tumorscope.recipes.train import train
from tumorscope.training.checkpoint import Arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.onnx_graph import build_graph

FOLDS = 5
VAL_FOLDS = 20
"""One of them is looked at after each epoch, and nothing is chosen by it."""

TUMOR_FREE_STEP = 3
"""Every third: a tenth of the images of a fold's training."""


def main() -> None:
    """Print a table, a line as soon as a fold is done."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("manifest", "root", "weights", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=TrainConfig().fine_tune_epochs)
    options = parser.parse_args()
    rows = read_manifest(options.manifest, root=options.root)
    typed = [row for row in rows if row.set == "figshare"]
    tumor_free = [
        row
        for row in rows
        if (row.set, row.tumor, row.sequence) == ("lgg", 0, "T1+C")
        and row.split in {"train", "val"}
    ][::TUMOR_FREE_STEP]
    config = TrainConfig(fine_tune_epochs=options.epochs, patience=0)
    options.folder.mkdir(parents=True, exist_ok=True)
    print("| fold | images; patients | accuracy of the type |\n|---|---|---|")
    right, groups = np.zeros(len(typed), np.bool_), np.array([row.group_id for row in typed])
    for number, (others, left_out) in enumerate(_folds(typed, FOLDS), start=1):
        manifest = options.folder / f"fold{number}.csv"
        sided = _sides([typed[at] for at in others]) + tumor_free
        sided += [replace(typed[at], split="test") for at in left_out]
        write_manifest(manifest, sided, overwrite=True)
        fitted = train(
            manifest,
            output=options.folder / f"fold{number}",
            config=config,
            weights=str(options.weights),
            root=options.root,
            cache=options.folder / "cache",
            resume=True,
        )
        asked = [typed[at] for at in left_out]
        right[left_out] = _is_right(fitted.weights, config, asked, options.root)
        _line(str(number), right[left_out], groups[left_out])
    _line("all", right, groups)
    for name in TUMOR_TYPES:
        of_type = np.array([row.type == name for row in typed])
        _line(name, right[of_type], groups[of_type])


def _folds(rows: Sequence[ManifestRow], count: int) -> list[tuple[list[int], list[int]]]:
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=0)
    types, groups = [row.type for row in rows], [row.group_id for row in rows]
    return [(a.tolist(), b.tolist()) for a, b in splitter.split(types, types, groups)]


def _sides(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Put a twentieth of the patients on the side of val, all others on that of train."""
    _, val = _folds(rows, VAL_FOLDS)[0]
    chosen = set(val)
    return [replace(row, split="val" if at in chosen else "train") for at, row in enumerate(rows)]


def _is_right(
    weights: Arrays, config: TrainConfig, rows: list[ManifestRow], root: Path
) -> list[bool]:
    preprocessing = Preprocessing()
    examples, skipped = load_examples(rows, root, preprocessing)
    if skipped:
        raise SystemExit(f"{skipped[0].name}: {skipped[0].reason}")
    graph = build_graph(weights, size=preprocessing.size, config=config).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    told = [
        int(session.run(["type"], {"canvas": canvas[None]})[0][0].argmax())
        for canvas in examples.canvases
    ]
    return [one == known for one, known in zip(told, examples.tumor_type, strict=True)]


def _line(name: str, right: np.ndarray, groups: np.ndarray) -> None:
    count = f"{len(right)}; {len(set(groups))}"
    print(f"| {name} | {count} | {estimate_cell(bootstrap_share(right, groups))} |", flush=True)


if __name__ == "__main__":
    main()
