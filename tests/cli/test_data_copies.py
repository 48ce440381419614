import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from click.testing import CliRunner
from PIL import Image

from tumorscope.cli.data import data
from tumorscope.errors import TumorscopeError


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Two folders of six pictures; two of b are a mirrored and a turned one of a."""
    for name, first in (("a", 0), ("b", 6)):
        for seed in range(first, first + 6):
            label = "yes" if seed % 2 else "no"
            (tmp_path / name / label).mkdir(parents=True, exist_ok=True)
            _picture(seed).save(tmp_path / name / label / f"{seed}.png")
    _picture(0).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "b/yes/mirrored.png")
    _picture(1).rotate(30, expand=True).save(tmp_path / "b/yes/<turned>.png")
    return tmp_path


def _picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (14, 14), dtype=np.uint8)
    return Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC)


def _run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(data, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_overlap_counts_what_of_one_set_is_in_the_other(sets: Path):
    text = _run("overlap", sets / "a", sets / "b", "--output", sets / "out")

    assert "a   b      6         2 (33.3 %)" in text
    assert "b   a      8         2 (25.0 %)" in text
    pairs = _rows(sets / "out/pairs.csv")
    assert {Path(row["second"]).name: row["is_contradiction"] for row in pairs} == {
        "mirrored.png": "True",
        "<turned>.png": "False",
    }
    assert {row["verdict"] for row in pairs} == {"same picture"}


def test_duplicates_are_findings_and_nothing_is_deleted(sets: Path):
    before = {path: path.read_bytes() for path in (sets / "b").rglob("*.png")}
    _picture(6).save(sets / "b/no/again.png")

    text = _run("duplicates", sets / "b", "--output", sets / "out", "--thumbnails")

    assert "9 pictures, 8 distinct" in text
    found = {row["path"]: row for row in _rows(sets / "out/pictures.csv")}
    assert found["no/again.png"]["is_duplicate_issue"] == "True"
    assert found["no/again.png"]["duplicate_score"] == "0.0"
    assert found["no/6.png"]["best_match"] == "no/again.png"
    assert found["yes/7.png"]["is_duplicate_issue"] == "False"
    assert json.loads((sets / "out/thresholds.json").read_text())["same_picture"] > 0.5
    page = (sets / "out/report.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2
    assert "Research use only" in page
    assert 'src="http' not in page
    assert before == {path: path.read_bytes() for path in before}


def test_names_cannot_break_out_of_the_report(sets: Path):
    _run("overlap", sets / "a", sets / "b", "--output", sets / "out")

    assert "<turned>" not in (sets / "out/report.html").read_text()


def test_parquet_keeps_the_types(sets: Path):
    _run("duplicates", sets / "a", "--output", sets / "out", "--parquet")

    table = pyarrow.parquet.read_table(sets / "out/pictures.parquet")
    assert table.schema.field("is_duplicate_issue").type == pyarrow.bool_()
    assert table.column("tumor").to_pylist() == [0, 0, 0, 1, 1, 1]


def test_an_unreadable_file_is_a_finding_and_the_exit_code_1(sets: Path):
    (sets / "a/no/0.png").write_bytes(b"broken")

    _run("duplicates", sets / "a", "--output", sets / "out", code=1)

    found = _rows(sets / "out/pictures.csv")[0]
    assert (found["is_unreadable_issue"], found["is_blank_issue"]) == ("True", "False")
    assert found["error"]


def test_results_are_not_overwritten_silently(sets: Path):
    _run("duplicates", sets / "a", "--output", sets / "out")

    with pytest.raises(TumorscopeError, match="--overwrite"):
        _run("duplicates", sets / "a", "--output", sets / "out")
    _run("duplicates", sets / "a", "--output", sets / "out", "--overwrite", "--cache", sets / "c")
    assert (sets / "c").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("overlap", "a"), "one set"),
        (("duplicates", "a", "--same", "0.5", "--relative", "0.8"), "--relative"),
    ],
)
def test_wrong_usage_is_explained(sets: Path, monkeypatch, arguments, message):
    monkeypatch.chdir(sets)

    with pytest.raises(TumorscopeError, match=message):
        _run(*arguments, "--output", "out")
