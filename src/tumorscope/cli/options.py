"""Options that several verbs have."""

from __future__ import annotations

from pathlib import Path

import click

model_option = click.option(
    "--model", type=click.Path(path_type=Path), help="Artifact, or lite; default the embedded."
)

operating_point_option = click.option(
    "--operating-point",
    metavar="NAME",
    help="Named threshold of the model, see 'tumorscope model info'.  [default: balanced]",
)

threshold_option = click.option(
    "--threshold",
    type=float,
    metavar="P",
    help="Probability from which an image is called tumor, in place of an operating point. It "
    "decides alone: the model does not abstain.",
)
