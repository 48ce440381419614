"""``tumorscope serve``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.cli.options import model_option
from tumorscope.cli.own_command import next_command
from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.api_keys import new_key, read_hashes
from tumorscope.serving.http_api.config import ServerConfig, default_spool
from tumorscope.serving.http_api.server import serve as run_server


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 64),
    help="Worker processes; each loads the model and uses its share of the cores.",
)
@model_option
@click.option(
    "--spool",
    type=click.Path(file_okay=False, path_type=Path),
    default=default_spool,
    help="Folder where jobs survive a restart.  [default: in the user's state folder]",
)
@click.option(
    "--api-keys",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of key hashes; needed unless --host is a loopback address.",
)
@click.option(
    "--new-api-key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Add a new key's hash to this file, print the key, and exit.",
)
def serve(
    *,
    host: str,
    port: int,
    workers: int,
    model: Path | None,
    spool: Path,
    api_keys: Path | None,
    key_file: Path | None,
) -> None:
    """Serve the HTTP API and the web page, until stopped."""
    if key_file is not None:
        click.echo(new_key(key_file))
        return
    config = ServerConfig(
        host=host,
        model=model,
        spool=spool,
        api_key_hashes=() if api_keys is None else read_hashes(api_keys),
    )
    run_server(config, port=port, workers=workers, announce=_announce)


def _announce(url: str) -> None:
    click.echo(
        f"tumorscope is running on {url} (Ctrl+C stops it)\n"
        f"In another terminal: {next_command('predict PATH...')}\n{NOTICE}"
    )
