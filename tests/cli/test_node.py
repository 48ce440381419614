"""What the command makes of its options; tests/serving/dicom has the node itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.conftest import Result
from tumorscope.cli import node as node_verb
from tumorscope.serving.dicom.answer_file import AnswerFile


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note what a node is made with, and do not listen."""
    made: list[Any] = []

    class Noting:
        def __init__(
            self, classifier: Any, config: Any, write: Callable[..., None], kept: Any
        ) -> None:
            made.append(
                (
                    classifier.identity,
                    classifier.operating_point,
                    config,
                    isinstance(getattr(write, "__self__", None), AnswerFile),
                    kept and (kept._kinds, [one.name for one in kept._receivers]),
                )
            )
            if kept:
                kept._store.close()

        def start(self) -> int:
            raise click.exceptions.Exit(0)

    monkeypatch.setattr(node_verb, "_node_class", lambda: Noting)
    return made


@pytest.mark.parametrize(
    "words",
    [
        ("--host", "localhost"),
        ("--port", "0"),
        ("--ae-title", "OTHER"),
        ("--accept", "SCANNER"),
        ("--series-after", "3"),
        ("--operating-point", "sensitive"),
        ("--max-associations", "3"),
        ("--max-per-peer", "3"),
        ("--max-waiting", "3"),
        ("--max-pdu", "64"),
        ("--max-dataset", "3"),
        ("--max-receiving", "3"),
        ("--association-timeout", "3"),
        ("--transfer-timeout", "3"),
        ("--idle-timeout", "3"),
    ],
)
def test_option_changes_the_node(
    tumorscope: Callable[..., Result],
    asked: list[Any],
    tiny_artifact_path: Path,
    words: tuple[str, str],
) -> None:
    least = ("--model", str(tiny_artifact_path))
    assert tumorscope("node", *least).code == 0
    assert tumorscope("node", *least, *words).code == 0
    plain, changed = asked
    assert plain != changed


def test_results_and_receivers(
    tumorscope: Callable[..., Result], asked: list[Any], tiny_artifact_path: Path, tmp_path: Path
) -> None:
    pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")
    least = ("--model", str(tiny_artifact_path), "--store", str(tmp_path / "store"))
    assert tumorscope("node", *least).code == 0
    both = ("--send-to", "PACS@localhost:104", "--stow", "http://localhost/dicom-web")
    assert tumorscope("node", *least, *both).code == 0
    assert tumorscope("node", *least, *both, "--results", "sc,sr").code == 0
    assert [one[4] for one in asked] == [
        ((), []),
        (("sr", "sc", "pm", "seg"), ["PACS@localhost:104", "http://localhost/dicom-web"]),
        (("sr", "sc"), ["PACS@localhost:104", "http://localhost/dicom-web"]),
    ]
    result = tumorscope("node", *least, "--results", "sr")
    assert result.code == 2
    assert "needs a receiver" in result.err


def test_the_store_lies_in_the_state_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert node_verb.default_store() == Path("/state/tumorscope/node")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/tumorscope:/other")
    assert node_verb.default_store() == Path("/var/lib/tumorscope/node")


def test_model_and_output_change_the_node(
    tumorscope: Callable[..., Result], asked: list[Any], tiny_artifact_path: Path, tmp_path: Path
) -> None:
    assert tumorscope("node").code == 0
    assert tumorscope("node", "--model", str(tiny_artifact_path)).code == 0
    output = ("--output", str(tmp_path / "answers.jsonl"))
    assert tumorscope("node", "--model", str(tiny_artifact_path), *output).code == 0
    embedded, tiny, written = asked
    assert embedded[0] != tiny[0]
    assert tiny[3] != written[3]


def test_output_that_cannot_be_written(
    tumorscope: Callable[..., Result], asked: list[Any], tiny_artifact_path: Path, tmp_path: Path
) -> None:
    result = tumorscope(
        "node", "--model", str(tiny_artifact_path), "--output", str(tmp_path / "no" / "a.jsonl")
    )
    assert result.code == 2
    assert "cannot be written" in result.err
    assert not asked
