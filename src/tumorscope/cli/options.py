"""Options that several verbs have."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from tumorscope.errors import UsageError

_LOGGER: Final = logging.getLogger("tumorscope")

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


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add what tells how a folder or manifest is understood."""
    labels = click.option(
        "--labels",
        multiple=True,
        metavar="NAME=LABEL",
        help="What a folder holds if its name does not say: tumor, no_tumor or a tumor type; "
        "repeatable.",
    )
    pattern = click.option(
        "--patient-pattern",
        metavar="REGEX",
        help="Finds the patient in a path, such as '(p[0-9]+)'.  [default: the manifest's column, "
        "or DICOM]",
    )
    return labels(pattern(command))


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument SOURCE, ``--root``, how it is understood, and the old ``--manifest``."""
    source = click.argument(
        "source", metavar="SOURCE", required=False, type=click.Path(path_type=Path)
    )
    old = click.option("--manifest", type=click.Path(path_type=Path), hidden=True)
    return source(old(root_option(reading_options(command))))


def chosen_source(source: Path | None, manifest: Path | None) -> Path:
    """Return what SOURCE names; say of ``--manifest`` what has replaced it."""
    if source is not None and manifest is not None:
        raise UsageError("SOURCE and --manifest were both given; give SOURCE only.")
    if manifest is not None:
        _LOGGER.warning("'--manifest FILE' is now just 'FILE'.")
        return manifest
    if source is None:
        raise UsageError(
            "There is nothing to read; give a folder with a subfolder per label, or a manifest "
            "(CSV)."
        )
    return source
