"""``tumorscope worklist``."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("answers", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="json prints one object for other programs.",
)
def worklist(answers: Path, style: str) -> None:
    """List the studies of a node's file of answers, suspicious first.

    A hint in which order to read: every study is listed.
    """
    from tumorscope.serving.dicom.worklist import read_worklist

    found = read_worklist(answers)
    if style == "json":
        click.echo(json.dumps(found, indent=1))
        return
    for one in found["studies"]:
        probability = one["probability_tumor"]
        shown = "-" if probability is None else f"{probability:.3f}"
        click.echo(f"{one['outcome']:<9} {shown:>6} {one['study_instance_uid']}  {one['reason']}")
    click.echo(found["hint"])
    click.echo(found["notice"])
