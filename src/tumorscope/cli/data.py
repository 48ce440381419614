"""``tumorscope data``: its verbs; inventory is here."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.cli.data_check import check
from tumorscope.cli.data_copies import duplicates, overlap
from tumorscope.cli.data_feedback import feedback
from tumorscope.cli.data_fetch import fetch
from tumorscope.cli.data_labels import labels
from tumorscope.cli.data_leakage import leakage
from tumorscope.cli.data_shortcuts import shortcuts
from tumorscope.cli.data_split import split
from tumorscope.cli.options import chosen_source, collection_root_option
from tumorscope.labels import NOTICE


@click.group()
def data() -> None:
    """Inspect and split a collection of scans; nothing is ever deleted."""


data.add_command(check)
data.add_command(duplicates)
data.add_command(overlap)
data.add_command(labels)
data.add_command(leakage)
data.add_command(shortcuts)
data.add_command(split)
data.add_command(feedback)
data.add_command(fetch)


@data.command()
@click.argument("source", metavar="SOURCE", required=False, type=click.Path(path_type=Path))
@click.option("--manifest", type=click.Path(path_type=Path), hidden=True)
@click.option("--output", type=click.Path(path_type=Path), required=True, help="CSV file to write.")
@collection_root_option
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.pass_context
def inventory(
    context: click.Context,
    source: Path | None,
    manifest: Path | None,
    output: Path,
    root: Path | None,
    *,
    overwrite: bool,
) -> None:
    """List every image of a folder or manifest with what looks wrong, and print the counts."""
    from tumorscope.data.collection import open_collection
    from tumorscope.data.inventory import INVENTORY_COLUMNS, count_findings, take_inventory
    from tumorscope.data.manifest import write_table
    from tumorscope.system.files import check_output

    check_output(output, overwrite=overwrite)
    opened = open_collection(chosen_source(source, manifest), root)
    findings = list(take_inventory(opened.rows, opened.root))
    write_table(output, INVENTORY_COLUMNS, findings, overwrite=overwrite)
    for name, counts in count_findings(findings).items():
        click.echo(f"{name}: " + ", ".join(f"{key} {n}" for key, n in sorted(counts.items())))
    click.echo(f"{len(findings)} images; the findings are in {output}")
    click.echo(NOTICE)
    if any(finding["is_unreadable_issue"] for finding in findings):
        context.exit(1)
