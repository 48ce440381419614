"""Commands that the program prints work in the shell that it was started in."""

import os
import sys
from pathlib import Path

import pytest

from tumorscope.cli.own_command import as_typed, own_command


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A program of that name that the path does not hold."""
    monkeypatch.setenv("PATH", "/usr/bin")
    program = tmp_path / "a b" / "tumorscope"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "argv", [str(program)])
    return program


def test_a_program_off_the_path_is_named_by_its_path(started: Path) -> None:
    assert own_command() == f"'{started}'"


def test_a_program_on_the_path_is_named_alone(
    started: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"/usr/bin{os.pathsep}{started.parent}")
    assert own_command() == "tumorscope"


def test_only_quoted_commands_are_rewritten(started: Path) -> None:
    said = "This version of tumorscope knows 1. Make one with 'tumorscope data split'."
    assert as_typed(said) == (
        f"This version of tumorscope knows 1. Make one with ''{started}' data split'."
    )
