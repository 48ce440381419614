"""``tumorscope monitor``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from tumorscope.cli.options import model_option
from tumorscope.errors import needs_extra


@click.command()
@click.argument("answers", type=click.Path(path_type=Path))
@model_option
@click.option(
    "--reference",
    type=click.Path(path_type=Path),
    help="Answers of a time that you trust, in place of the model's own reference.",
)
@click.option(
    "--level",
    type=float,
    default=0.05,
    show_default=True,
    help="Largest chance of a false alarm, however often you look.",
)
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="json prints one object for other programs.",
)
def monitor(
    answers: Path, *, model: Path | None, reference: Path | None, level: float, style: str
) -> None:
    """Tell whether the intake has drifted from what the model was measured on.

    ANSWERS is a file of predict (JSON or CSV), batch (Parquet) or node. No labels are needed. An
    intake that has drifted is not wrong, but the model's published figures do not speak for it.
    """
    with needs_extra("Monitoring", "monitor"):
        from tumorscope.recipes.monitor import monitor as look
    found = look(answers, model=model, reference=reference, level=level)
    click.echo(json.dumps(found, indent=1) if style == "json" else _table(found))


def _table(found: dict[str, Any]) -> str:
    from tumorscope.recipes.intake import MEASURES

    return "\n".join(
        [
            f"{found['images']} images of {found['cases']} "
            f"case{'s' if found['cases'] != 1 else ''}, compared with {found['reference']}.",
            f"{'':<38} {'reference':>9} {'intake':>8}  {'evidence':>9} of {'limit':>6}",
            *(_line(MEASURES[one["name"]], one) for one in found["measures"]),
            *found["notes"],
            _verdict(found),
            found["notice"],
        ]
    )


def _line(words: str, one: dict[str, Any]) -> str:
    return (
        f"{words:<38} {one['reference_mean']:>9.3f} {one['intake_mean']:>8.3f}"
        f"  {one['evidence']:>9.3g} of {one['limit']:>6.0f}{_after(one)}"
    )


def _after(one: dict[str, Any]) -> str:
    after = one["drifted_after"]
    return "" if after is None else f"  drifted after {after} cases"


def _verdict(found: dict[str, Any]) -> str:
    if found["drifted"]:
        return (
            "The intake has drifted: find out why (scanner, protocol, preprocessing, patients), "
            "and calibrate on local cases before you rely on the probabilities."
        )
    return (
        "No drift found. That is no proof that there is none: small changes take many cases to "
        "show, and what does not change the answers cannot be seen in them."
    )
