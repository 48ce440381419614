"""``tumorscope evaluate``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Final, cast

import click

from tumorscope.cli.options import (
    manifest_option,
    model_option,
    operating_point_option,
    root_option,
)
from tumorscope.errors import needs_extra
from tumorscope.labels import SPLITS, Split
from tumorscope.operating_point import NEUTRAL

EXIT_SOME_FAILED: Final = 1


@click.command()
@model_option
@manifest_option
@root_option
@click.option(
    "--split",
    type=click.Choice(SPLITS),
    default="test",
    show_default=True,
    help="Split to measure on; the controls are trained on train.",
)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Folder for the report."
)
@operating_point_option
@click.option(
    "--not-brain",
    multiple=True,
    metavar="SET",
    help="Set of the manifest without brain MR images, which the model should reject; repeatable.",
)
@click.option(
    "--record", is_flag=True, help="Also write the measurements into the card of --model."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
def evaluate(
    model: Path | None,
    manifest: Path,
    root: Path | None,
    split: str,
    output: Path,
    operating_point: str | None,
    not_brain: tuple[str, ...],
    record: bool,
    overwrite: bool,
) -> None:
    """Measure a model on one split: numbers with intervals, plots and HTML.

    Exit code 0: all rows measured; 1: some could not be read; 2: wrong usage.
    """
    with needs_extra("Evaluation", "train"):
        from tumorscope.recipes.evaluate import evaluate as measure
    metrics = measure(
        model,
        manifest,
        split=cast("Split", split),
        output=output,
        command=shlex.join(["tumorscope", *sys.argv[1:]]),
        root=root,
        operating_point=operating_point or NEUTRAL,
        not_brain=not_brain,
        record=record,
        overwrite=overwrite,
    )
    for name, reason in metrics["left_out"].items():
        click.echo(f"{name}: {reason}", err=True)
    click.echo(f"Report in {output}: report.md, report.html, metrics.json")
    sys.exit(EXIT_SOME_FAILED if metrics["left_out"] else 0)
