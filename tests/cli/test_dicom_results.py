"""``tumorscope predict --dicom-results``: results of a folder, and what is wrong with its use."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

from tests.cli.conftest import Result
from tests.serving.dicom.made_series import make_series

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")


@pytest.fixture
def series(
    tmp_path: Path, make_head: Callable[..., np.ndarray], make_dicom: Callable[..., FileDataset]
) -> Path:
    folder = tmp_path / "series"
    folder.mkdir()
    for place, ds in enumerate(make_series(make_head, make_dicom, count=3)):
        ds.save_as(folder / f"{place}.dcm", enforce_file_format=True)
    return folder


def test_results_lie_in_a_folder_for_each_series(
    run: Callable[..., Result], series: Path, tmp_path: Path
) -> None:
    (series / "notes.txt.png").write_bytes(b"")
    out = tmp_path / "out"
    result = run(series, "--format", "json", "--dicom-results", out, "--results", "sr,seg")
    assert result.code == 1, "the file that is no image"
    answer = result.lines[-1]
    folder = out / answer["series_instance_uid"]
    assert sorted(one.name for one in folder.iterdir()) == ["seg-1.dcm", "sr-1.dcm"]
    assert pydicom.dcmread(folder / "sr-1.dcm").StudyInstanceUID == answer["study_instance_uid"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--dicom-results", "series/out"), "give --dicom-results a folder outside the input"),
        (("--dicom-results", "out", "--results", "sr,report"), "received 'sr,report'"),
    ],
)
def test_wrong_use_is_exit_code_2(
    run: Callable[..., Result],
    series: Path,
    options: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(series.parent)
    result = run("series", *options)
    assert result.code == 2
    assert message in result.err


def test_a_rejected_series_says_why(
    run: Callable[..., Result], series: Path, tmp_path: Path
) -> None:
    for path in series.iterdir():
        ds = pydicom.dcmread(path)
        ds.Modality = "CT"
        ds.save_as(path)
    result = run(series, "--dicom-results", tmp_path / "out")
    assert result.code == 0
    assert "was rejected" in result.err
    assert list((tmp_path / "out").iterdir()) == []
