"""``tumorscope audit``: the log of who did what."""

from __future__ import annotations

import csv
import getpass
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, Final, cast

import click

from tumorscope.cli.options import audit_option, salt_option
from tumorscope.cli.settings import service_option
from tumorscope.errors import UsageError
from tumorscope.serving.audit_log import AuditLog, Head, entries
from tumorscope.serving.audit_log import verify as verify_files
from tumorscope.serving.http_api.base.config import ServerConfig, default_spool
from tumorscope.serving.pseudonyms import Kind, read_pseudonyms

_HEAD: Final = re.compile(r"(\d{1,15}):([0-9a-f]{64})")
_COLUMNS: Final = ("n", "time", "by", "verb", "status", "model", "studies", "job", "details")

_files_argument = click.argument(
    "files", nargs=-1, type=click.Path(dir_okay=False, exists=True, path_type=Path)
)


@click.group()
def audit() -> None:
    """Check and read the log of who did what."""


@audit.command()
@service_option
@audit_option
@click.option("--noted", metavar="N:HASH", help="Line noted before, which must still be there.")
@_files_argument
def verify(audit_log: Path | None, noted: str | None, files: tuple[Path, ...]) -> None:
    """Say whether the log is as it was written, or which line is not; FILES in their order.

    Without FILES those of --audit-log are checked, rotated ones first.
    """
    head = verify_files(_chosen(audit_log, files), noted=None if noted is None else _head(noted))
    click.echo(f"The log is whole up to {head}. Note this line elsewhere, for --noted.")


@audit.command()
@service_option
@audit_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["json", "csv"]),
    default="csv",
    help="Form of the entries.",
    show_default=True,
)
@click.option("--by", metavar="NAME", help="Only what this key, sender or user did.")
@click.option("--verb", help="Only this verb.")
@click.option("--study-hash", metavar="HASH", help="Only what was done with this study.")
@click.option("--since", metavar="TIME", help="From this time on, such as 2026-01-31 (UTC).")
@click.option("--until", metavar="TIME", help="Before this time (UTC).")
@_files_argument
def export(
    *,
    audit_log: Path | None,
    form: str,
    files: tuple[Path, ...],
    **wanted: str | None,
) -> None:
    """Print entries, each checked as it is read; stops with code 2 where the log was changed."""
    writer = csv.writer(sys.stdout)
    if form == "csv":
        writer.writerow(_COLUMNS)
    for _, entry in entries(_chosen(audit_log, files)):
        if not _is_wanted(entry, wanted):
            continue
        if form == "json":
            click.echo(json.dumps(entry))
        else:
            writer.writerow(_row(entry))


@audit.command()
@service_option
@audit_option
def rotate(audit_log: Path | None) -> None:
    """Go on in a new file that is bound to the old one; services need not be told."""
    moved = _log(audit_log).rotate()
    click.echo("The log has no entries." if moved is None else str(moved))


@audit.command("hash")
@service_option
@salt_option
@click.option(
    "--spool",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_spool,
    help="Folder of jobs, as of serve.  [default: in the user's state folder]",
)
@click.argument("kind", type=click.Choice(["study", "patient", "job"]))
def hash_(*, salt: Path | None, spool: Path, kind: str) -> None:
    """Read identifiers from the standard input, one a line, and print their hashes.

    Of studies the UID, of patients the Patient ID, of jobs the id.
    """
    file = ServerConfig(spool=spool, salt=salt).salt_file
    if not file.is_file():
        raise UsageError(f"There is no salt {file}; name that of the service with --salt.")
    pseudonyms = read_pseudonyms(file)
    for line in sys.stdin:
        if line.strip():
            click.echo(pseudonyms.of(cast("Kind", kind), line))


def write_entry(audit_log: Path | None, verb: str, **details: Any) -> None:
    """Write down what an administrator does, where there is a log."""
    if audit_log is not None:
        user = os.environ.get("SUDO_USER") or getpass.getuser()
        AuditLog(audit_log).write(verb, by=f"user {user}", **details)


def _log(audit_log: Path | None) -> AuditLog:
    if audit_log is None:
        raise UsageError("No audit log is named; give --audit-log FILE or set it in [serve].")
    return AuditLog(audit_log)


def _chosen(audit_log: Path | None, files: tuple[Path, ...]) -> list[Path]:
    chosen = list(files) or _log(audit_log).files()
    if not chosen:
        raise UsageError(f"There is no audit log {audit_log}.")
    return chosen


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text)
    if found is None:
        raise UsageError(f"{text!r} is not a line that 'tumorscope audit verify' prints, N:HASH.")
    return Head(int(found[1]), found[2])


def _is_wanted(entry: dict[str, Any], wanted: dict[str, str | None]) -> bool:
    since, until, study = wanted["since"], wanted["until"], wanted["study_hash"]
    return (
        all(wanted[name] in (None, entry.get(name)) for name in ("by", "verb"))
        and (since is None or entry["time"] >= since)
        and (until is None or entry["time"] < until)
        and (study is None or study in entry.get("studies", []))
    )


def _row(entry: dict[str, Any]) -> list[Any]:
    left = {
        name: value
        for name, value in entry.items()
        if name not in _COLUMNS and name not in ("before", "hash")
    }
    named = {
        **entry,
        "studies": " ".join(entry.get("studies", [])),
        "details": json.dumps(left) if left else "",
    }
    return [named.get(name, "") for name in _COLUMNS]
