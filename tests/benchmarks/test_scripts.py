"""Every script of benchmarks/ can be imported and says how it is used.

What one measures takes minutes to hours. A name that it uses and that is gone would be noticed
only then.
"""

import ast
import importlib
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
SCRIPTS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.py"))}
PEERS = {"bench_duplicates_peers", "peer_worker"}
"""Run in an environment of the peers, by bench_duplicates and bench: no options of their own."""
COMMANDS = [name for name, text in SCRIPTS.items() if "__main__" in text and name not in PEERS]


def _import(name: str):
    try:
        return importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(("benchmarks", "tumorscope")):
            raise
        pytest.skip(f"{error.name} is not installed")


@pytest.mark.parametrize("name", COMMANDS)
def test_command_says_how_it_is_used(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        _import(name).main()
    assert end.value.code == 0
    assert "usage: " in capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(SCRIPTS.keys() - set(COMMANDS)))
def test_part_of_a_command_can_be_imported_and_is_used(name):
    _import(name)
    others = [text for other, text in SCRIPTS.items() if other != name]
    assert any(name in text for text in others)


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_imported_inside_functions_is_there(name):
    """Names that a script takes from the package or its neighbors where it needs them."""
    for node in ast.walk(ast.parse(SCRIPTS[name])):
        module = getattr(node, "module", None) or ""
        if isinstance(node, ast.ImportFrom) and module.startswith(("benchmarks", "tumorscope")):
            found = importlib.import_module(module)
            missing = [one.name for one in node.names if not _has(found, one.name)]
            assert not missing, (module, missing)


def _has(module, name: str) -> bool:
    if hasattr(module, name):
        return True
    try:
        importlib.import_module(f"{module.__name__}.{name}")
    except ModuleNotFoundError:
        return False
    return True
