"""``tumorscope keys``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.cli.audit import write_entry
from tumorscope.cli.options import audit_option
from tumorscope.cli.settings import service_option
from tumorscope.serving.http_api.base.api_keys import add_key, read_keys, revoke_key
from tumorscope.serving.http_api.base.config import default_api_keys

_file_option = click.option(
    "--api-keys",
    "--file",
    "api_keys",
    type=click.Path(dir_okay=False, path_type=Path),
    default=default_api_keys,
    envvar="TUMORSCOPE_API_KEYS",
    help="File of key hashes.  [default: keys in the user's state folder]",
)


@click.group()
def keys() -> None:
    """Manage the API keys of 'tumorscope serve', which heeds changes at the next request."""


@keys.command()
@service_option
@audit_option
@click.argument("name")
@_file_option
def add(name: str, api_keys: Path, audit_log: Path | None) -> None:
    """Make a key and print it, once: only its hash is kept."""
    key = add_key(api_keys, name)
    write_entry(audit_log, "key-add", key=name)
    click.echo(key)
    click.echo(f"tumorscope: The hash of the key {name} is in {api_keys}.", err=True)


@keys.command("list")
@service_option
@_file_option
def list_keys(api_keys: Path) -> None:
    """List the names of the keys and when they were made."""
    for one in read_keys(api_keys) if api_keys.exists() else ():
        click.echo(f"{one.name}\t{one.created or 'unknown time'}")


@keys.command()
@service_option
@audit_option
@click.argument("name")
@_file_option
def revoke(name: str, api_keys: Path, audit_log: Path | None) -> None:
    """Take a key away: it is refused at the next request."""
    revoke_key(api_keys, name)
    write_entry(audit_log, "key-revoke", key=name)
    click.echo(f"tumorscope: The key {name} is revoked.", err=True)
