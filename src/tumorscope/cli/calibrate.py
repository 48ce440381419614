"""``tumorscope calibrate``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from tumorscope.cli.options import (
    chosen_source,
    model_option,
    new_artifact_options,
    source_options,
)
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE

if TYPE_CHECKING:
    from tumorscope.evaluation.promise import Measure

EXIT_SOME_FAILED: Final = 1


@click.command()
@source_options
@model_option
@click.option(
    "--sensitivity",
    type=float,
    metavar="P",
    help="Add an operating point that finds at least this share of tumors.",
)
@click.option(
    "--specificity",
    type=float,
    metavar="P",
    help="Add an operating point that leaves at least this share of tumor-free scans uncalled.",
)
@click.option(
    "--ppv",
    type=float,
    metavar="P",
    help="Add an operating point of whose calls at least this share are tumors, where tumors are "
    "as common as in these cases.",
)
@click.option(
    "--confidence",
    type=float,
    default=0.95,
    show_default=True,
    help="How surely the added operating points hold.",
)
@new_artifact_options
def calibrate(
    source: Path | None,
    manifest: Path | None,
    root: Path | None,
    labels: tuple[str, ...],
    patient_pattern: str | None,
    model: Path | None,
    sensitivity: float | None,
    specificity: float | None,
    ppv: float | None,
    confidence: float,
    output: Path,
    overwrite: bool,
) -> None:
    """Recalibrate a model on 50 or more local cases; the network is unchanged.

    SOURCE is a folder with a subfolder per label, a manifest, or the readings that the page exports
    as JSON, with the folder of their images as --root. Where the cases are too few to
    hold what is asked for, nothing is written and the number of patients needed is said. Exit code
    1: some cases could not be read and were left out.
    """
    with needs_extra("Calibration", "train"):
        from tumorscope.data.data_set import Reading
        from tumorscope.evaluation.promise import Promise
        from tumorscope.recipes.calibrate import calibrate as fit
    promises = [
        Promise(cast("Measure", measure), level, confidence)
        for measure, level in (
            ("sensitivity", sensitivity),
            ("specificity", specificity),
            ("ppv", ppv),
        )
        if level is not None
    ]
    artifact = fit(
        model,
        chosen_source(source, manifest),
        output=output,
        root=root,
        reading=Reading(labels, patient_pattern),
        promises=promises,
        overwrite=overwrite,
    )
    fitted = artifact.manifest
    points = ", ".join(f"{name} {value:.3f}" for name, value in fitted.operating_points.items())
    click.echo(
        f"{output}: slope {fitted.calibration.slope:.3f}, intercept "
        f"{fitted.calibration.intercept:.3f}; operating points: {points}"
    )
    said = fitted.card["recalibration"]
    for name, one in said.get("promises", {}).items():
        click.echo(_held(name, one))
    for name, reason in said.get("kept", {}).items():
        what = "Left out" if name == "prediction_sets" else "Kept as it was"
        click.echo(f"{what}: {name.replace('_', ' ')} ({reason}).")
    for note in said.get("notes", ()):
        click.echo(note)
    click.echo("Measure it on patients other than these: on these it looks better than it is.")
    click.echo(f"Identity (SHA-256): {fitted.identity}\n{NOTICE}")
    sys.exit(EXIT_SOME_FAILED if said.get("left_out") else 0)


def _held(name: str, one: dict[str, Any]) -> str:
    found = ", ".join(
        f"{what} {one[what]['estimate']:.3f} [{one[what]['low']:.3f} to {one[what]['high']:.3f}]"
        for what in ("sensitivity", "specificity")
        if one[what]["estimate"] is not None and one[what]["low"] is not None
    )
    return (
        f"{name}: from probability {one['threshold']:.3f} on; holds with {one['confidence']:.0%} "
        f"confidence for patients like these ({one['groups']} groups). On these cases: {found}. "
        f"Use it: --operating-point {name}"
    )
