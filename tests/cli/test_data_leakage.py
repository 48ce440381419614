import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tumorscope.cli.data import data
from tumorscope.errors import TumorscopeError


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """Twelve training and eight test pictures: one of each kind of copy, and five new ones."""
    for seed in range(12):
        _save(_picture(seed), tmp_path / "train", seed)
    test = tmp_path / "test"
    _save(_picture(0), test, 0, "same")
    _save(_picture(1).rotate(30, expand=True), test, 1, "turned")
    _save(_picture(2).transpose(Image.Transpose.FLIP_LEFT_RIGHT), test, 2, "mirrored")
    for seed in range(20, 25):
        _save(_picture(seed), test, seed)
    return tmp_path


def _picture(seed: int) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (14, 14), dtype=np.uint8)
    return Image.fromarray(noise).resize((128, 128), Image.Resampling.BICUBIC)


def _save(picture: Image.Image, folder: Path, seed: int, name: str = "") -> None:
    label = folder / ("yes" if seed % 2 else "no")
    label.mkdir(parents=True, exist_ok=True)
    picture.save(label / f"{name or seed}.png")


def _run(sets: Path, *options: object, code: int = 0) -> str:
    words = ["leakage", sets / "train", sets / "test", "--output", sets / "out", *options]
    result = CliRunner().invoke(data, [str(one) for one in words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def _found(sets: Path) -> dict[str, dict[str, str]]:
    with (sets / "out/pictures.csv").open(newline="") as stream:
        return {Path(row["path"]).stem: row for row in csv.DictReader(stream)}


def _predictions(sets: Path, probabilities: dict[str, float], *, start: Path | None = None) -> Path:
    path = sets / "predictions.csv"
    files = {file.stem: file for file in (sets / "test").rglob("*.png")}
    lines = ["kind,source,slice_index,probability_tumor"]
    for name, probability in probabilities.items():
        file = files[name]
        lines.append(f"image,{file if start is None else file.relative_to(start)},,{probability}")
    path.write_text("\n".join(lines) + "\n")
    return path


# Copies are remembered; of the five others two are wrong.
ANSWERS = {
    "same": 0.1,
    "turned": 0.9,
    "mirrored": 0.2,
    "20": 0.3,
    "21": 0.7,
    "22": 0.8,
    "23": 0.4,
    "24": 0.1,
}


def test_every_kind_of_copy_is_told_apart(sets: Path):
    text = _run(sets)

    found = _found(sets)
    kinds = {name: row["kind"] for name, row in found.items() if row["kind"] != "none"}
    assert kinds == {"same": "exact copy", "turned": "copy", "mirrored": "mirrored copy"}
    assert Path(found["turned"]["match"]).name == "1.png"
    assert found["turned"]["change"].startswith("turned by 30 degrees")
    assert (found["same"]["is_leak_issue"], found["20"]["is_leak_issue"]) == ("True", "False")
    assert "3 of 8 pictures of test (37.5 %) are already in train" in text
    record = json.loads((sets / "out/leakage.json").read_text())
    assert record["test_pictures_in_train"]["mirrored copy"] == {"pictures": 1, "share": 0.125}
    assert record["scores"] == {}
    page = (sets / "out/report.html").read_text()
    assert "Research use only" in page
    assert "Each cell" not in page  # there is nothing with an interval
    assert '"mirrored copy: mirrored"' in (sets / "out/pairs.html").read_text()


def test_scores_are_given_with_and_without_the_leak(sets: Path):
    text = _run(sets, "--predictions", _predictions(sets, ANSWERS))

    scores = json.loads((sets / "out/leakage.json").read_text())["scores"]
    assert scores["official: all test pictures"]["accuracy"]["estimate"] == 6 / 8
    assert scores["without exact copies"]["accuracy"]["estimate"] == 5 / 7
    without = scores["without any copies"]
    assert without["accuracy"]["estimate"] == 3 / 5
    assert without["accuracy"]["n_groups"] == 5
    assert without["loss_of_accuracy"]["estimate"] == pytest.approx(6 / 8 - 3 / 5)
    assert without["loss_of_accuracy"]["low"] < 6 / 8 - 3 / 5 < without["loss_of_accuracy"]["high"]
    assert scores["the copies alone"]["accuracy"]["estimate"] == 1
    assert "official: all test pictures: AUROC" in text
    for name in ("report.md", "report.html"):
        report = (sets / "out" / name).read_text()
        assert "without any copies" in report
        assert "loss of AUROC" in report


def test_the_threshold_changes_what_is_called(sets: Path):
    _run(sets, "--predictions", _predictions(sets, ANSWERS), "--threshold", 0.35)

    scores = json.loads((sets / "out/leakage.json").read_text())["scores"]
    assert scores["official: all test pictures"]["accuracy"]["estimate"] == 7 / 8


def test_sources_may_be_relative_and_pictures_unanswered(sets: Path):
    few = {name: ANSWERS[name] for name in ("same", "21", "22", "23")}

    _run(sets, "--predictions", _predictions(sets, few, start=sets / "test"))

    record = json.loads((sets / "out/leakage.json").read_text())
    assert record["n_without_label_or_probability"] == 4
    assert record["scores"]["official: all test pictures"]["accuracy"]["n_images"] == 4
    assert _found(sets)["24"]["probability_tumor"] == ""


def test_a_model_can_be_asked(sets: Path, tiny_artifact_path: Path):
    _run(sets, "--model", tiny_artifact_path)

    record = json.loads((sets / "out/leakage.json").read_text())
    assert record["scores"]["official: all test pictures"]["roc_auc"]["n_images"] == 8
    assert record["threshold"] == 0.5


def test_one_class_left_leaves_no_auroc(sets: Path):
    for name in ("20", "22", "24"):
        (sets / f"test/no/{name}.png").unlink()
    answers = {name: ANSWERS[name] for name in ("same", "turned", "mirrored", "21", "23")}

    _run(sets, "--predictions", _predictions(sets, answers))

    without = json.loads((sets / "out/leakage.json").read_text())["scores"]["without any copies"]
    assert set(without) == {"sensitivity", "loss_of_sensitivity"}


def test_patients_of_manifests_are_compared(sets: Path):
    rows = {"train": ["s,train/no/0.png,0,p"], "test": ["s,test/no/20.png,0,p"]}
    for name, lines in rows.items():
        (sets / f"{name}.csv").write_text("\n".join(["set,path,tumor,patient_id", *lines]))
    words = ["leakage", sets / "train.csv", sets / "test.csv", "--output", sets / "out"]

    result = CliRunner().invoke(data, [str(one) for one in words], catch_exceptions=False)

    assert "1 more (100.0 %) have a relative there" in result.output
    assert _found(sets)["20"]["kind"] == "same patient"


def test_an_unreadable_picture_is_a_finding(sets: Path):
    (sets / "test/no/20.png").write_bytes(b"broken")

    _run(sets, code=1)

    assert _found(sets)["20"]["error"]
    assert len(json.loads((sets / "out/leakage.json").read_text())["left_out"]) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,probability\n", "'probability_tumor' is missing; there are source, probability"),
        ("source,probability_tumor\nelsewhere.png,0.5\n", "No row of .* belongs to a picture"),
        ("source,probability_tumor\n20.png,high\n", "line 2, column probability_tumor: .*'high'"),
        ("source,probability_tumor\n20.png,0.1\nno/20.png,0.2\n", "line 3: .* different"),
    ],
)
def test_predictions_that_do_not_fit_are_explained(sets: Path, text: str, message: str):
    (sets / "p.csv").write_text(text)

    with pytest.raises(TumorscopeError, match=message):
        _run(sets, "--predictions", sets / "p.csv")


def test_wrong_usage_is_explained(sets: Path, tiny_artifact_path: Path):
    predictions = _predictions(sets, ANSWERS)
    with pytest.raises(TumorscopeError, match="not both"):
        _run(sets, "--predictions", predictions, "--model", tiny_artifact_path)
    (sets / "out").mkdir(exist_ok=True)
    (sets / "out/mine.txt").write_text("mine")
    with pytest.raises(TumorscopeError, match="--overwrite"):
        _run(sets)
    _run(sets, "--overwrite")
    assert (sets / "out/mine.txt").read_text() == "mine"
