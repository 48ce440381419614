"""Every command that the documents show exists, with the options that they give it."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tumorscope.cli.main import cli

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for page in sorted(ROOT.glob("docs/**/*.md")) if "results" not in page.parts),
]
INLINE = re.compile(r"`(tumorscope [^`\n]+)`")
SHELL = re.compile(r"^ {4,}(?:\$ )?(?:[A-Z_]+=\S+ )?(tumorscope [^#|;&>\n]*)", re.MULTILINE)
OPTION = re.compile(r"(?<![\w-])--[a-z][\w-]*")
PROGRAM = re.compile(r"python -m (benchmarks\.\w+)|python ((?:benchmarks|docs)/\w+\.py)")


def commands() -> Iterator[tuple[str, str]]:
    """Yield page and command; a command may go on in the next line after a backslash."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for pattern in (INLINE, SHELL):
            for line in pattern.findall(text):
                yield page.relative_to(ROOT).as_posix(), " ".join(line.split())


def resolve(words: list[str]) -> click.Command:
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        if word.startswith("-"):
            break
        found = command.get_command(click.Context(command), word)
        assert found is not None, f"there is no verb {word!r}"
        command = found
    return command


COMMANDS = sorted(set(commands()))


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_verb_and_options_exist(page: str, line: str) -> None:
    if re.search(r"VERB|inventory\||\.\w+\b", line.split()[1]):
        return  # a pattern, or the name of a module
    command = resolve(line.split()[1:])
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "--version"}
    unknown = set(OPTION.findall(line)) - known
    assert not unknown, f"{page}: {line}"


def test_programs_exist() -> None:
    for page in PAGES:
        for module, path in PROGRAM.findall(page.read_text(encoding="utf-8")):
            name = path or module.replace(".", "/") + ".py"
            assert (ROOT / name).is_file(), f"{page.name}: {name}"


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))
    shown = re.compile(r"(?:^ {4}|`)make ([a-z -]+)", re.MULTILINE)
    for page in PAGES:
        for words in shown.findall(page.read_text(encoding="utf-8")):
            asked = {word for word in words.split() if not word.startswith("-")}
            assert asked <= targets, f"{page.name}: make {words}"


def test_the_check_sees_an_option_that_is_not_there() -> None:
    with pytest.raises(AssertionError):
        test_verb_and_options_exist("page", "tumorscope predict scan.png --no-such-option")
    with pytest.raises(AssertionError, match="no verb 'diagnose'"):
        test_verb_and_options_exist("page", "tumorscope diagnose scan.png")
