"""How far a rerun's figures lie apart: the last stage of the default model, with several seeds.

    python -m benchmarks.bench_seeds --manifest split.csv --root DATA --start E13.tumorscope \
        --folder seeds [--seeds 0 1 2] [--short] [--every 2] [--record]

Every run starts from the same artifact, learns from the same split and is exported and measured
alike; the seed decides which images of a full cell are taken, how they are changed, their order
and the dropout. ``--short`` is one epoch of at most 100 images of a cell, instead of three of 400,
and is recorded as ``seeds short/``. ``--every`` measures a part of the test split. The models are
exported bare, without input check and recognition: no image is turned away, which is no figure here
and would take longer than all the rest. What a folder holds is not made again, and a run that was
ended goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.record import command_line, record_figures

from tumorscope.data.manifest import ManifestRow, read_manifest, write_manifest
from tumorscope.evaluation.intervals import Estimate
from tumorscope.model.artifact import read_artifact
from tumorscope.recipes.export import export

RECIPE: Final = {
    "fine_tune_from": "block5_conv1",
    "frozen_epochs": 0,
    "fine_tune_epochs": 3,
    "views": 1,
    "patience": 0,
    "max_per_cell": 400,
    "augmentation.skull_chance": 0.5,
}
"""Of decisions 0097, 0108 and 0112."""

SHORT: Final = {"fine_tune_epochs": 1, "max_per_cell": 100}

HEADLINES: Final = {
    "AUROC": ("overall", "all images", "roc_auc"),
    "AUROC, lgg": ("by_set", "lgg", "roc_auc"),
    "sensitivity": ("overall", "all images", "sensitivity"),
    "specificity": ("overall", "all images", "specificity"),
    "sensitivity, rsna_boxes": ("by_set", "rsna_boxes", "sensitivity"),
    "calibration error": ("overall", "all images", "expected_calibration_error"),
    "abstained": ("abstention", "all images", "abstained"),
    "peak in mask": ("localization", "true positives with a mask", "peak_in_mask"),
    "type": ("type", "all sets", "accuracy"),
}
"""Section, row and metric of the report."""

Metrics = Mapping[str, Any]


def main() -> None:
    """Train, export and measure for each seed; print and record the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    for name in ("manifest", "root", "start", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--short", action="store_true", help="a sixth of the images seen")
    parser.add_argument("--every", type=int, default=1, help="image of the test split is measured")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", dest="changes")
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    if options.record and options.changes:
        raise SystemExit("--set makes another recipe; its figures are not recorded.")
    options.folder.mkdir(parents=True, exist_ok=True)
    measured = options.folder / f"every-{options.every}.csv"
    rows = read_manifest(options.manifest, root=options.root)
    tested = [row for row in rows if row.split == "test" and row.tumor is not None]
    write_manifest(measured, tested[:: options.every], overwrite=True)
    found = {seed: figures(_report(seed, measured, options)) for seed in options.seeds}
    apart = spread(list(found.values()))
    for name, one in apart.items():
        cells = " | ".join(f"{of_seed[name].estimate:.3f}" for of_seed in found.values())
        print(f"| {name} | {cells} | {one.estimate:.3f} |", flush=True)
    if options.record:
        _record(found, apart, tested[:: options.every], options)


def figures(metrics: Metrics) -> dict[str, Estimate]:
    """Return the headlines of a report that it has."""
    found = {}
    for name, (section, row, metric) in HEADLINES.items():
        one = metrics["sections"].get(section, {}).get(row, {}).get(metric)
        if one is not None and one["estimate"] is not None:
            found[name] = Estimate(**{key: _number(value) for key, value in one.items()})
    return found


def spread(found: Sequence[Mapping[str, Estimate]]) -> dict[str, Estimate]:
    """Return largest less smallest of each figure that all runs have; it has no interval."""
    nan = float("nan")
    apart = {}
    for name, first in found[0].items():
        if all(name in one for one in found):
            values = [one[name].estimate for one in found]
            size = (first.n_images, first.n_groups)
            apart[name] = Estimate(max(values) - min(values), nan, nan, *size, 0)
    return apart


def _report(seed: int, measured: Path, options: argparse.Namespace) -> Metrics:
    """Return the report on one seed's model, made where it is not there."""
    folder: Path = options.folder / (f"short-{seed}" if options.short else f"full-{seed}")
    artifact, report = folder.with_suffix(".tumorscope"), folder / measured.stem
    if not artifact.exists():
        settings = RECIPE | (SHORT if options.short else {})
        changes = [f"{name}={value}" for name, value in settings.items()] + options.changes
        words = ["train", options.manifest, "--root", options.root, "--start", options.start]
        words += ["--output", folder, "--seed", seed, "--resume"]
        run_tumorscope(*words, *(word for change in changes for word in ("--set", change)))
        export(folder, output=artifact, is_bare=True)
        shutil.rmtree(folder / "cache", ignore_errors=True)  # gigabytes; nothing reads it again
    metrics = report / "metrics.json"
    if not metrics.exists():
        words = ["evaluate", measured, "--root", options.root, "--split", "test"]
        run_tumorscope(*words, "--model", artifact, "--output", report, "--overwrite")
    content: Metrics = json.loads(metrics.read_text(encoding="utf-8"))
    return content


def run_tumorscope(*words: object) -> None:
    """Run one of the commands; what it prints goes beside the figures.

    Raises
    ------
    SystemExit
        If it fails.
    """
    command = [sys.executable, "-m", "tumorscope", *map(str, words)]
    # evaluate ends with 1 where a picture could not be read; the report names it.
    code = subprocess.run(command, check=False, stdout=sys.stderr).returncode
    if code not in ((0, 1) if words[0] == "evaluate" else (0,)):
        raise SystemExit(f"tumorscope {words[0]} ended with {code}.")


def _record(
    found: Mapping[int, Mapping[str, Estimate]],
    apart: Mapping[str, Estimate],
    rows: Sequence[ManifestRow],
    options: argparse.Namespace,
) -> None:
    prefix = "seeds short" if options.short else "seeds"
    command = command_line("benchmarks.bench_seeds")
    for seed, of_seed in found.items():
        name = f"{'short' if options.short else 'full'}-{seed}.tumorscope"
        identity = read_artifact(options.folder / name).manifest.identity
        record_figures(
            f"{prefix}/seed {seed}/", of_seed, command=command, rows=rows, model_sha256=identity
        )
    record_figures(f"{prefix}/spread/", apart, command=command, rows=rows, model_sha256=None)


def _number(value: Any) -> Any:
    return float("nan") if value is None else value


if __name__ == "__main__":
    main()
