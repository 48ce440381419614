"""Every option is described and changes something."""

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest

from tests.cli.conftest import Result
from tumorscope.cli.main import cli
from tumorscope.model.artifact import Artifact

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"
ELSEWHERE = ("serve", "data")
"""Verbs whose options their own --help describes."""


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if not path and name in ELSEWHERE:
            continue
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


COMMANDS = dict(commands(cli))


def options(verb: str) -> list[str]:
    found = [one for one in COMMANDS[verb].params if isinstance(one, click.Option)]
    return [one.opts[0] for one in found if not one.hidden]


def section(verb: str) -> str:
    _, found, rest = DOCS.read_text(encoding="utf-8").partition(f"\n## tumorscope {verb}\n")
    assert found, verb
    return rest.partition("\n## ")[0]


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_option_is_described_and_no_other(verb: str) -> None:
    rows = re.findall(r"^\| (`--.*?`) \|", section(verb), re.MULTILINE)
    described = {name for row in rows for name in re.findall(r"`(--[\w-]+)", row)}
    assert described == set(options(verb))
    for parameter in COMMANDS[verb].params:
        is_shown = isinstance(parameter, click.Option) and not parameter.hidden
        assert not is_shown or parameter.help, parameter.name


def test_exit_codes_are_described() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert re.findall(r"^\| (\d) \| \S", text, re.MULTILINE) == ["0", "1", "2"]


CALLS: dict[str, tuple[list[str], dict[str, list[str]]]] = {
    "train": (
        ["--manifest", "m.csv", "--output", "run"],
        {
            "--manifest": ["other.csv"],
            "--labels": ["a=tumor"],
            "--patient-pattern": ["(p[0-9]+)"],
            "--preset": ["quick"],
            "--output": ["other"],
            "--root": ["folder"],
            "--weights": ["none"],
            "--seed": ["7"],
            "--cache": ["folder"],
            "--teacher": ["file"],
            "--start": ["file"],
            "--resume": [],
            "--set": ["views=9"],
        },
    ),
    "calibrate": (
        ["m.csv", "--output", "a"],
        {
            "--model": ["other"],
            "--labels": ["a=tumor"],
            "--patient-pattern": ["(p[0-9]+)"],
            "--sensitivity": ["0.9"],
            "--specificity": ["0.9"],
            "--ppv": ["0.9"],
            "--confidence": ["0.9", "--sensitivity", "0.9"],
            "--root": ["folder"],
            "--output": ["b"],
            "--overwrite": [],
        },
    ),
    "input-check": (
        ["--manifest", "m.csv", "--output", "a"],
        {
            "--model": ["other"],
            "--manifest": ["other.csv"],
            "--root": ["folder"],
            "--output": ["b"],
            "--overwrite": [],
        },
    ),
    "prune": (
        ["run", "--output", "a"],
        {"--output": ["b"], "--width": ["0.25"], "--overwrite": []},
    ),
    "export": (["run", "--output", "a"], {"--output": ["b"], "--quick": [], "--overwrite": []}),
    "evaluate": (
        ["m.csv", "--output", "report"],
        {
            "--model": ["other"],
            "--labels": ["a=tumor"],
            "--patient-pattern": ["(p[0-9]+)"],
            "--by": ["sex"],
            "--threshold": ["0.3"],
            "--root": ["folder"],
            "--split": ["val"],
            "--output": ["other"],
            "--operating-point": ["rule_out"],
            "--not-brain": ["photographs"],
            "--gallery": ["3"],
            "--record": [],
            "--overwrite": [],
        },
    ),
}
"""The least words of a call, and for each option other ones."""

OF_FOLDS = ("--folds", "--seeds", "--engine", "--address", "--threads")
"""Options of train that need --folds: tests/cli/test_train_folds.py."""


@pytest.fixture
def recipe(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[Any]]:
    """Put a recipe in place that notes what it is asked for and does nothing."""

    def install(name: str) -> list[Any]:
        asked: list[Any] = []

        def note(*arguments: Any, **named: Any) -> Any:
            named.pop("command", None)  # repeats the words
            asked.append((arguments, named))
            raise click.exceptions.Exit(0)

        name = name.replace("-", "_")
        module = ModuleType(f"tumorscope.recipes.{name}")
        setattr(module, name, note)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return asked

    return install


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        (verb, option)
        for verb in CALLS
        for option in options(verb)
        if verb != "train" or option not in OF_FOLDS
    ],
)
def test_option_changes_what_is_asked_for(
    tumorscope: Callable[..., Result],
    recipe: Callable[[str], list[Any]],
    verb: str,
    option: str,
) -> None:
    asked = recipe(verb)
    least, other = CALLS[verb]
    for words in (least, [*least, option, *other[option]]):
        assert tumorscope(verb, *words).code == 0
    plain, changed = asked
    assert plain != changed


def test_options_of_the_other_verbs_have_tests_of_their_own() -> None:
    assert set(COMMANDS) - set(CALLS) == {
        "predict",
        "pull",
        "purge",
        "readers",
        "restore",
        "worklist",
        "deidentify",
        "demo",
        "monitor",
        "batch",
        "node",
        "audit export",
        "audit hash",
        "audit rotate",
        "audit verify",
        "backup",
        "config check",
        "config show",
        "keys add",
        "keys list",
        "keys revoke",
        "model info",
        "model rewrite",
        "samples",
        "export-run",
    }
    # tests/batch, test_page_host.py, test_predict.py, _node.py, _model.py, _export_run.py; samples
    # has none
    assert options("predict") == [
        "--format",
        "--heatmaps",
        "--html",
        "--maps",
        "--dicom-results",
        "--results",
        "--fhir",
        "--model",
        "--operating-point",
        "--threshold",
    ]
    words = ["--output", "--root", "--model", "--operating-point", "--threshold"]
    words += ["--engine", "--address", "--workers", "--overwrite"]
    assert options("batch") == words
    words = ["--config", "--host", "--port", "--ae-title", "--accept", "--series-after", "--output"]
    words += ["--results", "--send-to", "--stow", "--commitment", "--store"]
    words += ["--audit-log", "--salt", "--model", "--operating-point", "--threshold"]
    words += ["--max-associations", "--max-per-peer", "--max-waiting", "--max-pdu"]
    words += ["--max-dataset", "--max-receiving"]
    words += ["--association-timeout", "--transfer-timeout", "--idle-timeout"]
    assert options("node") == words
    assert options("demo") == ["--host", "--port", "--folder", "--open"]
    assert options("model info") == ["--model", "--format"]
    assert options("model rewrite") == ["--output", "--overwrite"]
    words = ["--to", "--tracking-uri", "--experiment", "--evaluation", "--weights"]
    assert options("export-run") == words
    assert options("samples") == []


def test_a_verb_of_the_version_before_still_works_and_says_its_new_name(
    tumorscope: Callable[..., Result], recipe: Callable[[str], list[Any]]
) -> None:
    asked = recipe("prune")
    done = tumorscope("narrow", "run", "--output", "a")
    assert done.code == 0
    assert len(asked) == 1
    assert "now called 'prune'" in done.err


def test_the_next_command_of_prune_can_be_typed(
    tumorscope: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tumorscope.recipes.prune.prune", lambda *_, **__: (2_000_000, 1_000_000))
    done = tumorscope("prune", "run", "--output", "a b.npz")
    words = shlex.split(done.out.partition("Next: ")[2].splitlines()[0])
    assert words[words.index("--weights") + 1] == "a b.npz"
    assert {"--manifest", "--output", "--teacher"} <= set(words)


def test_input_check_is_for_research_only(
    tumorscope: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tiny_artifact: Artifact
) -> None:
    monkeypatch.setattr(
        "tumorscope.recipes.input_check.input_check", lambda *_, **__: tiny_artifact
    )
    done = tumorscope("input-check", "--manifest", "m.csv", "--output", "a")
    assert "Research use only. Not a medical device." in done.out


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("augmentation.flip_chance=often", "needs float; received 'often'"),
        ("augmentation.gamma=1", "needs LOW,HIGH; received '1'"),
        ("augmentation.hue=1", "is not NAME=VALUE with one of"),
    ],
)
def test_wrong_settings_of_the_augmentation_are_explained(
    tumorscope: Callable[..., Result], setting: str, message: str
) -> None:
    done = tumorscope("train", "--manifest", "m.csv", "--output", "run", "--set", setting)
    assert done.code == 2
    assert message in done.err


def test_settings_of_the_augmentation_are_told_from_those_of_the_training(
    tumorscope: Callable[..., Result], recipe: Callable[[str], list[Any]]
) -> None:
    asked = recipe("train")
    words = ["--set", "views=2", "--set", "augmentation.gamma=0.9,1.1"]
    assert tumorscope("train", "--manifest", "m.csv", "--output", "run", *words).code == 0
    ((_, named),) = asked
    assert named["config"].views == 2
    assert named["augmentation"] == {"gamma": (0.9, 1.1)}
