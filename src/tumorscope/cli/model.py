"""``tumorscope model``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import click

from tumorscope.labels import NOTICE
from tumorscope.model.artifact import read_artifact

SECTIONS: Final = (
    "preprocessing",
    "calibration",
    "conformal",
    "gate",
    "operating_points",
    "card",
)
"""Parts of the manifest in the order in which they are printed."""


@click.group()
def model() -> None:
    """Show a model card."""


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
    help="json prints the complete manifest.",
)
def info(path: Path | None, style: str) -> None:
    """Print the model card of an artifact."""
    manifest = read_artifact(path).manifest.to_dict()
    if style == "json":
        click.echo(json.dumps(manifest, indent=1, sort_keys=True))
        return
    click.echo(f"{manifest['model_id']} {manifest['model_version']}")
    click.echo(f"SHA-256 of the graph: {manifest['graph_sha256']}")
    card = manifest["card"]
    measured = {name: one for name, one in card.items() if name.startswith("evaluation")}
    manifest["card"] = {name: one for name, one in card.items() if name not in measured}
    for title in SECTIONS:
        click.echo(f"\n{title.replace('_', ' ').capitalize()}")
        _print_tree(manifest[title], depth=1)
    for name, metrics in measured.items():
        click.echo(
            f"\n{name.replace('_', ' ').capitalize()}, all images; --format json has the rest"
        )
        _print_estimates(metrics["sections"]["overall"]["all images"])
    click.echo(f"\n{NOTICE}")


def _print_estimates(metrics: dict[str, dict[str, Any]]) -> None:
    for name, one in metrics.items():
        interval = f"[{one['low']:.3f}, {one['high']:.3f}]"
        click.echo(f"  {name}: {one['estimate']:.3f} {interval}")


def _print_tree(value: object, *, depth: int) -> None:
    if not isinstance(value, dict):
        click.echo(f"{'  ' * depth}{value}")
        return
    for key, inner in sorted(value.items()):
        if isinstance(inner, dict):
            click.echo(f"{'  ' * depth}{key}:")
            _print_tree(inner, depth=depth + 1)
        else:
            click.echo(f"{'  ' * depth}{key}: {inner}")
