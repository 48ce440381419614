"""Options that several verbs have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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

manifest_option = click.option(
    "--manifest", required=True, type=click.Path(path_type=Path), help="Manifest (CSV) with splits."
)

root_option = click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="Folder that the manifest's paths are relative to.",
)

collection_root_option = click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder that the paths are relative to.  [default: the manifest's]",
)


audit_option = click.option(
    "--audit-log",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of who did what, see 'tumorscope audit'.  [default: none]",
)

salt_option = click.option(
    "--salt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the key of the hashes of studies and patients.  [default: salt in the spool]",
)


def new_artifact_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--output`` and ``--overwrite`` of an artifact that is written."""
    output = click.option(
        "--output", required=True, type=click.Path(path_type=Path), help="Artifact file to write."
    )
    overwrite = click.option("--overwrite", is_flag=True, help="Replace an existing artifact.")
    return output(overwrite(command))
