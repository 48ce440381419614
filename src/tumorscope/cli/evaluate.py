"""``tumorscope evaluate``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, cast

import click

from tumorscope.cli.options import (
    chosen_source,
    model_option,
    operating_point_option,
    source_options,
    threshold_option,
)
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE, SPLITS, Split

EXIT_SOME_FAILED: Final = 1

_SHOWN: Final = {
    "roc_auc": "AUROC",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "average_precision": "average precision",
    "brier_score": "Brier score",
}
_LEFT_OPEN: Final = {"abstained": "abstained", "rejected": "rejected"}


@click.command()
@source_options
@model_option
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    help="Side of the split to measure on; the controls are trained on train.  [default: all rows]",
)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Folder for the report."
)
@click.option(
    "--by",
    multiple=True,
    metavar="COLUMN",
    help="Also measure each value of a column of the manifest, such as sex; repeatable. Many "
    "numbers, such as ages, become four bands.",
)
@operating_point_option
@threshold_option
@click.option(
    "--not-brain",
    multiple=True,
    metavar="SET",
    help="Set of the manifest without brain MR images, which the model should reject; repeatable.",
)
@click.option(
    "--gallery",
    type=click.IntRange(1, 200),
    metavar="N",
    help="Also write gallery.html with up to N scans of each cell: missed, false alarm, left open "
    "and so on. It holds scans: keep it where they are kept.",
)
@click.option(
    "--record", is_flag=True, help="Also write the measurements into the card of --model."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
def evaluate(
    source: Path | None,
    manifest: Path | None,
    root: Path | None,
    labels: tuple[str, ...],
    patient_pattern: str | None,
    model: Path | None,
    split: str | None,
    output: Path,
    by: tuple[str, ...],
    operating_point: str | None,
    threshold: float | None,
    not_brain: tuple[str, ...],
    gallery: int | None,
    record: bool,
    overwrite: bool,
) -> None:
    """Measure a model on labeled scans: numbers with intervals, plots and HTML.

    SOURCE is a folder with a subfolder per label (yes and no, tumor and no_tumor, or tumor types),
    or a manifest. Exit code 0: all rows measured; 1: some could not be read; 2: wrong usage.
    """
    with needs_extra("Evaluation", "train"):
        from tumorscope.data.data_set import Reading
        from tumorscope.recipes.evaluate import evaluate as measure
    chosen = chosen_source(source, manifest)
    if manifest is not None and split is None:
        split = "test"  # as --manifest has always meant
    metrics = measure(
        model,
        chosen,
        split=cast("Split | None", split),
        output=output,
        command=shlex.join(["tumorscope", *sys.argv[1:]]),
        root=root,
        reading=Reading(labels, patient_pattern),
        by=by,
        operating_point=operating_point,
        threshold=threshold,
        not_brain=not_brain,
        gallery=gallery or 0,
        record=record,
        overwrite=overwrite,
    )
    for line in _summary(metrics):
        click.echo(line)
    for name, reason in metrics["left_out"].items():
        click.echo(f"{name}: {reason}", err=True)
    if gallery:
        click.echo(f"{output / 'gallery.html'} holds scans: keep it where they are kept.")
    click.echo(
        f"Report in {output}: report.html, report.md, metrics.json, predictions.csv\n{NOTICE}"
    )
    sys.exit(EXIT_SOME_FAILED if metrics["left_out"] else 0)


def _summary(metrics: dict[str, Any]) -> Iterator[str]:
    """Yield the numbers that most people ask for, and what must be known beside them."""
    sections = metrics["sections"]
    point, tumors = metrics["operating_point"], metrics["n_tumor"]
    yield (
        f"{metrics['n_images']} images ({tumors} with tumor, {metrics['n_images'] - tumors} "
        f"without) in {metrics['n_groups']} groups, at {point} (probability >= "
        f"{metrics['operating_points'][point]:.3f})"
    )
    yield from _lines(sections["overall"]["all images"], _SHOWN)
    yield from _lines(sections.get("abstention", {}).get("all images", {}), _LEFT_OPEN)
    for name, row in list(sections.get("training_scans", {}).items())[1:]:
        yield f"  {name}:"
        yield from _lines(row, {"roc_auc": "AUROC", "accuracy": "accuracy"}, indent="    ")
    yield from metrics["notes"]


def _lines(
    row: Mapping[str, Any], names: Mapping[str, str], *, indent: str = "  "
) -> Iterator[str]:
    for name, words in names.items():
        one = row.get(name)
        if one is None or one["estimate"] is None:
            continue
        interval = "no interval"
        if one["low"] is not None:
            interval = f"{one['low']:.3f} to {one['high']:.3f}"
        yield f"{indent}{words:<18} {one['estimate']:.3f}  [{interval}]"
