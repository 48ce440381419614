import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Result
from tumorscope.labels import NOTICE

Run = Callable[..., Result]


def test_card_of_an_artifact(tumorscope: Run, tiny_artifact_path: Path) -> None:
    result = tumorscope("model", "info", "--model", tiny_artifact_path)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("tiny 0\n")
    assert "sensitive: 0.05" in result.out
    assert result.out.rstrip().endswith(NOTICE)


def test_measurements_are_summed_up(tumorscope: Run) -> None:
    lines = tumorscope("model", "info").out.splitlines()
    assert len(lines) < 250  # all measurements are thousands of lines
    assert any(
        re.fullmatch(r"  roc_auc: 0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\]", line) for line in lines
    )


def test_model_and_format_change_the_card(tumorscope: Run, tiny_artifact_path: Path) -> None:
    tiny = json.loads(
        tumorscope("model", "info", "--format", "json", "--model", tiny_artifact_path).out
    )
    embedded = json.loads(tumorscope("model", "info", "--format", "json").out)
    assert tiny["model_id"] == "tiny"
    assert embedded["model_id"] != "tiny"
