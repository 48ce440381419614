"""How this program was started, so that the commands it prints work as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

_NAME: Final = "tumorscope"
_COMMAND: Final = re.compile(rf"(?<=['`]){_NAME} (?=[a-z])")
"""The name at the start of a quoted command."""


def own_command() -> str:
    """Return the program's name as it can be typed again in the same shell.

    Its bare name where that is found on the path, otherwise the path under which it was started,
    such as ``.venv/bin/tumorscope``.
    """
    started = sys.argv[0]
    if Path(started).name == "__main__.py":
        return f"{_typed(sys.executable)} -m {_NAME}"
    return _typed(started) if Path(started).name == _NAME else _NAME


def next_command(arguments: str) -> str:
    """Return a command of this program with arguments, ready to be typed."""
    return f"{own_command()} {arguments}"


def as_typed(message: str) -> str:
    """Put the program's name as it was typed into the commands that a message quotes."""
    return _COMMAND.sub(lambda _: f"{own_command()} ", message)


def _typed(program: str) -> str:
    found = shutil.which(Path(program).name)
    is_on_path = found is not None and Path(found).resolve() == Path(program).resolve()
    return Path(program).name if is_on_path else shlex.quote(program)
