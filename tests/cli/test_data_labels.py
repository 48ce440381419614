import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tumorscope.cli.data import data
from tumorscope.errors import TumorscopeError

PICTURES = 16


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("tumorscope.audit.labels.suspects.TREES", 40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Stripes across (yes) and along (no), sixteen of each; 7 of yes is labelled wrong."""
    for seed in range(PICTURES):
        for label, turn in (("yes", 0), ("no", 90)):
            path = tmp_path / "set" / ("no" if (label, seed) == ("yes", 7) else label)
            path.mkdir(parents=True, exist_ok=True)
            _stripes(seed + PICTURES * (turn > 0)).rotate(turn).save(path / f"{label}{seed}.png")
    return tmp_path / "set"


def _stripes(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 160, (14, 14), dtype=np.uint8))
    grey = np.asarray(noise.resize((128, 128), Image.Resampling.BICUBIC), float)
    grey[(np.arange(128) // 6 + seed) % 2 == 0] += 80
    return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8))


def _run(source: Path, *options: object, code: int = 0) -> str:
    words = ["labels", source, "--output", source.parent / "out", *options]
    result = CliRunner().invoke(data, [str(one) for one in words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def _rows(folder: Path) -> list[dict[str, str]]:
    with (folder.parent / "out/labels.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_wrong_label_is_the_worst_and_is_told_with_what_it_looks_like(folder: Path):
    text = _run(folder, "--thumbnails")

    worst, *others = _rows(folder)
    assert worst["path"] == "no/yes7.png"
    assert (worst["label"], worst["suggested_label"]) == ("no_tumor", "tumor")
    assert worst["is_label_issue"] == "True"
    assert worst["looks_like"].startswith("yes/")
    assert sum(row["is_label_issue"] == "True" for row in others) <= 3
    assert "of 32 pictures look like another label" in text
    page = (folder.parent / "out/pairs.html").read_text()
    assert "labelled no_tumor, looks like tumor" in page
    assert "data:image/jpeg;base64," in page
    assert "Research use only" in (folder.parent / "out/report.html").read_text()
    record = json.loads((folder.parent / "out/labels.json").read_text())
    assert record["n_pictures"] == 32
    assert record["by_set_and_label"][0]["n_suspects"] >= 1
    thresholds = json.loads((folder.parent / "out/thresholds.json").read_text())
    assert set(thresholds["suspects"]) == {"no_tumor", "tumor"}


def test_copies_that_contradict_each_other_are_told_and_nothing_is_changed(folder: Path):
    copy = Image.open(folder / "yes/yes3.png").transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    copy.save(folder / "no/mirrored.png")
    before = {path: path.read_bytes() for path in folder.rglob("*.png")}

    text = _run(folder)

    assert "1 pairs of copies are labelled differently; 2 pictures" in text
    found = {Path(row["path"]).name: row for row in _rows(folder)}
    assert found["mirrored.png"]["contradicted_by"] == "yes/yes3.png"
    assert found["yes3.png"]["contradicting_label"] == "no_tumor"
    assert found["yes4.png"]["is_contradiction_issue"] == "False"
    assert before == {path: path.read_bytes() for path in before}


def test_types_are_labels_where_all_tumors_have_one(folder: Path):
    lines = ["set,path,tumor,type"]
    for path in sorted(folder.rglob("*.png")):
        kind = "glioma" if path.name.startswith("yes") else "pituitary"
        lines.append(f"s,{path.relative_to(folder.parent)},1,{kind}")
    lines.append("s,absent.png,,")
    manifest = folder.parent / "m.csv"
    manifest.write_text("\n".join(lines))

    _run(manifest)

    assert {row["label"] for row in _rows(folder)} == {"glioma", "pituitary"}
    assert json.loads((folder.parent / "out/labels.json").read_text())["n_unlabeled"] == 1
    with pytest.raises(TumorscopeError, match=r"two or more.*; there are tumor in 32"):
        _run(manifest, "--by", "tumor", "--overwrite")


def test_an_unreadable_picture_is_a_finding(folder: Path):
    (folder / "yes/yes3.png").write_bytes(b"broken")

    text = _run(folder, code=1)

    assert "1 images could not be read" in text
    left_out = json.loads((folder.parent / "out/labels.json").read_text())["left_out"]
    assert list(left_out) == ["yes/yes3.png"]


def test_wrong_usage_is_explained(folder: Path):
    with pytest.raises(TumorscopeError, match=r"15 tumors have no type, .* use --by tumor"):
        _run(folder, "--by", "type")
    _run(folder)
    with pytest.raises(TumorscopeError, match="--overwrite"):
        _run(folder)
