"""``tumorscope serve``."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from tumorscope.cli.options import audit_option, model_option
from tumorscope.cli.own_command import next_command
from tumorscope.cli.settings import config_option
from tumorscope.imaging.limits import MEBIBYTE
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

_DEFAULTS: Final = ServerConfig()
_FIELDS: Final = {one.name for one in dataclasses.fields(ServerConfig)}
_SECONDS: Final = click.FloatRange(0.1, 86_400)

_BOUNDS: Final[tuple[tuple[str, str, click.ParamType[Any], str, int], ...]] = (
    (
        "--max-upload",
        "max_upload_bytes",
        click.IntRange(1, 4096),
        "MiB of one image request, in memory.",
        MEBIBYTE,
    ),
    ("--max-upload-files", "max_upload_files", click.IntRange(1), "Files of one image request.", 1),
    ("--max-slices", "max_slices", click.IntRange(1), "Slices of one image request.", 1),
    ("--max-job", "max_job_bytes", click.IntRange(1), "MiB of one job, in the spool.", MEBIBYTE),
    ("--max-job-files", "max_job_files", click.IntRange(1), "Files of one job.", 1),
    ("--max-job-slices", "max_job_slices", click.IntRange(1), "Slices of one job.", 1),
    ("--max-jobs", "max_jobs", click.IntRange(1), "Jobs that wait or run.", 1),
    (
        "--max-in-flight",
        "max_in_flight",
        click.IntRange(1, 1024),
        "Image requests in each process that upload, wait or are computed.",
        1,
    ),
    (
        "--max-computing",
        "max_computing",
        click.IntRange(1, 64),
        "Slices computed at once in each process.",
        1,
    ),
    (
        "--max-spool",
        "max_spool_bytes",
        click.IntRange(1),
        "MiB of uploads, answers and pictures of all jobs.",
        MEBIBYTE,
    ),
    (
        "--keep-bytes",
        "keep_bytes",
        click.IntRange(0),
        "MiB of answers of finished jobs that are kept; the oldest go first.",
        MEBIBYTE,
    ),
    (
        "--max-hold",
        "max_hold_s",
        click.IntRange(0, 30 * 86_400),
        "Longest time in seconds for which a client may keep a finished job to look at.",
        1,
    ),
    (
        "--expiry",
        "expiry_s",
        click.FloatRange(0, 30 * 86_400),
        "Seconds after which a finished job goes that nobody looks at or fetches.",
        1,
    ),
    ("--upload-timeout", "upload_timeout_s", _SECONDS, "Seconds for a whole body to arrive.", 1),
    ("--idle-timeout", "idle_timeout_s", _SECONDS, "Seconds for the next bytes to arrive.", 1),
    (
        "--lease",
        "lease_s",
        _SECONDS,
        "Seconds of silence after which another process takes a job over.",
        1,
    ),
    (
        "--threads",
        "threads",
        click.IntRange(1, 256),
        "Processor threads of the network in each process.  [default: its share of the cores]",
        1,
    ),
)
"""Option, field of :class:`ServerConfig`, what it may be, what it says, and its unit."""


def _bounds(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add an option for each bound of the service."""
    for name, field, allowed, told, unit in reversed(_BOUNDS):
        default = getattr(_DEFAULTS, field)
        command = click.option(
            name,
            field,
            default=default if unit == 1 else default // unit,
            show_default=default is not None,
            type=allowed,
            help=told,
        )(command)
    return command


@click.command()
@config_option
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
    "--salt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File of the key that makes hashes of studies and patients; made where there is none.  "
    "[default: salt in the spool]",
)
@click.option(
    "--api-keys",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="TUMORSCOPE_API_KEYS",
    help="File of key hashes, see 'tumorscope keys'; needed unless --host is a loopback address.  "
    "[default there: keys in the user's state folder]",
)
@audit_option
@click.option(
    "--rate-limit",
    type=click.IntRange(1, 1_000_000),
    help="Image requests and jobs of one API key in a minute; more are refused.  "
    "[default: no bound]",
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
@_bounds
@click.option(
    "--new-api-key",
    "key_file",
    type=click.Path(dir_okay=False, path_type=Path),
    hidden=True,
)
def serve(
    *, port: int, workers: int, key_file: Path | None, model: Path | None, **settings: Any
) -> None:
    """Serve the HTTP API and the web page, until stopped."""
    if key_file is not None:
        click.echo(
            "tumorscope: --new-api-key is deprecated; use tumorscope keys add NAME --api-keys "
            f"{key_file}",
            err=True,
        )
        click.echo(add_key(key_file))
        return
    config = service_config({**settings, "model": model})
    run_server(config, port=port, workers=workers, announce=_announce)


def service_config(settings: Mapping[str, Any]) -> ServerConfig:
    """Return what the options say, by the names of their parameters."""
    units = {field: unit for _, field, _, _, unit in _BOUNDS}
    fields = {
        name: value * units[name] if units.get(name, 1) != 1 else value
        for name, value in settings.items()
        if name in _FIELDS
    }
    fields["keep_results_s"] = settings["keep_results"]
    if fields["api_keys"] is None and not is_loopback(fields["host"]):
        kept = default_api_keys()
        fields["api_keys"] = kept if kept.is_file() else None
    return ServerConfig(**fields)


def _announce(url: str) -> None:
    click.echo(
        f"tumorscope is running on {url} (Ctrl+C stops it)\n"
        f"In another terminal: {next_command('predict PATH...')}\n{NOTICE}"
    )
