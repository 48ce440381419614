"""``tumorscope serve``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.cli.options import model_option
from tumorscope.cli.own_command import next_command
from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.base.api_keys import add_key
from tumorscope.serving.http_api.base.config import (
    LOCAL_PROXIES,
    ServerConfig,
    default_api_keys,
    default_spool,
)
from tumorscope.serving.http_api.server import serve as run_server
from tumorscope.serving.loopback import is_loopback


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
    envvar="TUMORSCOPE_API_KEYS",
    help="File of key hashes, see 'tumorscope keys'; needed unless --host is a loopback address.  "
    "[default there: keys in the user's state folder]",
)
@click.option(
    "--keep-results",
    default=3600,
    show_default=True,
    type=click.IntRange(0, 30 * 86_400),
    metavar="SECONDS",
    help="For which the answers of a finished job can be fetched again. 0: deleted when sent.",
)
@click.option(
    "--root-path",
    default="",
    metavar="PATH",
    help="Path under which a proxy shows the service, such as /tumorscope; needed where the proxy "
    "does not say it in X-Forwarded-Prefix.",
)
@click.option(
    "--trust-proxy",
    "proxies",
    multiple=True,
    metavar="ADDRESS",
    default=LOCAL_PROXIES,
    help="Address or network of a proxy whose X-Forwarded-Prefix is believed; repeatable.  "
    "[default: this machine's own]",
)
@click.option(
    "--new-api-key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    hidden=True,
)
def serve(
    *,
    host: str,
    port: int,
    workers: int,
    model: Path | None,
    spool: Path,
    api_keys: Path | None,
    keep_results: int,
    root_path: str,
    proxies: tuple[str, ...],
    key_file: Path | None,
) -> None:
    """Serve the HTTP API and the web page, until stopped."""
    if key_file is not None:
        click.echo(
            "tumorscope: --new-api-key goes away; use: tumorscope keys add NAME --api-keys "
            f"{key_file}",
            err=True,
        )
        click.echo(add_key(key_file))
        return
    if api_keys is None and not is_loopback(host) and default_api_keys().is_file():
        api_keys = default_api_keys()
    config = ServerConfig(
        host=host,
        model=model,
        spool=spool,
        api_keys=api_keys,
        keep_results_s=keep_results,
        root_path=root_path,
        proxies=proxies,
    )
    run_server(config, port=port, workers=workers, announce=_announce)


def _announce(url: str) -> None:
    click.echo(
        f"tumorscope is running on {url} (Ctrl+C stops it)\n"
        f"In another terminal: {next_command('predict PATH...')}\n{NOTICE}"
    )
