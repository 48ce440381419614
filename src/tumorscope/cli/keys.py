"""``tumorscope keys``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.serving.http_api.base.api_keys import add_key, read_keys, revoke_key
from tumorscope.serving.http_api.base.config import default_api_keys

_file_option = click.option(
    "--api-keys",
    "--file",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=default_api_keys,
    envvar="TUMORSCOPE_API_KEYS",
    help="File of key hashes.  [default: keys in the user's state folder]",
)


@click.group()
def keys() -> None:
    """Manage the API keys of 'tumorscope serve', which heeds changes at the next request."""


@keys.command()
@click.argument("name")
@_file_option
def add(name: str, file: Path) -> None:
    """Make a key and print it, once: only its hash is kept."""
    key = add_key(file, name)
    click.echo(key)
    click.echo(f"tumorscope: The hash of the key {name} is in {file}.", err=True)


@keys.command("list")
@_file_option
def list_keys(file: Path) -> None:
    """List the names of the keys and when they were made."""
    for one in read_keys(file) if file.exists() else ():
        click.echo(f"{one.name}\t{one.created or 'unknown time'}")


@keys.command()
@click.argument("name")
@_file_option
def revoke(name: str, file: Path) -> None:
    """Take a key away: it is refused at the next request."""
    revoke_key(file, name)
    click.echo(f"tumorscope: The key {name} is revoked.", err=True)
