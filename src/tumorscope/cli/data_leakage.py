"""``tumorscope data leakage``: what of a test set is in its training set, and the score without."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click

from tumorscope.cli.data_copies import copy_options, copy_thresholds
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE

_PATH: Final = click.Path(path_type=Path, exists=True)
_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("train", type=_PATH)
@click.argument("test", type=_PATH)
@click.option(
    "--predictions",
    type=_FILE,
    help="Table of the test set as 'tumorscope predict TEST --format csv' writes it.",
)
@click.option("--model", type=_FILE, help="Model to classify the test set with instead.")
@click.option(
    "--operating-point", default="balanced", show_default=True, help="Operating point of --model."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Probability from which an image counts as tumor.  [default: 0.5; with --model, its "
    "operating point]",
)
@click.option(
    "--seed", type=int, default=0, show_default=True, help="Random seed of the resampling."
)
@copy_options
@click.pass_context
def leakage(context: click.Context, /, train: Path, test: Path, **options: Any) -> None:
    """Find what a test set shares with its training set, and the score without it.

    TRAIN and TEST are folders or manifests. With --predictions or --model, reports the score
    with and without the leak, with 95% intervals. Exit code 1 only means that some images could
    not be read, not that a leak was found.
    """
    with needs_extra("Finding leakage", "data"):
        from tumorscope.audit.leakage.audit import Scores, find_leakage
    findings = find_leakage(
        train,
        test,
        command=shlex.join(["tumorscope", *sys.argv[1:]]),
        thresholds=copy_thresholds(options),
        scores=Scores(**{key: options[key] for key in _SCORES}),
        **{key: options[key] for key in _PASSED_ON},
    )
    for verdict in findings.verdicts():
        click.echo(verdict)
    click.echo(f"Report in {options['output']}: report.html, pairs.html, pictures, leakage.json")
    click.echo(NOTICE)
    if findings.left_out:
        click.echo(f"{len(findings.left_out)} images could not be read.", err=True)
        context.exit(1)


_SCORES: Final = ("predictions", "model", "operating_point", "threshold")
_PASSED_ON: Final = ("output", "root", "cache", "seed", "thumbnails", "parquet", "overwrite")
