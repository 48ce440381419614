import csv
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
    assert "no group, patient or file stands on two sides" in _run("split", "--check", output)


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
        ((), "--manifest FILE"),
        (("--manifest", "manifest.csv"), "--output FILE"),
        (("--manifest", "manifest.csv", "manifest.csv"), "Two manifests"),
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
    assert "16 pictures" in text
    assert _rows(output)[3]["is_unreadable_issue"] == "True"


def test_split_goes_on_after_a_broken_file_and_exits_1(manifest: Path, tmp_path: Path):
    (tmp_path / "one3.png").write_bytes(b"")
    output = tmp_path / "split.csv"

    text = _run("split", "--manifest", manifest, "--output", output, code=1)

    assert "1 rows could not be read and are excluded" in text
    assert _rows(output)[3]["split"] == "excluded"
