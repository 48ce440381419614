"""``tumorscope purge``, ``backup`` and ``restore``: what the service keeps."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import click

from tumorscope.cli.audit import write_entry
from tumorscope.cli.options import audit_option, salt_option
from tumorscope.cli.settings import service_option
from tumorscope.errors import UsageError
from tumorscope.serving.audit_log import MOST_STUDIES, AuditLog
from tumorscope.serving.http_api.base.config import ServerConfig, default_api_keys, default_spool
from tumorscope.serving.http_api.jobs.backup import back_up
from tumorscope.serving.http_api.jobs.backup import restore as put_back
from tumorscope.serving.http_api.jobs.job_store import STORE_NAME, JobStore
from tumorscope.serving.http_api.jobs.subjects import Purge
from tumorscope.serving.pseudonyms import read_pseudonyms
from tumorscope.system.files import check_output

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_AGE: Final = re.compile(r"(\d{1,9})([smhd])")
_HASH: Final = re.compile(r"[0-9a-f]{32}")


def _places(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say where the service keeps things."""
    spool = click.option(
        "--spool",
        type=click.Path(file_okay=False, path_type=Path),
        default=default_spool,
        help="Folder of jobs, as of serve.  [default: in the user's state folder]",
    )
    return service_option(spool(salt_option(audit_option(command))))


@click.command()
@_places
@click.option("--study", metavar="UID", help="Jobs with scans of this Study Instance UID.")
@click.option(
    "--patient-hash",
    metavar="HASH",
    help="Jobs with scans of this patient; 'tumorscope audit hash' makes the hash.",
)
@click.option("--older-than", metavar="AGE", help="Jobs made before that: 90m, 12h, 30d.")
@click.option("--dry-run", is_flag=True, help="Delete nothing; say how many jobs there are.")
def purge(
    *,
    spool: Path,
    salt: Path | None,
    study: str | None,
    patient_hash: str | None,
    older_than: str | None,
    dry_run: bool,
    audit_log: Path | None,
) -> None:
    """Delete jobs with their uploads, answers and pictures, while the service runs."""
    wanted = _wanted(study, patient_hash, older_than)
    config = ServerConfig(spool=spool, salt=salt)
    if not (spool / STORE_NAME).is_file():
        raise UsageError(f"{spool} holds no jobs; name the folder of the service with --spool.")
    with closing(JobStore(config)) as store:
        jobs = wanted.jobs(store, read_pseudonyms(config.salt_file))
        deleted = len(jobs) if dry_run else sum(store.discard(job) for job in jobs)
    if not dry_run:
        pseudonyms = read_pseudonyms(config.salt_file)
        studies = None if study is None else [pseudonyms.of("study", study)]
        write_entry(
            audit_log,
            "purge",
            studies=studies,
            patient=patient_hash,
            older_than=older_than,
            jobs=[pseudonyms.of("job", job) for job in jobs[:MOST_STUDIES]],
            deleted=deleted,
        )
    click.echo(f"{deleted} jobs {'would be ' if dry_run else ''}deleted.")


@click.command()
@_places
@click.option(
    "--api-keys",
    type=click.Path(dir_okay=False, path_type=Path),
    default=default_api_keys,
    envvar="TUMORSCOPE_API_KEYS",
    help="File of key hashes.  [default: keys in the user's state folder]",
)
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
def backup(
    *, spool: Path, salt: Path | None, api_keys: Path, audit_log: Path | None, output: Path
) -> None:
    """Write jobs, keys, salt and audit log to the tar file OUTPUT, while the service runs."""
    check_output(output, overwrite=False)
    write_entry(audit_log, "backup")
    beside = _beside(spool, salt, api_keys)
    if audit_log is not None:
        beside |= {f"audit/{one.name}": one for one in AuditLog(audit_log).files()}
    count = back_up(output, spool=spool, beside=beside)
    click.echo(
        f"{output}: {count} files. It may hold scans and answers of patients: protect it "
        "accordingly.",
        err=True,
    )


@click.command()
@_places
@click.option(
    "--api-keys",
    type=click.Path(dir_okay=False, path_type=Path),
    default=default_api_keys,
    envvar="TUMORSCOPE_API_KEYS",
    help="Where the file of key hashes goes.  [default: keys in the user's state folder]",
)
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
def restore(
    *, spool: Path, salt: Path | None, api_keys: Path, audit_log: Path | None, file: Path
) -> None:
    """Put back what 'tumorscope backup' wrote to FILE; the service must be stopped.

    Nothing is replaced, and a damaged backup changes nothing. Jobs that were not finished go on at
    the next start.
    """
    count = put_back(
        file,
        spool=spool,
        beside=_beside(spool, salt, api_keys),
        audit=None if audit_log is None else audit_log.parent,
    )
    write_entry(audit_log, "restore")
    click.echo(f"{count} files restored to {spool} and beside it.", err=True)


def _beside(spool: Path, salt: Path | None, api_keys: Path) -> dict[str, Path]:
    return {"keys": api_keys, "salt": ServerConfig(spool=spool, salt=salt).salt_file}


def _wanted(study: str | None, patient_hash: str | None, older_than: str | None) -> Purge:
    if sum(one is not None for one in (study, patient_hash, older_than)) != 1:
        raise UsageError("Give one of --study UID, --patient-hash HASH and --older-than AGE.")
    if patient_hash is not None and not _HASH.fullmatch(patient_hash):
        raise UsageError(
            f"{patient_hash!r} is not the hash of a patient; make one: "
            "tumorscope audit hash patient"
        )
    age = None if older_than is None else _seconds(older_than)
    return Purge(study=study, patient_hash=patient_hash, older_than_s=age)


def _seconds(age: str) -> int:
    found = _AGE.fullmatch(age)
    if found is None:
        raise UsageError(f"{age!r} is not an age; give one such as 90m, 12h or 30d.")
    return int(found[1]) * _UNITS[found[2]]
