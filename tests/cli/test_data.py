import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from tumorscope.cli.data import data
from tumorscope.errors import TumorscopeError


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Sixteen pictures of two sets; two/0 mirrors one/0."""
    lines = ["set,path,tumor"]
    for name, seed in [*(("one", k) for k in range(15)), ("two", 0)]:
        noise = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
        picture = Image.fromarray(noise).resize((96, 96), Image.Resampling.BICUBIC)
        if name == "two":
            picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        picture.save(tmp_path / f"{name}{seed}.png")
        lines.append(f"{name},{name}{seed}.png,{seed % 2}")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def _run(*arguments: object, code: int = 0) -> str:
    result = CliRunner().invoke(data, [str(one) for one in arguments], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_split_writes_a_manifest_that_passes_the_check(manifest: Path, tmp_path: Path):
    output = tmp_path / "split.csv"

    text = _run("split", "--manifest", manifest, "--output", output)

    assert "one, no_tumor" in text
    assert len(_rows(output)) == 16
    assert "no group, patient or file is on two sides of the split" in _run(
        "split", "--check", output
    )


def test_check_names_a_planted_leak_and_exits_1(manifest: Path, tmp_path: Path):
    output = tmp_path / "split.csv"
    _run("split", "--manifest", manifest, "--output", output)
    side = _rows(output)[-1]["split"]
    other = "test" if side == "train" else "train"
    head, _, last = output.read_text().strip().rpartition("\n")
    output.write_text(f"{head}\n{last.replace(f',{side},', f',{other},')}\n")

    text = _run("split", "--check", output, code=1)

    assert "LEAK" in text
    assert "picture:one0.png" in text


def test_check_finds_the_mirrored_copy_in_a_split_without_groups(manifest: Path, tmp_path: Path):
    foreign = tmp_path / "foreign.csv"
    lines = manifest.read_text().split()
    sides = ["split", *(["train"] * 15), "test"]
    foreign.write_text("\n".join(f"{a},{b}" for a, b in zip(lines, sides, strict=True)))

    text = _run("split", "--check", "--manifest", foreign, code=1)

    assert "train: one0.png, test: two0.png" in text


def test_every_option_of_split_changes_something(manifest: Path, tmp_path: Path):
    def sides(*options: object) -> list[str]:
        output = tmp_path / "split.csv"
        _run("split", "--manifest", manifest, "--output", output, "--overwrite", *options)
        return [row["split"] for row in _rows(output)]

    plain = sides()
    assert sides() == plain
    assert sides("--seed", 5) != plain
    assert set(sides("--fractions", 0.97, 0.01, 0.01, 0.01)) == {"train"}
    assert sides("--hold-out", "two")[-1] == "external"
    assert sides("--hold-out", "two")[0] == "excluded"


def test_root_is_where_the_paths_start(manifest: Path, tmp_path: Path):
    moved = tmp_path / "elsewhere" / "m.csv"
    moved.parent.mkdir()
    manifest.rename(moved)
    output = tmp_path / "split.csv"

    with pytest.raises(TumorscopeError, match=r"no file 'one0\.png'"):
        _run("split", "--manifest", moved, "--output", output)
    _run("split", "--manifest", moved, "--output", output, "--root", tmp_path)
    assert output.exists()


@pytest.mark.parametrize("verb", ["split", "inventory"])
def test_nothing_is_overwritten_silently(manifest: Path, tmp_path: Path, verb: str):
    output = tmp_path / "out.csv"
    output.write_text("mine")

    with pytest.raises(TumorscopeError, match="--overwrite"):
        _run(verb, "--manifest", manifest, "--output", output)
    assert output.read_text() == "mine"
    _run(verb, "--manifest", manifest, "--output", output, "--overwrite")
    assert len(_rows(output)) == 16


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "No manifest or folder was given"),
        (("--manifest", "manifest.csv"), "--output FILE"),
        (
            ("--manifest", "manifest.csv", "manifest.csv", "--output", "twice.csv"),
            "manifest.csv and in",
        ),
        (
            ("--manifest", "manifest.csv", "--output", "o.csv", "--fractions", "1", "1", "1", "1"),
            "sum to 1",
        ),
    ],
)
def test_wrong_usage_is_explained(manifest: Path, tmp_path: Path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(TumorscopeError, match=message):
        _run("split", *arguments)


def test_inventory_counts_and_goes_on_after_a_broken_file(manifest: Path, tmp_path: Path):
    (tmp_path / "one3.png").write_bytes(b"")
    output = tmp_path / "findings.csv"

    text = _run("inventory", "--manifest", manifest, "--output", output, code=1)

    assert "unreadable 1" in text
    assert "16 images" in text
    assert _rows(output)[3]["is_unreadable_issue"] == "True"


def test_split_goes_on_after_a_broken_file_and_exits_1(manifest: Path, tmp_path: Path):
    (tmp_path / "one3.png").write_bytes(b"")
    output = tmp_path / "split.csv"

    text = _run("split", "--manifest", manifest, "--output", output, code=1)

    assert "1 rows could not be read and are excluded" in text
    assert _rows(output)[3]["split"] == "excluded"


def _mark(path: Path, name: str, **cells: str) -> None:
    """Change cells of the row of a picture."""
    rows = _rows(path)
    next(row for row in rows if row["path"] == name).update(cells)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_check_looks_at_the_pictures_whatever_the_groups_say(manifest: Path, tmp_path: Path):
    output = tmp_path / "split.csv"
    _run("split", "--manifest", manifest, "--output", output)
    side = _rows(output)[-1]["split"]
    other = "test" if side == "train" else "train"
    _mark(output, "two0.png", group_id="a group of its own", split=other)

    assert "one0.png" in _run("split", "--check", output, code=1)
    assert "on two sides" in _run("split", "--check", output, "--trust-groups")


@pytest.mark.parametrize("by", ["source", "site"])
def test_folds_leave_out_every_source_in_turn(manifest: Path, tmp_path: Path, by: str):
    folder = tmp_path / "folds"

    text = _run("split", "--manifest", manifest, "--output", folder, "--folds", by)

    one, two = _rows(folder / "one.csv"), _rows(folder / "two.csv")
    assert [row["path"] for row in one] == [row["path"] for row in two]
    assert {row["split"] for row in one if row["set"] == "one"} == {"external"}
    assert (one[-1]["split"], two[-1]["split"], two[0]["split"]) == (
        "excluded",  # mirrors a picture that is left out
        "external",
        "excluded",
    )
    assert "train" in {row["split"] for row in two}
    assert re.search(r"^one  .* 7/8", text, re.M)
    record = json.loads((folder / "folds.json").read_text())
    assert [fold["left_out"] for fold in record["folds"]] == ["one", "two"]
    assert record["folds"][1]["rows"]["external"] == {"tumor": 0, "no_tumor": 1}
    with pytest.raises(TumorscopeError, match="--overwrite"):
        _run("split", "--manifest", manifest, "--output", folder, "--folds", by)


def test_a_folder_of_folds_is_checked_whole(manifest: Path, tmp_path: Path):
    folder = tmp_path / "folds"
    _run("split", "--manifest", manifest, "--output", folder, "--folds", "source")

    text = _run("split", "--check", folder, "--root", tmp_path)

    assert text.count("on two sides") == 2
    _mark(folder / "two.csv", "one0.png", split="train")
    with pytest.raises(TumorscopeError, match=r"two\.csv is not the manifest .* written with"):
        _run("split", "--check", folder, "--root", tmp_path)
    text = _run("split", "--check", folder / "two.csv", "--root", tmp_path, code=1)
    assert "train: one0.png, external: two0.png" in text


def test_unknown_patients_are_refused_where_pictures_are_not_looked_at(
    manifest: Path, tmp_path: Path
):
    output = tmp_path / "split.csv"
    words = ("split", "--manifest", manifest, "--output", output, "--groups-from", "columns")

    with pytest.raises(TumorscopeError, match=r"16 rows of one, two have neither .* --ungrouped"):
        _run(*words)
    _run(*words, "--ungrouped-i-know")
    assert len({row["group_id"] for row in _rows(output)}) == 16
    _run(*words, "--ungrouped-i-know", "--overwrite", "--fractions", 0.4, 0.3, 0.2, 0.1)
    assert "one0.png" in _run("split", "--check", output, code=1)


def test_unknown_patients_are_told_of(manifest: Path, tmp_path: Path):
    words = ("split", "--manifest", manifest, "--output", tmp_path / "split.csv", "--overwrite")

    assert "Images in one, two have no known patient" in _run(*words)
    assert "no known patient" not in _run(*words, "--ungrouped-i-know")


@pytest.fixture
def folder(manifest: Path, tmp_path: Path) -> Path:
    """The pictures of the manifest in a folder per label."""
    for row in _rows(manifest):
        place = tmp_path / "mine" / ("yes" if row["tumor"] == "1" else "no") / row["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((tmp_path / row["path"]).read_bytes())
    return tmp_path / "mine"


def test_a_folder_is_checked_and_split(folder: Path, tmp_path: Path):
    text = _run("check", folder)
    assert "16 images: 7 with tumor, 9 without, 0 unknown" in text
    assert "+ evaluate    ready; 7 independent groups with and 9 without tumor" in text
    assert "- calibrate   at least 50 in all and 20 of each are needed" in text
    assert "Research use only. Not a medical device." in text

    text = _run("split", folder, "--output", tmp_path / "split.csv")
    assert f"give --root {folder} to what reads it" in text
    assert {row["set"] for row in _rows(tmp_path / "split.csv")} == {"mine"}
    assert _run("check", tmp_path / "split.csv", "--root", folder).count("\n+ ") >= 1
    assert "16 images" in _run("inventory", folder, "--output", tmp_path / "inventory.csv")


def test_groups_are_counted_where_the_images_are_looked_at(folder: Path):
    assert "15 groups" in _run("check", folder, "--images")
