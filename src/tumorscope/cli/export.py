"""``tumorscope export``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.errors import needs_extra


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Artifact file.")
@click.option("--overwrite", is_flag=True, help="Replace an existing artifact.")
def export(run: Path, output: Path, overwrite: bool) -> None:
    """Turn the training run in folder RUN into a calibrated ONNX artifact."""
    with needs_extra("Export", "train"):
        from tumorscope.recipes.export import export as make
    artifact = make(run, output=output, overwrite=overwrite)
    graph = artifact.manifest.card["graph"]
    click.echo(
        f"{output}: {graph['arithmetic']}, {len(artifact.graph) / 1e6:.1f} MB, AUROC on the "
        f"calibration split {graph['calibration_roc_auc'][graph['arithmetic']]:.4f}"
    )
