"""``tumorscope readers``."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from tumorscope.errors import needs_extra


@click.command()
@click.argument("exports", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--truth",
    required=True,
    type=click.Path(path_type=Path),
    help="CSV file with source, tumor (1 or 0) and, if known, patient_id.",
)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Folder for the report."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
def readers(exports: tuple[Path, ...], truth: Path, output: Path, overwrite: bool) -> None:
    """Compare readers without and with the model's help, from exports of blind reading.

    EXPORTS are CSV files of the page's worklist, one per reader, named after the reader.
    """
    with needs_extra("The analysis of readers", "train"):
        from tumorscope.recipes.readers import analyze_readers
    command = shlex.join(["tumorscope", *sys.argv[1:]])
    found = analyze_readers(exports, truth, output=output, command=command, overwrite=overwrite)
    for measure, gain in found["gain"].items():
        interval = "no interval"
        if gain["low"] is not None:
            interval = f"{gain['low']:+.3f}, {gain['high']:+.3f}"
        click.echo(
            f"{measure}: {found['alone'][measure]['estimate']:.3f} without help, "
            f"{found['helped'][measure]['estimate']:.3f} with it; gain {gain['estimate']:+.3f} "
            f"[{interval}]"
        )
    click.echo(f"{output}")
