"""``tumorscope data feedback``: readings from the page as a manifest."""

from __future__ import annotations

import json
from pathlib import Path

import click

from tumorscope.labels import NOTICE


@click.command()
@click.argument("export", type=click.Path(path_type=Path, dir_okay=False))
@click.argument("images", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Manifest (CSV) to write; beside it a file .jsonl says what was read, by which model.",
)
@click.option("--set", "name", default="readings", show_default=True, help="Name of the set.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
def feedback(export: Path, images: Path, output: Path, name: str, *, overwrite: bool) -> None:
    """Turn readings into a manifest that calibrate and evaluate read.

    EXPORT is the worklist of the page as JSON; IMAGES the folder of the images. Paths in the
    manifest are relative to IMAGES: give it as --root.
    """
    from tumorscope.data.feedback import read_feedback
    from tumorscope.data.manifest import write_manifest
    from tumorscope.errors import UsageError
    from tumorscope.system.files import check_output, write_whole

    records = output.with_suffix(".jsonl")
    for one in (output, records):
        check_output(one, overwrite=overwrite)
    found = read_feedback(export, images, name=name)
    for reason, count in found.left_out.items():
        click.echo(f"{count} left out: {reason}.", err=True)
    if not found.rows:
        raise UsageError(f"{export} has no reading of an image in {images}.")
    write_manifest(output, found.rows, overwrite=overwrite)
    write_whole(records, "".join(json.dumps(one) + "\n" for one in found.records))
    tumors = sum(row.tumor == 1 for row in found.rows)
    click.echo(
        f"{len(found.rows)} readings, {tumors} with and {len(found.rows) - tumors} without a "
        f"tumor, in {output}"
    )
    click.echo(NOTICE)
