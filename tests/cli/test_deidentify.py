"""``tumorscope deidentify``."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

from tests.cli.conftest import Result


@pytest.fixture
def study(
    tmp_path: Path, make_head: Callable[..., np.ndarray], make_dicom: Callable[..., FileDataset]
) -> Path:
    folder = tmp_path / "Doe Jane"
    folder.mkdir()
    for number in range(3):
        ds = make_dicom(make_head(), InstanceNumber=number, StudyInstanceUID="1.2.3.4")
        ds.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return folder


def test_a_study_is_copied_and_what_is_left_out_is_named(
    tumorscope: Callable[..., Result], study: Path, tmp_path: Path
) -> None:
    (study / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    out = tmp_path / "out"
    result = tumorscope("deidentify", study, out)
    assert result.code == 1
    assert "photo.png: left out. It is not a DICOM file." in result.err
    files = sorted(out.rglob("*.dcm"))
    assert len(files) == 3
    read = [pydicom.dcmread(one) for one in files]
    assert {one.parent.name for one in files} == {str(read[0].SeriesInstanceUID)}
    content = b"".join(one.read_bytes() for one in out.rglob("*") if one.is_file())
    assert b"Doe" not in content
    assert b"12345678" not in content
    report = json.loads((out / "deidentification.json").read_text())
    assert report["images"] == 3
    assert report["left_out"] == {"It is not a DICOM file.": 1}
    assert (read[0].pixel_array == pydicom.dcmread(study / "0.dcm").pixel_array).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--retain", "names"), "--retain takes uids, device"),
        (("--retain", "dates", "--shift-dates"), "not both"),
    ],
)
def test_wrong_use_is_exit_code_2(
    tumorscope: Callable[..., Result],
    study: Path,
    tmp_path: Path,
    options: tuple[str, ...],
    message: str,
) -> None:
    result = tumorscope("deidentify", study, tmp_path / "out", *options)
    assert result.code == 2
    assert message in result.err


def test_the_output_is_new_and_outside_of_the_input(
    tumorscope: Callable[..., Result], study: Path
) -> None:
    assert "lies inside" in tumorscope("deidentify", study, study / "out").err
    assert "not empty" in tumorscope("deidentify", study / "0.dcm", study).err
