"""``tumorscope config``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from tumorscope.cli.settings import (
    FILE_VARIABLE,
    PREFIX,
    VERBS,
    command_of,
    find_settings,
    problems,
    settings_of,
)
from tumorscope.errors import UsageError

_SOURCES: Final = {
    ParameterSource.ENVIRONMENT: "environment",
    ParameterSource.DEFAULT_MAP: "file",
}

_file_option = click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=FILE_VARIABLE,
    help="File of settings.  [default: tumorscope.toml in the user's configuration folder, else in "
    "/etc/tumorscope]",
)


@click.group()
def config() -> None:
    """Check and show the settings of 'tumorscope serve' and 'tumorscope node'."""


@config.command()
@_file_option
def check(path: Path | None) -> None:
    """Say everything that is wrong with the file of settings; exit code 2 if anything is.

    Also tried is what a start would refuse: addresses open to a network without keys or senders.
    """
    path = path or find_settings()
    if path is None:
        raise UsageError("There is no file of settings; name one with --config FILE.")
    wrong = problems(path)
    for one in wrong or _refused_starts(path):
        click.echo(f"{path}: {one}", err=True)
        wrong = [*wrong, one]
    if wrong:
        sys.exit(2)
    click.echo(f"{path}: the settings are known and can be used.")


@config.command()
@_file_option
def show(path: Path | None) -> None:
    """List all settings with their values and where each comes from: environment, file, default."""
    path = path or find_settings()
    path = path or find_settings()
    click.echo(f"# file: {path or 'none'}")
    for verb in VERBS:
        context = _context(verb, path)
        click.echo(f"[{verb}]")
        for name, option in settings_of(context.command).items():
            source = context.get_parameter_source(str(option.name))
            origin = _SOURCES.get(source or ParameterSource.DEFAULT, "default")
            value = context.params[str(option.name)]
            line = (
                f"# {name} is not set" if value is None else f"{name} = {_toml(value)}  # {origin}"
            )
            click.echo(line)


def _refused_starts(path: Path) -> list[str]:
    refused = []
    for verb, make in (("serve", _check_service), ("node", _check_node)):
        try:
            make(_context(verb, path).params)
        except UsageError as error:
            refused.append(f"[{verb}] {error}")
        except click.UsageError as error:
            refused.append(f"[{verb}] {error.format_message()}")
    return refused


def _check_service(params: dict[str, Any]) -> None:
    from tumorscope.cli.serve import service_config

    config = service_config(params)
    config.check()
    config.check_keys()


def _check_node(params: dict[str, Any]) -> None:
    from tumorscope.serving.dicom.config import NodeConfig

    fields = ("host", "ae_title", "accepted")
    NodeConfig(**{name: params[name] for name in fields}).check()


def _context(verb: str, path: Path | None) -> click.Context:
    """Return a verb's context as it would be without options on the command line."""
    words = [] if path is None else ["--config", str(path)]
    parent = click.Context(click.Group("tumorscope"), auto_envvar_prefix=PREFIX)
    return command_of(verb).make_context(verb, words, parent=parent)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(_toml(one) for one in value)}]"
    if isinstance(value, (int, float)):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
