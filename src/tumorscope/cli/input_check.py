"""``tumorscope input-check``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.cli.options import manifest_option, model_option, new_artifact_options, root_option
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE


@click.command("input-check")
@model_option
@manifest_option
@root_option
@new_artifact_options
def input_check(
    model: Path | None, manifest: Path, root: Path | None, output: Path, overwrite: bool
) -> None:
    """Refit the check that rejects other images; the network is unchanged."""
    with needs_extra("Fitting the input check", "train"):
        from tumorscope.recipes.input_check import input_check as refit
    artifact = refit(model, manifest, output=output, root=root, overwrite=overwrite)
    fitted = artifact.manifest.input_check
    click.echo(f"{output}: rejected beyond a novelty of {fitted.threshold if fitted else 1:.4f}")
    click.echo(NOTICE)
