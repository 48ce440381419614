import csv
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Result
from tumorscope.labels import NOTICE


def test_all_answered_is_exit_code_0(run: Callable[..., Result], scans: Path) -> None:
    result = run(scans, "--format", "json")
    assert (result.code, result.err) == (0, "")
    assert [(one["kind"], one["slice_index"]) for one in result.lines[:-1]] == [
        ("image", None),
        ("image", None),
        ("image", 0),
        ("image", 1),
        ("image", 2),
    ]
    assert result.lines[-1]["kind"] == "series"
    assert [one["outcome"] for one in result.lines[:2]] == ["tumor", "no_tumor"]
    assert {one["notice"] for one in result.lines} == {NOTICE}


def test_one_unreadable_is_exit_code_1_and_the_rest_is_answered(
    run: Callable[..., Result], scans: Path
) -> None:
    (scans / "0.png").write_bytes(b"")
    result = run(scans / "missing.png", scans, "--format", "json")
    assert result.code == 1
    assert [one["kind"] for one in result.lines] == ["error"] * 2 + ["image"] * 5 + ["series"]
    assert result.lines[0]["error"]["type"] == "unsupported-format"
    assert "0 bytes" in result.lines[1]["error"]["detail"]
    assert result.lines[1]["source"] == str(scans / "0.png")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Missing argument"),
        (("1.png", "--format", "xml"), "'xml' is not one of"),
        (("1.png", "--cutoff", "0.4"), "No such option"),
        (("1.png", "--threshold", "1.4"), "from 0 to 1; received 1.4"),
        (("1.png", "--threshold", "nan"), "from 0 to 1; received nan"),
        (("1.png", "--threshold", "half"), "'half' is not a valid float"),
        (("1.png", "--threshold", "0.4", "--operating-point", "balanced"), "not both"),
        (("1.png", "--operating-point", "lenient"), "no operating point 'lenient'"),
        (("1.png", "--model", "missing.tumorscope"), "missing.tumorscope cannot be read"),
    ],
)
def test_wrong_usage_is_exit_code_2(
    run: Callable[..., Result], arguments: tuple[str, ...], message: str, tiny_artifact_path: Path
) -> None:
    model = None if "--model" in arguments else tiny_artifact_path
    result = run(*arguments, model=model)
    assert result.code == 2
    assert message in result.err
    assert "Traceback" not in result.err
    assert result.out == ""


def test_altered_model_is_exit_code_2(
    run: Callable[..., Result], scans: Path, tiny_artifact_path: Path, tmp_path: Path
) -> None:
    altered = tmp_path / "altered.tumorscope"
    content = bytearray(tiny_artifact_path.read_bytes())
    content[-200] ^= 0xFF
    altered.write_bytes(content)
    result = run(scans, model=altered)
    assert (result.code, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert "altered.tumorscope" in result.err


def test_csv(run: Callable[..., Result], scans: Path) -> None:
    (scans / "0,0.png").write_bytes(b"")
    result = run(scans, "--format", "csv")
    header = result.out.splitlines()[0]
    assert header == (
        "kind,source,slice_index,sop_instance_uid,"
        "series_instance_uid,study_instance_uid,series_description,outcome,"
        "probability_tumor,probability_no_tumor,"
        "probability_glioma,probability_meningioma,probability_pituitary,prediction_set,reasons,"
        "operating_point,threshold,sequence_name,sequence_probability,sequence_from,plane,"
        "peak_row,peak_column,box_row0,box_column0,box_row1,box_column1,slices,failed_slices,notes,"
        "model_id,model_version,model_sha256,error_type,error_title,error_detail,notice"
    )
    rows = list(csv.DictReader(io.StringIO(result.out)))
    assert [row["kind"] for row in rows] == ["error"] + ["image"] * 5 + ["series"]
    assert rows[0]["source"] == str(scans / "0,0.png")
    assert rows[0]["error_type"] == "corrupt-image"
    assert rows[0]["outcome"] == rows[0]["probability_tumor"] == ""
    assert float(rows[1]["probability_tumor"]) + float(rows[1]["probability_no_tumor"]) == (
        pytest.approx(1)
    )
    assert abs(int(rows[1]["peak_row"]) - 62) < 20
    assert rows[2]["peak_row"] == ""
    assert {row["notice"] for row in rows} == {NOTICE}
    assert rows[1]["model_id"] == "tiny"
    assert rows[0]["operating_point"] == rows[0]["threshold"] == ""
    assert {(row["operating_point"], row["threshold"]) for row in rows[1:]} == {("balanced", "0.5")}


@pytest.mark.parametrize(
    ("words", "point"),
    [
        ((), {"name": "balanced", "threshold": 0.5}),
        (("--operating-point", "specific"), {"name": "specific", "threshold": 0.9999}),
        (("--threshold", "0.25"), {"name": "custom", "threshold": 0.25}),
    ],
)
def test_every_answer_says_what_decided(
    run: Callable[..., Result], scans: Path, words: tuple[str, ...], point: dict[str, object]
) -> None:
    lines = run(scans, "--format", "json", *words).lines
    assert {one["kind"] for one in lines} == {"image", "series"}
    assert [one["operating_point"] for one in lines] == [point] * len(lines)
    table = run(scans, *words).out
    assert f"Operating point {point['name']}: tumor from {point['threshold']:.3f} on." in table


def test_table(run: Callable[..., Result], scans: Path) -> None:
    (scans / "0.png").write_bytes(b"")
    result = run(scans)
    lines = result.out.splitlines()
    assert lines[0].split() == ["outcome", "tumor", "type", "if", "tumor", "source"]
    assert lines[1].split()[0] == "error"
    assert lines[2].split()[0] == "tumor"
    assert lines[3].split()[0] == "no_tumor"
    assert lines[4].endswith("3.nii [0]")
    assert lines[7].endswith("3.nii (series of 3 slices)")
    assert lines[-1] == f"Operating point balanced: tumor from 0.500 on. {NOTICE}"
    assert "0.png: The file is empty" in result.err
    assert len({line.index(str(scans)) for line in lines[1:8]}) == 1


def test_formats_agree(run: Callable[..., Result], scans: Path) -> None:
    from_json = [one["probabilities"]["tumor"] for one in run(scans, "--format", "json").lines]
    rows = csv.DictReader(io.StringIO(run(scans, "--format", "csv").out))
    assert [float(row["probability_tumor"]) for row in rows] == from_json


def test_operating_point_changes_the_outcome(run: Callable[..., Result], scans: Path) -> None:
    (answer,) = run(scans / "1.png", "--format", "json", "--operating-point", "specific").lines
    assert answer["outcome"] == "no_tumor"


def test_zip_and_standard_input(
    run: Callable[..., Result], scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "scans.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        for file in scans.iterdir():
            writer.write(file, f"inner/{file.name}")
    direct, zipped = run(scans, "--format", "json"), run(archive, "--format", "json")
    assert zipped.lines[0]["source"] == f"{archive}/inner/1.png"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((scans / "1.png").read_bytes())))
    piped = run("-", "--format", "json")
    assert piped.lines[0]["source"] == "stdin"
    probabilities = [result.lines[0]["probabilities"] for result in (direct, zipped, piped)]
    assert probabilities[0] == probabilities[1] == probabilities[2]


def test_heat_maps_one_per_image(run: Callable[..., Result], scans: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "maps"
    assert run(scans, "--heatmaps", folder).code == 0
    assert len(list(folder.iterdir())) == 5
    (first,) = folder.glob("*1.png.png")
    drawn = np.asarray(Image.open(first)).astype(int)
    assert drawn.shape[1:] == (160, 3)
    assert drawn[62, 94, 0] - drawn[62, 94, 2] > 50
    below = drawn[160:]  # the scale of the colors, and the notice
    assert len(below) > 20
    assert below[4, 150, 0] > below[4, 80, 0] > below[4, 10, 0]
    assert (below[8:] > 200).all(axis=-1).any()


def test_heat_maps_never_go_into_a_folder_with_files(
    run: Callable[..., Result], scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "precious.txt").write_text("keep")
    result = run(scans, "--heatmaps", folder)
    assert (result.code, result.out) == (2, "")
    assert "is not empty" in result.err
    assert [file.name for file in folder.iterdir()] == ["precious.txt"]
    (folder / "precious.txt").unlink()
    assert run(scans, "--heatmaps", folder).code == 0


def test_heat_maps_where_no_folder_can_be(run: Callable[..., Result], scans: Path) -> None:
    result = run(scans, "--heatmaps", scans / "1.png" / "maps")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("tumorscope: The folder")
    assert result.err.count("\n") == 1


def test_two_inputs_of_one_name_get_two_heat_maps(
    run: Callable[..., Result], scans: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "maps"
    picture = scans / "1.png"
    again = scans / "sub"
    again.mkdir()
    (again / "1.png").write_bytes(picture.read_bytes())
    assert run(picture, picture, again / "1.png", "--heatmaps", folder).code == 0
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize(
    "name",
    ["\u8111" * 80 + ".png", "a" * 240 + ".png", "..\u00e4 b;c.png", "!!!"],
    ids=["long in bytes", "long", "odd letters", "no letters"],
)
def test_heat_map_of_an_unusual_name(
    run: Callable[..., Result],
    scans: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    (scans / "1.png").rename(scans / name)
    monkeypatch.chdir(scans)
    assert run(name, "--heatmaps", tmp_path / "maps").code == 0
    (drawn,) = (tmp_path / "maps").iterdir()
    assert drawn.suffix == ".png"
    assert not drawn.name.startswith((".", "-"))


def test_heat_map_of_a_path_upwards_is_not_hidden(
    run: Callable[..., Result], scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = scans / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    assert run("../1.png", "--heatmaps", "maps").code == 0
    assert [file.name for file in (inside / "maps").iterdir()] == ["1.png.png"]


def test_names_cannot_disturb_the_terminal(run: Callable[..., Result], scans: Path) -> None:
    (scans / "1.png").rename(scans / "a\x1b[31m\nb.png")
    (scans / "2.png").write_bytes(b"")
    (scans / "2.png").rename(scans / "c\x1b[31m\nd.png")
    result = run(scans)
    assert "\x1b" not in result.out + result.err
    assert len(result.out.splitlines()) == 9
    assert len(result.err.splitlines()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such file names")
@pytest.mark.parametrize("style", ["table", "json", "csv"])
def test_real_process(scans: Path, tiny_artifact_path: Path, style: str) -> None:
    (scans / "1.png").rename(scans / os.fsdecode("\u8111".encode() + b"\xff.png"))
    (scans / "0.png").write_bytes(b"")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tumorscope", "predict", str(scans)),
            *("--model", str(tiny_artifact_path), "--format", style),
        ],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "latin-1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    lines = done.stdout.decode().splitlines()
    assert len(lines) == {"json": 7, "csv": 8, "table": 10}[style]
    assert any("no_tumor" in line and "2.png" in line for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pseudo-terminal")
def test_answers_are_counted_on_the_terminal(scans: Path, tiny_artifact_path: Path) -> None:
    ours, theirs = os.openpty()
    subprocess.run(
        [
            *(sys.executable, "-m", "tumorscope", "predict", str(scans), "--format", "json"),
            *("--model", str(tiny_artifact_path)),
        ],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        check=True,
    )
    os.close(theirs)
    assert os.read(ours, 1000).decode().endswith("\r5 answers\r6 answers\r\n")
    os.close(ours)


def test_a_contact_sheet_is_one_file_with_all_answers(run, scans: Path, tmp_path: Path) -> None:
    (scans / "<i>bad.png").write_bytes(b"")
    result = run(scans, "--html", tmp_path / "sheet.html", "--format", "csv")
    assert result.code == 1
    page = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert page.count("<article") == 7  # two images, three slices, their series, one error
    assert page.count('<article class="error"') == 1
    assert page.count("data:image/png;base64,") == 10
    assert "<i>" not in page
    assert "Research use only. Not a medical device." in page
    assert 'src="http' not in page
    again = run(scans, "--html", tmp_path / "sheet.html")
    assert again.code == 2
    assert "exists; give another name for --html" in again.err
