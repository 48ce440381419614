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
    metavar="NAME",
    help="Named threshold of the model; 'tumorscope model info' lists them.  [default: balanced]",
)

threshold_option = click.option(
    "--threshold",
    type=float,
    metavar="P",
    help="Call tumor from this probability on, instead of at a named operating point. The model "
    "then never abstains.",
)
