"""``tumorscope calibrate``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.cli.options import model_option, new_artifact_options, root_option
from tumorscope.errors import needs_extra


@click.command()
@model_option
@click.option(
    "--manifest",
    required=True,
    type=click.Path(path_type=Path),
    help="Manifest (CSV) of local cases.",
)
@root_option
@new_artifact_options
def calibrate(
    model: Path | None, manifest: Path, root: Path | None, output: Path, overwrite: bool
) -> None:
    """Recalibrate a model on 50 or more local cases; the network is unchanged."""
    with needs_extra("Calibration", "train"):
        from tumorscope.recipes.calibrate import calibrate as fit
    artifact = fit(model, manifest, output=output, root=root, overwrite=overwrite)
    fitted = artifact.manifest
    points = ", ".join(f"{name} {value:.3f}" for name, value in fitted.operating_points.items())
    click.echo(
        f"{output}: slope {fitted.calibration.slope:.3f}, intercept "
        f"{fitted.calibration.intercept:.3f}; operating points: {points}"
    )
    for name, reason in fitted.card["recalibration"].get("kept", {}).items():
        click.echo(f"Kept as it was: {name.replace('_', ' ')} ({reason}).")
    identity = fitted.identity
    click.echo(f"Identity (SHA-256): {identity}")
