"""``tumorscope demo``."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from tumorscope.labels import NOTICE
from tumorscope.serving.loopback import is_loopback
from tumorscope.serving.page_host import page_folder, serve_page


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8080,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="TCP port; 0 for any that is free.",
)
@click.option(
    "--folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that 'make static' built.  [default: the one of this installation]",
)
@click.option("--open", "opens", is_flag=True, help="Open the page in the browser.")
def demo(*, host: str, port: int, folder: Path | None, opens: bool) -> None:
    """Serve the page with the model inside the browser, until stopped."""
    found = page_folder(folder)
    if not is_loopback(host):
        click.echo(
            "tumorscope: browsers run this page over HTTPS or from their own machine only; put a "
            "proxy with TLS before it.",
            err=True,
        )

    def announce(url: str) -> None:
        click.echo(
            f"The page is on {url} (Ctrl+C stops it). The model runs in the browser; nothing is "
            f"uploaded.\n{NOTICE}"
        )
        if opens:
            webbrowser.open(url)

    serve_page(found, host=host, port=port, announce=announce)
