"""Settings from a file: the options of ``serve`` and ``node``, each under its verb.

A key of a table is the name of an option without the dashes in front. An option on the command line
outweighs a variable of the environment, that the file, and the file the default.
"""

from __future__ import annotations

import difflib
import importlib
import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from tumorscope.errors import UsageError

FILE_VARIABLE: Final = "TUMORSCOPE_CONFIG"
PREFIX: Final = "TUMORSCOPE"
"""Of the variables of the environment: ``TUMORSCOPE_SERVE_PORT`` is ``--port`` of ``serve``."""

VERBS: Final = ("serve", "node")
_NAME: Final = "tumorscope.toml"
_MAX_BYTES: Final = 1024 * 1024
_NOT_SETTINGS: Final = ("config", "help", "new-api-key")

_Command = Callable[..., Any]


def config_option(command: _Command) -> _Command:
    """Add ``--config``, whose file gives the other options of a verb their defaults."""
    return click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar=FILE_VARIABLE,
        is_eager=True,
        expose_value=False,
        callback=_apply,
        help="File of settings, see 'tumorscope config'.  [default: tumorscope.toml in the user's "
        "configuration folder, else in /etc/tumorscope]",
    )(command)


def service_option(command: _Command) -> _Command:
    """Add ``--config`` to a verb that works on the files of ``serve``: it takes their places."""
    return click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar=FILE_VARIABLE,
        is_eager=True,
        expose_value=False,
        callback=_apply_of_service,
        help="File of settings; its [serve] says where the files are.",
    )(command)


def find_settings() -> Path | None:
    """Return the file of settings where nobody names one, ``None`` where there is none."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    places = (Path(home) / "tumorscope" / _NAME, Path("/etc/tumorscope") / _NAME)
    return next((one for one in places if one.is_file()), None)


def read_settings(path: Path, command: click.Command, verb: str) -> dict[str, Any]:
    """Return what a file sets of a verb, by the names of its parameters.

    Parameters
    ----------
    path
        Relative paths in it start from its folder.
    command
        The verb.
    verb
        Its name, that of the table.

    Raises
    ------
    UsageError
        If the file cannot be read, or a setting of the verb is unknown or cannot be used.
    """
    document = _read(path)
    wrong = [*_wrong_tables(document), *_wrong_settings(document, command, verb)]
    if wrong:
        more = f" {len(wrong) - 1} more: tumorscope config check" if len(wrong) > 1 else ""
        raise UsageError(f"{path}: {wrong[0]}{more}")
    options = settings_of(command)
    return {
        _parameter_name(options[name]): _placed(options[name], value, path.parent)
        for name, value in document.get(verb, {}).items()
    }


def problems(path: Path) -> list[str]:
    """Return everything that is wrong with a file, of all its tables, a sentence each.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    document = _read(path)
    wrong = list(_wrong_tables(document))
    for verb in VERBS:
        wrong += _wrong_settings(document, command_of(verb), verb)
    return wrong + [f"The environment: {one}" for one in _wrong_variables()]


def command_of(verb: str) -> click.Command:
    """Import a verb whose options are settings."""
    command: click.Command = getattr(importlib.import_module(f"tumorscope.cli.{verb}"), verb)
    return command


def settings_of(command: click.Command) -> dict[str, click.Option]:
    """Return the options of a verb that a file may set, by name."""
    named = {
        one.opts[0].lstrip("-"): one
        for one in command.params
        if isinstance(one, click.Option) and not one.hidden
    }
    return {name: one for name, one in named.items() if name not in _NOT_SETTINGS}


def variable_of(verb: str, option: click.Option) -> str:
    """Return the variable of the environment that sets an option."""
    return f"{PREFIX}_{verb}_{option.name}".upper()


def _apply(context: click.Context, _option: click.Parameter, value: Path | None) -> None:
    _set_defaults(context, value, context.command, str(context.info_name))


def _apply_of_service(context: click.Context, _option: click.Parameter, value: Path | None) -> None:
    _set_defaults(context, value, command_of("serve"), "serve")


def _set_defaults(
    context: click.Context, path: Path | None, command: click.Command, verb: str
) -> None:
    path = path or find_settings()
    if path is not None and not context.resilient_parsing:
        context.default_map = read_settings(path, command, verb)


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"The file of settings {path} is larger than {_MAX_BYTES:,} bytes.")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"The file of settings {path} cannot be read ({error.strerror})."
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The file of settings {path} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The file of settings {path} is not TOML: {error}.") from error


def _wrong_tables(document: dict[str, Any]) -> Iterator[str]:
    for name, value in document.items():
        if name not in VERBS:
            yield f"there is no table [{name}]; {_nearest(name, VERBS)}"
        elif not isinstance(value, dict):
            yield f"{name} must be a table: [{name}] in a line of its own."


def _wrong_settings(document: dict[str, Any], command: click.Command, verb: str) -> Iterator[str]:
    settings = document.get(verb, {})
    if not isinstance(settings, dict):
        return
    options = settings_of(command)
    for name, value in settings.items():
        if name not in options:
            yield f"[{verb}] has no setting {name!r}; {_nearest(name, tuple(options))}"
        elif reason := _refusal(options[name], value):
            yield f"[{verb}] {name} = {_shown(value)}: {reason}"


def _wrong_variables() -> Iterator[str]:
    for verb in VERBS:
        known = [variable_of(verb, one) for one in settings_of(command_of(verb)).values()]
        for name in sorted(os.environ):
            if name.startswith(f"{PREFIX}_{verb.upper()}_") and name not in known:
                yield f"there is no variable {name}; {_nearest(name, tuple(known))}"


def _refusal(option: click.Option, value: object) -> str:
    """Return why an option cannot have a value; nothing if it can."""
    if option.multiple != isinstance(value, list):
        return f"give {'a list of values' if option.multiple else 'one value, not a list'}."
    values = value if isinstance(value, list) else [value]
    reasons = (_refusal_of_one(option, one) for one in values)
    return next(filter(None, reasons), "")


def _refusal_of_one(option: click.Option, value: object) -> str:
    wanted = _wanted(option)
    if type(value) not in wanted.kinds:
        return wanted.told
    try:
        option.type.convert(value, option, None)
    except click.BadParameter as error:
        return error.message
    return ""


class _Wanted(NamedTuple):
    kinds: tuple[type, ...]
    told: str


def _wanted(option: click.Option) -> _Wanted:
    """Return the kinds of TOML values that an option takes."""
    if option.is_flag:
        return _Wanted((bool,), "give true or false.")
    if isinstance(option.type, click.types.IntParamType):
        return _Wanted((int,), "give a whole number, without quotation marks.")
    if isinstance(option.type, click.types.FloatParamType):
        return _Wanted((int, float), "give a number, without quotation marks.")
    return _Wanted((str,), "give a text, in quotation marks.")


def _placed(option: click.Option, value: Any, folder: Path) -> Any:
    """Return a value; a path that is not absolute starts from the folder of the file."""
    if not isinstance(option.type, click.Path):
        return value
    path = folder / Path(value).expanduser()
    # A model may also be the name of an embedded one.
    return value if option.name == "model" and not path.is_file() else str(path)


def _parameter_name(option: click.Option) -> str:
    return str(option.name)


def _nearest(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name.replace("_", "-"), known, n=1, cutoff=0.5)
    close = close or difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
