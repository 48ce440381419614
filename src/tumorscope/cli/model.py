"""``tumorscope model``."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import click

from tumorscope.cli.model_card import card_lines
from tumorscope.errors import ArtifactWarning, UsageError
from tumorscope.labels import NOTICE
from tumorscope.model.artifact import read_artifact, write_artifact
from tumorscope.operating_point import listed


@click.group()
def model() -> None:
    """Show a model card, or rewrite an artifact in the current format."""


@model.command()
@click.option(
    "--model",
    "path",
    type=click.Path(path_type=Path),
    help="Artifact file.  [default: the embedded model]",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json prints the complete manifest and its identity as sha256.",
)
def info(path: Path | None, style: str) -> None:
    """Print the model card of an artifact."""
    manifest = read_artifact(path).manifest
    if style == "json":
        values = manifest.to_dict() | {"sha256": manifest.identity}
        click.echo(json.dumps(values, indent=1, sort_keys=True))
        return
    click.echo("\n".join(card_lines(manifest)))
    click.echo(f"\n{NOTICE}")


@model.command()
@click.argument("artifact", type=click.Path(path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="New artifact.")
@click.option("--overwrite", is_flag=True, help="Replace the artifact, or an existing output.")
def rewrite(artifact: Path, output: Path | None, overwrite: bool) -> None:
    """Write an artifact in the format of this version, its operating points in order.

    Graph, calibration and measurements stay, except for what was measured at an operating point
    that moved.
    """
    if not artifact.is_file():
        raise UsageError(f"There is no file {artifact}; give the path of an artifact.")
    if output is None and not overwrite:
        raise UsageError(f"Give --output NEW, or --overwrite to replace {artifact}.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ArtifactWarning)  # what it asks for is done here
        read = read_artifact(artifact)
    target = artifact if output is None else output
    write_artifact(target, read, overwrite=overwrite)
    points = listed(read.manifest.operating_points)
    told = ", ".join(f"{name} {threshold:.4f}" for name, threshold in points)
    click.echo(f"{target}: {told}\nIdentity (SHA-256): {read.manifest.identity}")
