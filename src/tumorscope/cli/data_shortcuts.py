"""``tumorscope data shortcuts``: whether the label can be told without the anatomy."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from tumorscope.cli.options import chosen_source, collection_root_option
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE


@click.command()
@click.argument("source", metavar="SOURCE", required=False, type=click.Path(path_type=Path))
@click.option("--manifest", type=click.Path(path_type=Path), hidden=True)
@collection_root_option
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="Folder for the report."
)
@click.option(
    "--alarm-above",
    type=float,
    help="Raise an alarm if the lower end of the AUROC's interval is above this.  [default: 0.6]",
)
@click.option(
    "--per-group",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    help="Most images with, and without, tumor to take from one group.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace an existing report.")
@click.pass_context
def shortcuts(
    context: click.Context,
    source: Path | None,
    manifest: Path | None,
    root: Path | None,
    output: Path,
    alarm_above: float | None,
    per_group: int,
    seed: int,
    *,
    overwrite: bool,
) -> None:
    """Test whether the label of a folder or manifest can be predicted without the anatomy.

    Uses only file size and type, width and height, outer frame, histogram, power spectrum,
    thumbnail, presence of a skull or source, trained on some groups and tested on others. Exit
    code 1 only means that some images could not be read, not that an alarm was raised.
    """
    with needs_extra("Finding shortcuts", "train"):
        from tumorscope.audit.shortcuts.audit import find_shortcuts
        from tumorscope.audit.shortcuts.shortcuts import ShortcutThresholds
    thresholds = ShortcutThresholds() if alarm_above is None else ShortcutThresholds(alarm_above)
    findings = find_shortcuts(
        chosen_source(source, manifest),
        output=output,
        command=shlex.join(["tumorscope", *sys.argv[1:]]),
        root=root,
        thresholds=thresholds,
        per_group=per_group,
        seed=seed,
        overwrite=overwrite,
    )
    for verdict in findings.verdicts():
        click.echo(verdict)
    click.echo(f"Report in {output}: report.md, report.html, shortcuts.json, thresholds.json")
    click.echo(NOTICE)
    if findings.left_out:
        first = next(iter(findings.left_out.items()))
        click.echo(
            f"{len(findings.left_out)} images could not be read, the first: {first[0]}: {first[1]}",
            err=True,
        )
        context.exit(1)
