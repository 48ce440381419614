import itertools
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Result
from tests.model.test_identity import APART, write_by_hand
from tumorscope.cli.model_card import card_lines
from tumorscope.labels import NOTICE
from tumorscope.model.artifact import EMBEDDED_NAMES, read_artifact

Run = Callable[..., Result]


def test_card_of_an_artifact(tumorscope: Run, tiny_artifact_path: Path) -> None:
    result = tumorscope("model", "info", "--model", tiny_artifact_path)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("tiny 0\n")
    assert re.search(r"^  sensitive +0\.0500$", result.out, re.MULTILINE)
    assert result.out.rstrip().endswith(NOTICE)


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_card_is_readable(tumorscope: Run, name: str) -> None:
    out = tumorscope("model", "info", "--model", name).out
    lines = out.splitlines()
    assert len(lines) < 120  # a line for each of the data sets
    assert max(map(len, lines)) < 100
    titles = [before for before, line in itertools.pairwise(lines) if line.startswith("  ")]
    titles = [one for one in titles if one and not one.startswith(" ")]
    assert [one.split(" (")[0].split(" on ")[0] for one in titles] == [
        *("What it is", "Input", "Classes", "Operating points", "Calibration", "Training data"),
        *("Results", "Limits", "Identity"),
    ]
    assert re.search(r"^ +AUROC +0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\]$", out, re.MULTILINE)
    assert re.search(r"^  rule_out +0\.\d{4}  misses few tumors", out, re.MULTILINE)
    assert re.search(r"^ +figshare +1,663 images; CC BY 4\.0 \(confirmed\)$", out, re.MULTILINE)
    assert f"  {read_artifact(Path(name)).manifest.identity}" in out
    assert "{" not in out


@pytest.mark.filterwarnings("default::tumorscope.errors.ArtifactWarning")  # as users have it
def test_rewritten_artifact_has_its_points_in_order(tumorscope: Run, tmp_path: Path) -> None:
    path, new = tmp_path / "apart.tumorscope", tmp_path / "new.tumorscope"
    write_by_hand(path, operating_points=APART)
    told = tumorscope("model", "info", "--model", path)
    assert told.err.count("\n") == 1
    assert told.err.startswith("tumorscope: The artifact's operating points are out of order")
    before = path.read_bytes()
    for words in ((), ("--output", path)):
        refused = tumorscope("model", "rewrite", path, *words)
        assert (refused.code, refused.out) == (2, "")
        assert path.read_bytes() == before
    result = tumorscope("model", "rewrite", path, "--output", new)
    assert (result.code, result.err) == (0, "")
    assert "rule_out 0.7500, balanced 0.7500, rule_in 0.7500, specific 0.8750" in result.out
    assert tumorscope("model", "info", "--model", new).err == ""
    assert tumorscope("model", "rewrite", path, "--overwrite").code == 0
    assert path.read_bytes() == new.read_bytes()


def test_model_and_format_change_the_card(tumorscope: Run, tiny_artifact_path: Path) -> None:
    tiny = json.loads(
        tumorscope("model", "info", "--format", "json", "--model", tiny_artifact_path).out
    )
    embedded = json.loads(tumorscope("model", "info", "--format", "json").out)
    assert tiny["model_id"] == "tiny"
    assert embedded["model_id"] != "tiny"


def test_a_figure_without_an_interval_says_so(tiny_artifact_path: Path) -> None:
    manifest = read_artifact(tiny_artifact_path).manifest
    no_interval = {"estimate": 1.0, "low": None, "high": None}
    nothing = {"estimate": None, "low": None, "high": None}
    sections = {
        "overall": {"all images": {"roc_auc": no_interval}},
        "abstention": {"all images": {"accuracy_of_the_rest": nothing}},
        "by_set": {"own": {"roc_auc": no_interval}},
    }
    card = {"evaluation": {"n_images": 4, "n_groups": 2, "sections": sections}}
    text = "\n".join(card_lines(replace(manifest, card=card)))
    assert re.search(r"AUROC +1\.000 \[no interval\]", text)
    assert re.search(r"own +AUROC 1\.000 \[no interval\]", text)
    assert re.search(r"accuracy of the rest +undefined", text)
