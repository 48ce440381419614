"""``tumorscope batch``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

import click

from tumorscope.cli.options import model_option, operating_point_option, threshold_option
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE

EXIT_SOME_FAILED: Final = 1


@click.command()
@click.argument("place", metavar="INPUT")
@click.option(
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Parquet file to write.",
)
@click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Folder that a manifest's paths are relative to.",
)
@model_option
@operating_point_option
@threshold_option
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Run in processes of this machine, or as Ray actors.",
)
@click.option("--address", help="HOST:PORT of a running Ray cluster.  [default: start one]")
@click.option(
    "--workers",
    type=click.IntRange(1, 4096),
    help="Processes or actors, one thread each.  [default: one per core]",
)
@click.option(
    "--overwrite", is_flag=True, help="Replace an existing table once the new one is complete."
)
def batch(
    *,
    place: str,
    output: Path,
    root: Path | None,
    model: Path | None,
    operating_point: str | None,
    threshold: float | None,
    engine: Literal["local", "ray"],
    address: str | None,
    workers: int | None,
    overwrite: bool,
) -> None:
    """Classify an archive into a Parquet table, one row per image or slice.

    INPUT is a file, folder, glob, manifest (.csv), zip, tar or fsspec URL. If a run is interrupted,
    the same command continues it. Exit codes are those of predict.
    """
    with needs_extra("The batch", "scale"):
        from tumorscope.batch.run import BatchConfig, run_batch
    config = BatchConfig(
        place=place,
        output=output,
        root=root,
        model=model,
        operating_point=operating_point,
        threshold=threshold,
        engine=engine,
        address=address,
        workers=workers,
        overwrite=overwrite,
    )
    summary = run_batch(config, progress=_progress)
    click.echo(f"{output}: {summary.rows} rows, {summary.failed} of them errors.\n{NOTICE}")
    sys.exit(EXIT_SOME_FAILED if summary.failed else 0)


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {total} parts", nl=done == total, err=True)
