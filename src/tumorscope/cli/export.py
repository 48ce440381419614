"""``tumorscope export``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Artifact file.")
@click.option(
    "--quick",
    is_flag=True,
    help="Fit the input check on fewer made pictures: minutes less, and a coarser check.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing artifact.")
def export(run: Path, output: Path, quick: bool, overwrite: bool) -> None:
    """Turn the training run in folder RUN into a calibrated ONNX artifact.

    Says whether the model is better or worse than the one that the training started from, and what
    the calibration split was too small for.
    """
    with needs_extra("Export", "train"):
        from tumorscope.recipes.export import export as make
    artifact = make(run, output=output, quick=quick, overwrite=overwrite)
    card = artifact.manifest.card
    graph = card["graph"]
    click.echo(
        f"{output}: {graph['arithmetic']}, {len(artifact.graph) / 1e6:.1f} MB, AUROC on "
        f"{graph['calibration_images']} images of the calibration split "
        f"{graph['calibration_roc_auc'][graph['arithmetic']]:.4f}"
    )
    for line in _compared(card.get("compared_with_start")):
        click.echo(line)
    for name, reason in card.get("not_fitted", {}).items():
        click.echo(f"Not fitted: {name.replace('_', ' ')} ({reason}).")
    click.echo(NOTICE)


def _compared(found: dict[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    start, new, difference = (found[name] for name in ("start", "new", "difference"))
    low, high = difference["low"], difference["high"]
    interval = "no interval" if low is None else f"95 % interval {low:+.4f} to {high:+.4f}"
    yield (
        f"The model that it came from has {start['estimate']:.4f} there, this one "
        f"{new['estimate']:.4f}: {difference['estimate']:+.4f} ({interval}; "
        f"{difference['n_groups']} groups)."
    )
    if difference["estimate"] < 0:
        yield "WORSE than the model that it came from: keep that one, or calibrate it instead."
    elif low is None or low <= 0:
        yield (
            "Not shown to be better than the model that it came from: the interval holds 0. "
            "Compare both with 'tumorscope evaluate' on images that neither has seen."
        )
