"""``tumorscope data labels``: labels that copies or the rest of the collection contradict."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any, Final

import click

from tumorscope.cli.data_copies import copy_options, copy_thresholds
from tumorscope.errors import needs_extra
from tumorscope.labels import NOTICE


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--by",
    type=click.Choice(["type", "tumor"]),
    help="What to use as the label.  [default: the type, if known for every tumor]",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed of the folds.")
@copy_options
@click.pass_context
def labels(context: click.Context, /, source: Path, **options: Any) -> None:
    """Find doubtful labels in a folder or manifest, worst first.

    Lists copies with different labels, and images that look like another label to a model trained
    without them and their group. Changes nothing; exit code 1 only means that some images could
    not be read.
    """
    with needs_extra("Finding labels in doubt", "data"):
        from tumorscope.audit.labels.audit import find_label_issues
    findings = find_label_issues(
        source,
        command=shlex.join(["tumorscope", *sys.argv[1:]]),
        thresholds=copy_thresholds(options),
        **{key: options[key] for key in _PASSED_ON},
    )
    for verdict in findings.verdicts():
        click.echo(verdict)
    click.echo(f"Report in {options['output']}: report.html, pairs.html, labels, labels.json")
    click.echo(NOTICE)
    if findings.left_out:
        click.echo(f"{len(findings.left_out)} images could not be read.", err=True)
        context.exit(1)


_PASSED_ON: Final = (
    *("output", "root", "by", "cache", "seed", "thumbnails", "parquet", "overwrite"),
)
