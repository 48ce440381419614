"""Options that several verbs have."""

from __future__ import annotations

import click

operating_point_option = click.option(
    "--operating-point",
    default="balanced",
    show_default=True,
    help="Named threshold of the model, see 'tumorscope model info'.",
)
