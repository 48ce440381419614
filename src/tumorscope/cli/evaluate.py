"""``tumorscope evaluate``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import cast

import click

from tumorscope.errors import MissingExtraError
from tumorscope.labels import SPLITS, Split


@click.command()
@click.option("--model", type=click.Path(path_type=Path), help="Artifact; default the embedded.")
@click.option("--manifest", required=True, type=click.Path(path_type=Path), help="With splits.")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the manifest's paths.")
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Report folder.")
@click.option("--operating-point", default="balanced", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
def evaluate(
    model: Path | None,
    manifest: Path,
    root: Path | None,
    split: str,
    output: Path,
    operating_point: str,
    overwrite: bool,
) -> None:
    """Measure a model on one split: numbers with intervals, plots and HTML."""
    try:
        from tumorscope.recipes.evaluate import evaluate as measure
    except ModuleNotFoundError as error:
        raise MissingExtraError(feature="Evaluation", extra="train") from error
    measure(
        model,
        manifest,
        split=cast("Split", split),
        output=output,
        command=shlex.join(["tumorscope", *sys.argv[1:]]),
        root=root,
        operating_point=operating_point,
        overwrite=overwrite,
    )
    click.echo(f"Report in {output}: report.md, report.html, metrics.json")
