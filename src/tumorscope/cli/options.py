"""Options that several verbs have."""

from __future__ import annotations

from pathlib import Path

import click

model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    help="Artifact file, or 'lite'.  [default: the embedded model]",
)

operating_point_option = click.option(
    "--operating-point",
    default="balanced",
    show_default=True,
    help="Named threshold of the model; 'tumorscope model info' lists them.",
)
