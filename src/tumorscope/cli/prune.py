"""``tumorscope prune``."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from tumorscope.cli.own_command import next_command
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="File (.npz) to write."
)
@click.option(
    "--width", type=float, default=0.5, show_default=True, help="Share of the filters to keep."
)
@click.option("--overwrite", is_flag=True, help="Replace an existing file.")
def prune(run: Path, output: Path, width: float, overwrite: bool) -> None:
    """Prune the network of the training run in folder RUN to fewer filters.

    The filters are chosen and refitted on scans of its train split. Next, run tumorscope train
    with the same manifest, --weights FILE, --set width=WIDTH and --teacher ARTIFACT.
    """
    with needs_extra("Pruning", "train"):
        from tumorscope.recipes.prune import prune as make
    before, after = make(run, output=output, width=width, overwrite=overwrite)
    click.echo(
        f"{output}: {after / 1e6:.1f} million weights of {before / 1e6:.1f}. Next: "
        + next_command(
            f"train --manifest FILE --weights {shlex.quote(str(output))} --set width={width} "
            "--teacher ARTIFACT --output FOLDER"
        )
    )
    click.echo(NOTICE)
