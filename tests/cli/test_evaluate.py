"""One real evaluation, from files to the report."""

import csv
import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Result

pytest.importorskip("sklearn", reason="the extra [train] is not installed")

from tumorscope.data.descriptors import describe
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.recipes.training_scans import make_table


@pytest.fixture(autouse=True)
def _in_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def study(tmp_path: Path, make_head: Callable[..., np.ndarray]) -> Path:
    """Sixteen heads of two sites, with masks; rows of test have no broken file but one."""
    lines = ["set,site,path,tumor,sequence,mask,patient_id,group_id,split"]
    for index in range(16):
        tumor = index % 2
        head = make_head((96, 96), blob=(40, 52) if tumor else None, seed=index)
        Image.fromarray(head).save(tmp_path / f"{index}.png")
        mask = ""
        if tumor:
            mask = f"mask{index}.png"
            side = 1 if index == 15 else 12  # one sliver
            marked = np.zeros((96, 96), np.uint8)
            marked[40 : 40 + side, 46 : 46 + side] = 255
            Image.fromarray(marked).save(tmp_path / mask)
        split = "train" if index < 4 else "test"
        site = f"made/{'AB'[index % 4 // 2]}"
        lines.append(f"made,{site},{index}.png,{tumor},FLAIR,{mask},p{index},g{index},{split}")
    (tmp_path / "14.png").write_bytes(b"")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_are_measured_and_the_unreadable_one_is_named(
    tumorscope: Callable[..., Result], study: Path, tiny_artifact_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "report"
    words = ("evaluate", "--model", tiny_artifact_path, "--manifest", study, "--output", output)
    result = tumorscope(*words)
    assert result.code == 1
    assert "14.png: The file is empty (0 bytes)." in result.err
    assert "Traceback" not in result.err
    assert "'--manifest FILE' is now just 'FILE'" in result.err
    metrics: dict[str, Any] = json.loads((output / "metrics.json").read_text())
    assert metrics["left_out"] == {"14.png": "The file is empty (0 bytes)."}
    assert (metrics["n_images"], metrics["n_tumor"], metrics["n_groups"]) == (11, 6, 11)
    sections = metrics["sections"]
    assert list(sections["by_site_and_sequence"]) == ["made/A, FLAIR", "made/B, FLAIR"]
    assert list(sections["without_slivers"]) == ["made, all", "made, without slivers"]
    counts = [one["sensitivity"]["n_images"] for one in sections["without_slivers"].values()]
    assert counts == [6, 5]
    assert len(sections["controls"]) == 5
    page = (output / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(list(output.glob("*.png")))
    assert "could not be read" in page
    assert tumorscope(*words).code == 2  # the report is there and stays


@pytest.mark.parametrize(("side", "count"), [((), 3), (("--split", "test"), 2)])
def test_other_pictures_are_those_of_the_side(
    tumorscope: Callable[..., Result],
    study: Path,
    tiny_artifact_path: Path,
    tmp_path: Path,
    side: tuple[str, ...],
    count: int,
) -> None:
    Image.new("L", (64, 64), 9).save(tmp_path / "blank.png")  # cannot be measured
    others = ["photos,made,blank.png,,photo,,,g19,test"]
    for at, split in ((20, "train"), (21, "test"), (22, "test")):
        noise = np.random.default_rng(at).integers(0, 256, (64, 64), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{at}.png")
        others.append(f"photos,made,{at}.png,,photo,,,g{at},{split}")
    study.write_text(study.read_text() + "\n".join(others) + "\n")
    words = ("evaluate", study, "--model", tiny_artifact_path, "--output", tmp_path / "report")
    told = tumorscope(*words, "--not-brain", "photos", *side)
    assert told.code == 1, told.err
    metrics = json.loads((tmp_path / "report" / "metrics.json").read_text())
    assert metrics["sections"]["rejection"]["photo"]["rejected"]["n_images"] == count


@pytest.mark.parametrize(
    ("name", "side"), [("pictures/photos", ()), ("photos", ("--split", "val"))]
)
def test_other_pictures_that_are_not_there_are_told_before_any_scan_is_answered(
    tumorscope: Callable[..., Result],
    study: Path,
    tiny_artifact_path: Path,
    tmp_path: Path,
    name: str,
    side: tuple[str, ...],
) -> None:
    for at in (20, 21):
        Image.new("L", (64, 64), at).save(tmp_path / f"{at}.png")
    others = ["photos,made,20.png,,photo,,,g20,train", "made,made,21.png,1,,,,g21,val"]
    study.write_text(study.read_text() + "\n".join(others) + "\n")
    words = ("evaluate", study, "--model", tiny_artifact_path, "--output", tmp_path / "report")
    told = tumorscope(*words, "--not-brain", name, *side)
    assert told.code == 2
    assert f"has no set {name}; it has made" in told.err
    assert not (tmp_path / "report").exists()


def test_an_artifact_does_not_say_where_files_are_kept(
    tumorscope: Callable[..., Result],
    study: Path,
    tiny_artifact: Artifact,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tmp_path / "own.tumorscope"
    write_artifact(model, tiny_artifact)
    words = ["evaluate", str(study), "--model", str(model), "--output", str(tmp_path / "report")]
    words.append("--record")
    refused = tumorscope(*words)
    assert refused.code == 2
    assert "give --split test" in refused.err
    words += ["--split", "test"]
    monkeypatch.setattr(sys, "argv", ["tumorscope", *words])
    assert tumorscope(*words).code == 1  # one file cannot be read
    card = read_artifact(model).manifest.card
    assert "evaluate manifest.csv --model own.tumorscope" in card["evaluation"]["command"]
    assert str(tmp_path) not in json.dumps(card)
    assert card["evaluation"]["left_out"] == 1
    assert "14.png" not in json.dumps(card)
    assert str(study) in json.loads((tmp_path / "report" / "metrics.json").read_text())["command"]


def test_a_folder_is_measured_and_copies_of_training_scans_are_found(
    tumorscope: Callable[..., Result],
    make_picture: Callable[..., np.ndarray],
    tiny_artifact: Artifact,
    tmp_path: Path,
) -> None:
    pictures = [make_picture(seed) for seed in range(8)]
    for index, picture in enumerate(pictures):
        folder = tmp_path / "mine" / ("yes" if index % 2 else "no")
        folder.mkdir(parents=True, exist_ok=True)
        shown = picture[:, ::-1] if index < 2 else picture  # two mirrored copies
        Image.fromarray(np.ascontiguousarray(shown)).save(folder / f"{index}.png")
    learned = describe([picture.astype(np.float32) for picture in pictures[:2]])
    table = make_table(learned, ["train", "calibration"])
    model = tmp_path / "model.tumorscope"
    write_artifact(model, replace(tiny_artifact, training_scans=table))
    result = tumorscope("evaluate", tmp_path / "mine", "--model", model, "--output", "report")
    assert result.code == 0, result.err
    assert "8 images (4 with tumor, 4 without) in 8 groups" in result.out
    assert re.search(r"AUROC +\d\.\d{3}  \[", result.out)
    assert "without copies of training scans" in result.out
    assert "1 of these 8 images are copies" in result.out
    assert "1 of these images also calibrated the model" in result.out
    assert "8 of them have no known patient" in result.out
    metrics = json.loads(Path("report/metrics.json").read_text())
    assert metrics["training_scans"] == {"copies": 1, "similar": 0}
    text = Path("report/predictions.csv").read_text()
    lines = list(csv.DictReader(text.splitlines()))
    assert {line["source"]: line["training_scan"] for line in lines}["no/0.png"] == "copy"
    assert {line["tumor"] for line in lines} == {"0", "1"}


def test_subgroups_of_a_column_are_measured(
    tumorscope: Callable[..., Result], study: Path, tiny_artifact_path: Path
) -> None:
    lines = study.read_text().splitlines()
    ages = ["age", *(str(20 + index) for index in range(16))]
    study.write_text("\n".join(f"{a},{b}" for a, b in zip(lines, ages, strict=True)) + "\n")
    words = ("evaluate", study, "--model", tiny_artifact_path, "--by", "age", "--output", "report")
    result = tumorscope(*words)
    assert result.code == 1  # one file is empty
    sections = json.loads(Path("report/metrics.json").read_text())["sections"]
    assert list(sections["by_age"]) == ["20 to 23", "24 to 27", "28 to 31", "32 to 35"]
    assert "By age" in Path("report/report.md").read_text()
    assert "All sides of the split are measured" in result.out
    own = tumorscope(*words[:-1], "own", "--threshold", "0.9")
    assert "at custom (probability >= 0.900)" in own.out
    missing = tumorscope(*words[:-1], "other", "--by", "weight")
    assert missing.code == 2
    assert "--by 'weight': no row has a value in it; there are set, site, path" in missing.err
    assert missing.err.strip().endswith("age.")


def test_a_column_of_too_many_values_is_refused(
    tumorscope: Callable[..., Result],
    study: Path,
    tiny_artifact_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tumorscope.recipes.evaluate.MOST_SUBGROUPS", 5)
    words = ("--model", tiny_artifact_path, "--by", "patient_id", "--output", "report")
    result = tumorscope("evaluate", study, *words)
    assert result.code == 2
    assert "--by 'patient_id' has 16 different values; at most 5" in result.err
    assert not Path("report").exists()


def test_a_gallery_holds_scans_by_cell_and_only_if_it_is_asked_for(
    tumorscope: Callable[..., Result], study: Path, tiny_artifact_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "report"
    words = ("evaluate", study, "--model", tiny_artifact_path, "--output", output)
    told = tumorscope(*words, "--split", "test", "--gallery", "2")
    assert "holds scans" in told.out
    page = (output / "gallery.html").read_text(encoding="utf-8")
    cells = re.findall(r"<h2>(.*): (\d+) of (\d+)</h2>", page)
    assert [name for name, _, _ in cells][:2] == ["Tumors that were missed", "False alarms"]
    metrics = json.loads((output / "metrics.json").read_text())
    assert sum(int(count) for _, _, count in cells) == metrics["n_images"]
    assert all(int(shown) == min(2, int(count)) for _, shown, count in cells)
    assert page.count("data:image/png;base64,") == 2 * sum(int(shown) for _, shown, _ in cells)
    assert "Research use only. Not a medical device." in page
    tumorscope(*words, "--split", "test", "--overwrite")
    assert not (output / "gallery.html").exists()  # it would speak of another run
