"""What is left is found: the check itself is checked."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from benchmarks import check_deidentified
from tumorscope.imaging.deidentification.deidentifier import Deidentifier


@pytest.fixture
def folder(
    tmp_path: Path, make_head: Callable[..., np.ndarray], make_dicom: Callable[..., FileDataset]
) -> Path:
    ds = make_dicom(make_head(), StudyInstanceUID="1.2.3.4", StudyDate="20260102")
    ds.private_block(0x0029, "MAKER", create=True).add_new(0x10, "LO", "SECRET")
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    return tmp_path


def test_nothing_is_left(folder: Path) -> None:
    account = check_deidentified.check([folder])
    assert account["files"] == 1
    assert account["violations"] == []
    assert account["held"]
    assert account["elements checked, by the table's action"]["U"] >= 3


@pytest.mark.parametrize(
    ("keyword", "value", "named"),
    [
        ("PatientName", "Doe^Jane", "PatientName: has its old value"),
        ("StudyDate", "20260102", "StudyDate: has its old value"),
        ("ImageComments", "seen by 12345678", "found in the bytes: PatientID"),
    ],
)
def test_what_is_left_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, keyword: str, value: str, named: str
) -> None:
    apply = Deidentifier.apply

    def leave(self: Deidentifier, ds: FileDataset) -> list[str]:
        said = apply(self, ds)
        setattr(ds, keyword, value)
        return said

    monkeypatch.setattr(Deidentifier, "apply", leave)
    account = check_deidentified.check([folder])
    assert not account["held"]
    assert any(named in one for one in account["violations"]), account["violations"]
