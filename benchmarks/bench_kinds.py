"""What a model calls of kinds of tumors that it never saw: kinds of one set held out in turn.

    python -m benchmarks.bench_kinds --manifest split.csv --root DATA --start E13.tumorscope \
        --set types44 --folder kinds [--folds 4] [--cache FOLDER] [--record]

The kinds are dealt into folds by the number of their images. For each fold the last stage of the
default model is trained again, by the recipe of ``bench_seeds``, without any group of images that
holds a kind of the fold, in whichever set; other sets may hold the kind under other patients. Then
it answers all images of these kinds in the set. Several kinds held out at once leave less to learn
from than one. The models are exported bare: no image is turned away. Shares have intervals over
groups. What a folder holds is not made again, and the frozen features are kept for all folds:
some gigabytes, for you to delete. ``--record`` writes the figures of ``kinds held out/``.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.bench_seeds import RECIPE, run_tumorscope
from benchmarks.bench_unseen import Answer, answers
from benchmarks.record import LEARNED, command_line, record_figures

from tumorscope.data.manifest import ManifestRow, read_manifest, write_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap_share
from tumorscope.model.classifier import load_model
from tumorscope.recipes.export import export

EVERY_KIND: Final = "all kinds"
OUTCOMES: Final = ("tumor", "no_tumor", "abstain")


def main() -> None:
    """Train, export and ask for each fold; print and record the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("manifest", "root", "start", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--set", required=True, help="whose kinds are held out")
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--cache", type=Path, help="of frozen features; default in the folder")
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    rows = read_manifest(options.manifest, root=options.root)
    asked = [row for row in rows if row.set == options.set and row.tumor == 1 and row.type]
    given: list[Answer] = []
    for fold, kinds in enumerate(deal(asked, options.folds)):
        print(f"fold {fold}: {', '.join(kinds)}", flush=True)
        of_fold = [row for row in asked if row.type in kinds]
        given += _ask(fold, of_fold, without(rows, of_fold), options)
    found = figures(given)
    for name, one in found.items():
        size = f"{one.n_images}; {one.n_groups}"
        print(f"| {name} | {one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}] | {size} |")
    if options.record:
        record_figures(
            f"kinds held out/{options.set}/",
            found,
            command=command_line("benchmarks.bench_kinds"),
            rows=asked,
            model_sha256=None,
        )


def deal(rows: Sequence[ManifestRow], folds: int) -> list[list[str]]:
    """Return the kinds of each fold; the largest are dealt first, one to a fold."""
    kinds = [kind for kind, _ in Counter(row.type for row in rows).most_common() if kind]
    return [dealt for fold in range(folds) if (dealt := kinds[fold::folds])]


def without(rows: Sequence[ManifestRow], held_out: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Take the groups of some rows out of what a model is made with; the test split stays."""
    groups = {row.group_id for row in held_out}
    return [
        replace(row, split="external") if row.split in LEARNED and row.group_id in groups else row
        for row in rows
    ]


def figures(given: Sequence[Answer]) -> dict[str, Estimate]:
    """Return the shares of outcomes: of all kinds, of each sequence of them, and of each kind."""
    cells: dict[str, list[Answer]] = {}
    for one in given:
        row = one[0]
        for name in (EVERY_KIND, f"{EVERY_KIND}/{row.sequence}", str(row.type)):
            cells.setdefault(name, []).append(one)
    found = {}
    for cell, members in sorted(cells.items()):
        groups = np.array([row.group_id or row.name for row, _ in members])
        for outcome in OUTCOMES:
            hits = np.array([said == outcome for _, said in members])
            found[f"{cell}/{outcome}"] = bootstrap_share(hits, groups)
    return found


def _ask(
    fold: int,
    asked: Sequence[ManifestRow],
    taught: Sequence[ManifestRow],
    options: argparse.Namespace,
) -> Iterator[Answer]:
    """Yield what the model of a fold says, made where it is not there."""
    run: Path = options.folder / f"fold-{fold}"
    artifact, said = run.with_suffix(".tumorscope"), run.with_suffix(".answers.csv")
    if not said.exists():
        if not artifact.exists():
            manifest = run.with_suffix(".csv")
            write_manifest(manifest, taught, overwrite=True)
            words = ["train", manifest, "--root", options.root, "--start", options.start]
            words += ["--output", run, "--cache", options.cache or options.folder / "cache"]
            changes = [f"{name}={value}" for name, value in RECIPE.items()]
            run_tumorscope(*words, "--resume", *(w for one in changes for w in ("--set", one)))
            export(run, output=artifact, is_bare=True)
        partial = said.with_suffix(".partial")
        with partial.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            for row, outcome in answers(asked, options.root, load_model(artifact)):
                writer.writerow((row.name, outcome))
        partial.replace(said)
    by_name = {row.name: row for row in asked}
    with said.open(newline="", encoding="utf-8") as stream:
        yield from ((by_name[name], outcome) for name, outcome in csv.reader(stream))


if __name__ == "__main__":
    main()
