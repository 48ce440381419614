import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from PIL import Image

from tests.data.public.conftest import encoded, zipped
from tumorscope.cli.data import data
from tumorscope.data import public_sets
from tumorscope.data.manifest import read_manifest
from tumorscope.data.public.download import Download
from tumorscope.data.public.fetch import Fetched, fetch_set
from tumorscope.data.public_set import PublicSet
from tumorscope.data.public_sets import (
    BR35H,
    BRAIN_TUMOR_PROGRESSION,
    FIGSHARE,
    LGG,
    NAVONEEL,
    PUBLIC_SETS,
    SARTAJ,
)
from tumorscope.errors import FetchError, UsageError


def _picture(seed: int, side: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)


def _mask(side: int = 40) -> np.ndarray:
    mask = np.zeros((side, side), np.uint8)
    mask[5:9, 20:30] = 1
    return mask


def _take(recipe: PublicSet, files: dict[str, bytes], folder: Path) -> Fetched:
    archive = folder / "archive.zip"
    archive.write_bytes(zipped(files))
    return fetch_set(recipe, folder / "out", sources=[archive], download=Download())


@pytest.fixture
def figshare(server, make_mat) -> PublicSet:
    """Three slices of two patients in two archives on a server, one of them damaged."""
    slices = {
        "1.mat": make_mat(np.int16(_picture(1)) * 9, _mask(), label=2, patient="MR000001A"),
        "2.mat": make_mat(np.int16(_picture(2)) - 40, _mask(), label=3, patient="100"),
        "3.mat": make_mat(np.int16(_picture(3)), _mask(), label=1, patient="100")[:900],
    }
    files = (
        server.offer("first.zip", zipped({"1.mat": slices["1.mat"]})),
        server.offer("second.zip", zipped({n: slices[n] for n in ("2.mat", "3.mat")})),
    )
    return replace(FIGSHARE, files=files, expected={"glioma": 1, "pituitary": 1}, patients=2)


def test_matlab_slices_become_pictures_masks_and_rows(figshare, tmp_path):
    fetched = fetch_set(figshare, tmp_path / "out", download=Download(tell=lambda _: None))

    rows = read_manifest(tmp_path / "out/manifest.csv")
    assert rows == list(fetched.rows)
    assert [(row.type, row.patient_id, row.sequence) for row in rows] == [
        ("glioma", "MR000001A", "T1+C"),
        ("pituitary", "100", "T1+C"),
    ]
    with Image.open(tmp_path / "out" / rows[0].path) as image:
        np.testing.assert_array_equal(np.asarray(image), np.int16(_picture(1)) * 9)
    with Image.open(tmp_path / "out" / rows[1].path) as image:
        low = int(_picture(2).min()) - 40
        np.testing.assert_array_equal(np.asarray(image), np.int16(_picture(2)) - 40 - low)
    with Image.open(tmp_path / "out" / rows[0].mask) as mask:
        np.testing.assert_array_equal(np.asarray(mask), _mask() * 255)
    assert [one.path for one in fetched.failures] == ["3.mat"]
    assert "not a whole MATLAB 7.3 file" in fetched.failures[0].reason
    assert fetched.differences == []


def test_the_record_says_where_the_pictures_are_from(figshare, tmp_path):
    fetch_set(figshare, tmp_path / "out", download=Download(tell=lambda _: None))

    record = json.loads((tmp_path / "out/source.json").read_text())
    assert record["licence"] == "CC BY 4.0"
    assert record["files"] == {one.name: one.sha256 for one in figshare.files}
    assert record["not_converted"].keys() == {"3.mat"}
    assert "Research use only" in record["notice"]


def test_nothing_is_overwritten_and_an_interrupted_conversion_is_gone_on_with(figshare, tmp_path):
    out, download = tmp_path / "out", Download(tell=lambda _: None)
    fetch_set(figshare, out, download=download)
    with pytest.raises(UsageError, match=r"manifest.csv exists"):
        fetch_set(figshare, out, download=download)

    (out / "manifest.csv").unlink()
    assert len(fetch_set(figshare, out, download=download).rows) == 2

    (out / "manifest.csv").unlink()
    (out / "images/0001.png").write_bytes(b"mine")
    with pytest.raises(FetchError, match="is not overwritten"):
        fetch_set(figshare, out, download=download)
    assert (out / "images/0001.png").read_bytes() == b"mine"


def test_archives_that_were_downloaded_by_hand_are_checked(figshare, server, tmp_path):
    taken = tmp_path / "taken"
    taken.mkdir()
    for file in figshare.files:
        (taken / file.name).write_bytes(server.files[file.name])
    fetched = fetch_set(figshare, tmp_path / "out", sources=[taken], download=Download())
    assert len(fetched.rows) == 2

    (taken / "first.zip").write_bytes(server.files["first.zip"][:-50])
    with pytest.raises(FetchError, match=r"first\.zip has SHA-256"):
        fetch_set(figshare, tmp_path / "other", sources=[taken], download=Download())


def test_an_archive_of_archives_is_opened(make_mat, tmp_path):
    inner = zipped({"part/7.mat": make_mat(_picture(7), _mask())})
    fetched = _take(FIGSHARE, {"all/inner.zip": inner, "cvind.mat": b"no slice"}, tmp_path)

    assert [row.path for row in fetched.rows] == ["images/0007.png"]
    assert fetched.failures == []
    assert "708" in fetched.differences[0]
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith("tmp")]


def test_folders_tell_the_label_and_twins_are_taken_once(tmp_path):
    files = {f"{folder}/{name}": encoded(_picture(seed)) for folder, name, seed in (
        ("yes", "Y1.png", 1), ("no", "1 no.png", 2), ("brain_tumor_dataset/yes", "Y1.png", 1),
        ("brain_tumor_dataset/no", "1 no.png", 3), ("yes", "Y2.png", 1),
    )}  # fmt: skip
    fetched = _take(NAVONEEL, files | {"yes/bad.png": b"no picture"}, tmp_path)

    assert sorted((row.path, row.tumor) for row in fetched.rows) == [
        ("files/brain_tumor_dataset/no/1 no.png", 0),
        ("files/no/1 no.png", 0),
        ("files/yes/Y1.png", 1),
        ("files/yes/Y2.png", 1),
    ]
    assert [one.path for one in fetched.failures] == ["yes/bad.png"]


def test_pictures_without_a_label_are_taken_only_where_the_recipe_says(tmp_path):
    files = {"pred/p.png": encoded(_picture(1)), "Br35H-Mask-RCNN/TEST/y.png": encoded(_picture(2))}
    fetched = _take(BR35H, files, tmp_path)

    assert [(row.path, row.tumor) for row in fetched.rows] == [("files/pred/p.png", None)]


def test_known_bad_pictures_are_kept_and_named(tmp_path):
    files = {
        "Training/glioma_tumor/gg (1).jpg": encoded(_picture(1), "JPEG"),
        "Testing/glioma_tumor/image(1).jpg": encoded(_picture(2), "JPEG"),
    }
    fetched = _take(SARTAJ, files, tmp_path)

    assert {row.published_split: row.type for row in fetched.rows} == {
        "Training": "glioma",
        "Testing": "glioma",
    }
    with (tmp_path / "out/known_bad.csv").open(newline="") as stream:
        bad = list(csv.DictReader(stream))
    assert [row["path"] for row in bad] == ["files/Testing/glioma_tumor/image(1).jpg"]


def test_channels_become_sequences_without_the_stand_ins(tmp_path):
    stem = "kaggle_3m/TCGA_CS_4941_19960909/TCGA_CS_4941_19960909_"
    with_all = np.stack([_picture(seed) for seed in (1, 2, 3)], axis=-1)
    without_t1 = np.stack([_picture(seed) for seed in (4, 4, 5)], axis=-1)
    files = {
        f"{stem}1.tif": encoded(with_all, "TIFF"),
        f"{stem}1_mask.tif": encoded(_mask() * 255, "TIFF"),
        f"{stem}2.tif": encoded(without_t1, "TIFF"),
        f"{stem}2_mask.tif": encoded(np.zeros((40, 40), np.uint8), "TIFF"),
        f"{stem}3.tif": encoded(with_all, "TIFF"),
    }
    fetched = _take(LGG, files, tmp_path)

    assert [(row.sequence, row.tumor, row.type) for row in fetched.rows] == [
        ("T1", 1, "glioma"),
        ("FLAIR", 1, "glioma"),
        ("T1+C", 1, "glioma"),
        ("FLAIR", 0, None),
        ("T1+C", 0, None),
    ]
    assert {row.patient_id for row in fetched.rows} == {"TCGA_CS_4941"}
    assert [one.reason for one in fetched.failures] == [
        "cannot be converted: there is no mask beside it"
    ]
    with Image.open(tmp_path / "out" / fetched.rows[1].path) as flair:
        np.testing.assert_array_equal(np.asarray(flair), _picture(2))


def test_dicom_slices_keep_their_files_and_masks_are_left_out(make_dicom, encode_dicom, tmp_path):
    def dicom(description: str) -> bytes:
        return encode_dicom(
            make_dicom(_picture(1), SeriesDescription=description, PatientID="PGBM-001")
        )

    fetched = _take(
        BRAIN_TUMOR_PROGRESSION,
        {
            "a/1.dcm": dicom("T1post"),
            "b/1.dcm": dicom("MaskTumor"),
            "c/1.dcm": b"x",
            "LICENSE": b"y",
        },
        tmp_path,
    )

    assert [(row.path, row.sequence, row.patient_id) for row in fetched.rows] == [
        ("files/a/1.dcm", "T1+C", "PGBM-001")
    ]
    assert [one.path for one in fetched.failures] == ["c/1.dcm"]
    kept = pydicom.dcmread(io.BytesIO((tmp_path / "out/files/a/1.dcm").read_bytes()))
    assert kept.SeriesDescription == "T1post"


@pytest.mark.parametrize("name", ["../yes/a.png", "/yes/a.png", "yes\\..\\..\\a.png"])
def test_an_archive_cannot_write_outside(tmp_path, name):
    with pytest.raises(FetchError, match="outside the output folder"):
        _take(NAVONEEL, {name: encoded(_picture(1))}, tmp_path)
    assert not list(tmp_path.rglob("*.png"))


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"PK\x03\x04 and no more", "Download it again"), (zipped({"a.txt": b"x"}), "right download")],
    ids=["damaged", "another"],
)
def test_a_wrong_archive_is_told(tmp_path, content, said):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    with pytest.raises(FetchError, match=said):
        fetch_set(NAVONEEL, tmp_path / "out", sources=[archive], download=Download())
    assert not (tmp_path / "out/manifest.csv").exists()


@pytest.mark.parametrize("recipe", [one for one in PUBLIC_SETS.values() if not one.files])
def test_sets_behind_a_login_say_what_to_do(recipe, tmp_path):
    with pytest.raises(UsageError, match=rf"1\. .*https://.*\n.*fetch {recipe.name} --from"):
        fetch_set(recipe, tmp_path / "out", download=Download())
    assert not (tmp_path / "out").exists()


def _run(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(data, [str(one) for one in words], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result.output


def test_the_list_tells_what_is_known_of_each_set():
    text = _run("fetch", "--list")

    for recipe in PUBLIC_SETS.values():
        assert recipe.page in text
        assert recipe.licence in text
        assert recipe.citation in text
    assert "known bad: */Testing/glioma_tumor/*" in text
    assert "Research use only" in text


def test_a_fetched_set_can_be_split(figshare, monkeypatch, tmp_path):
    monkeypatch.setitem(public_sets.PUBLIC_SETS, "figshare", figshare)

    text = _run("fetch", "figshare", "--output", tmp_path / "out", code=1)

    assert "2 pictures (1 glioma, 1 pituitary)" in text
    assert "3.mat is not a whole MATLAB 7.3 file" in text
    split = tmp_path / "out/split.csv"
    _run("split", "--manifest", tmp_path / "out/manifest.csv", "--output", split)
    assert {row.group_id for row in read_manifest(split)} != {None}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["figshare"], "--output"),
        ([], "--list"),
        (["fig", "--output", "x"], "available: figshare, br35h"),
        (["br35h", "--output", "x", "--from", ".", "--mirror", "http://x"], "one of them"),
    ],
)
def test_misuse_is_told(words, said):
    with pytest.raises(UsageError, match=said):
        _run("fetch", *words)
