import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.bench_shortcuts import make_set
from click.testing import CliRunner

from tumorscope.cli.data import data
from tumorscope.errors import TumorscopeError


def _run(*arguments: object, code: int = 0) -> str:
    words = ["shortcuts", *(str(one) for one in arguments)]
    result = CliRunner().invoke(data, words, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def _alarms(report: Path) -> set[str]:
    traces = json.loads((report / "shortcuts.json").read_text())["sections"]["all pictures"]
    return {name for name, one in traces["traces"].items() if one["is_shortcut"]}


@pytest.mark.slow
@pytest.mark.parametrize("plant", ["size", "frame", "skull", "source"])
def test_planted_shortcut_raises_the_alarm(tmp_path: Path, plant: str):
    manifest = make_set(tmp_path, seed=1, plant=plant)

    text = _run("--manifest", manifest, "--output", tmp_path / "out")

    assert plant in _alarms(tmp_path / "out")
    assert "ALARM" in text
    assert "ALARM" in (tmp_path / "out/report.html").read_text()
    if plant == "size":
        assert "ALARM, width and height alone separate the classes: AUROC" in text


@pytest.mark.slow
def test_set_without_a_shortcut_raises_none(tmp_path: Path):
    manifest = make_set(tmp_path, seed=1)

    text = _run("--manifest", manifest, "--output", tmp_path / "out")

    assert _alarms(tmp_path / "out") == set()
    assert "ALARM" not in text
    record = json.loads((tmp_path / "out/shortcuts.json").read_text())
    whole = record["sections"]["all pictures"]
    assert (whole["n_groups_tumor"], whole["n_groups_tumor_free"]) == (30, 30)
    assert len(whole["traces"]) == 8
    assert record["sections"]["a"]["traces"] == {}  # fewer than 20 groups of a class
    assert json.loads((tmp_path / "out/thresholds.json").read_text()) == {"auroc": 0.6}
    page = (tmp_path / "out/report.html").read_text()
    assert "Research use only" in page
    assert "Plots" not in page
    assert "Plots" not in (tmp_path / "out/report.md").read_text()


@pytest.mark.slow
def test_options_change_the_answer(tmp_path: Path):
    manifest = make_set(tmp_path, seed=1, groups=8, plant="size")

    def sections(name: str, *options: object) -> dict[str, dict[str, object]]:
        _run("--manifest", manifest, "--output", tmp_path / name, *options)
        record = json.loads((tmp_path / name / "shortcuts.json").read_text())
        return dict(record["sections"]["all pictures"])

    plain = sections("plain")
    assert plain["has_few_groups"] is True
    assert plain["n_images"] == 16
    assert sections("one", "--per-group", 1)["n_images"] == 8
    assert sections("seed", "--seed", 9)["traces"] != plain["traces"]
    sections("strict", "--alarm-above", 0.99)
    assert _alarms(tmp_path / "plain")
    assert json.loads((tmp_path / "strict/thresholds.json").read_text()) == {"auroc": 0.99}


def test_root_is_where_the_paths_start_and_groups_are_found(tmp_path: Path):
    (tmp_path / "pictures").mkdir()
    manifest = make_set(tmp_path / "pictures", seed=1, groups=6)
    rows = [line.split(",")[:3] for line in manifest.read_text().split()]
    moved = tmp_path / "m.csv"
    moved.write_text("\n".join(map(",".join, [*rows, ["a", "0_0.png", ""]][:-1])))

    _run("--manifest", moved, "--root", tmp_path / "pictures", "--output", tmp_path / "out")

    assert (tmp_path / "out/report.md").exists()


def test_broken_and_unlabeled_pictures_are_left_out_and_said(tmp_path: Path):
    manifest = make_set(tmp_path, seed=1, groups=6)
    names = [line.split(",")[1] for line in manifest.read_text().split()[1:]]
    (tmp_path / names[0]).write_bytes(b"")
    text = manifest.read_text().replace(f",{names[5]},0,", f",{names[5]},,")
    manifest.write_text(text.replace(f",{names[5]},1,", f",{names[5]},,"))

    text = _run("--manifest", manifest, "--output", tmp_path / "out", code=1)

    assert f"1 images could not be read, the first: {names[0]}" in text
    record = json.loads((tmp_path / "out/shortcuts.json").read_text())
    assert list(record["left_out"]) == [names[0]]
    assert record["n_unlabeled"] == 1
    assert record["sections"]["all pictures"]["n_images"] == 10


def test_nothing_is_overwritten_silently(tmp_path: Path):
    manifest = make_set(tmp_path, seed=1, groups=4)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")

    with pytest.raises(TumorscopeError, match="--overwrite"):
        _run("--manifest", manifest, "--output", tmp_path / "out")
    _run("--manifest", manifest, "--output", tmp_path / "out", "--overwrite")
    assert (tmp_path / "out/mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("column", "message"), [("0", "two groups"), ("", "finding shortcuts needs labeled images")]
)
def test_sets_that_cannot_be_judged_are_explained(tmp_path: Path, column: str, message: str):
    make_set(tmp_path, seed=1, groups=4)
    manifest = tmp_path / "one.csv"
    names = sorted(path.name for path in tmp_path.glob("*_0.*"))
    manifest.write_text("\n".join(["set,path,tumor", *(f"a,{name},{column}" for name in names)]))

    with pytest.raises(TumorscopeError, match=message):
        _run("--manifest", manifest, "--output", tmp_path / "out")


def test_without_scikit_learn_the_extra_is_named_and_the_verbs_still_load():
    code = (
        "import sys; sys.modules['sklearn'] = None\n"
        "from tumorscope.cli.main import main\n"
        "sys.argv[1:] = ['data', 'shortcuts', '--manifest', sys.executable, '--output', 'x']\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'tumorscope[train]'" in done.stderr
