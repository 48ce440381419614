"""Our answers for the comparison with other programs, taken from a report; the rest takes hours."""

import json
from pathlib import Path

import pytest

pytest.importorskip("tensorflow", reason="the extra [train] is not installed")

from benchmarks.bench_truth import reported

from tumorscope.data.manifest import ManifestRow


def report(folder: Path) -> Path:
    (folder / "metrics.json").write_text(json.dumps({"provenance": {"model_sha256": "a"}}))
    lines = ("source,probability_tumor", "one.png,0.75", "rejected.png,", "two.png,0.25")
    (folder / "predictions.csv").write_text("\n".join(lines))
    return folder


def rows(*paths: str) -> list[ManifestRow]:
    return [ManifestRow(set="made", path=path, tumor=0) for path in paths]


def test_answers_are_those_of_the_pictures_and_a_rejected_one_counts_as_the_least(
    tmp_path: Path,
) -> None:
    asked = rows("two.png", "rejected.png", "one.png")
    assert reported(report(tmp_path), asked, "a") == [0.25, 0.0, 0.75]


@pytest.mark.parametrize(
    ("asked", "model", "error"),
    [
        (["one.png"], "b", "is of another model"),
        (["one.png", "three.png", "four.png"], "a", r"lacks 2 pictures .*, as three\.png"),
    ],
)
def test_a_report_of_something_else_is_refused(
    tmp_path: Path, asked: list[str], model: str, error: str
) -> None:
    with pytest.raises(SystemExit, match=error):
        reported(report(tmp_path), rows(*asked), model)
