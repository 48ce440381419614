"""``tumorscope data check``: what a folder or manifest is good for, and what is missing."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.cli.options import reading_options, root_option
from tumorscope.labels import NOTICE


@click.command()
@click.argument("source", metavar="MANIFEST|FOLDER", type=click.Path(path_type=Path))
@root_option
@reading_options
@click.option("--images", is_flag=True, help="Also read every image and find near-duplicates.")
def check(
    source: Path,
    root: Path | None,
    labels: tuple[str, ...],
    patient_pattern: str | None,
    images: bool,
) -> None:
    """Say which verbs can use a manifest, or a folder with a subfolder per label.

    Exit code 0: it can be read, whatever is missing; 2: it cannot, with one line that says why.
    """
    from tumorscope.data.check import check_data_set, describe_data_set
    from tumorscope.data.data_set import Reading, open_data_set

    reading = Reading(labels, patient_pattern)
    data = open_data_set(source, root=root, reading=reading, group=images)
    click.echo(f"{source}")
    for line in (*describe_data_set(data), *data.notes):
        click.echo(f"  {line}")
    for verdict in check_data_set(data):
        mark = "+" if verdict.is_ready else "-"
        click.echo(f"{mark} {verdict.verb:<11} {verdict.text}")
    click.echo(NOTICE)
