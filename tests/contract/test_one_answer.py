"""One scan through every door gives one answer."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorscope import load_model
from tumorscope.imaging.phantom import Lesion, head_phantom

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture
def scan(tmp_path):
    path = tmp_path / "scan.png"
    Image.fromarray(head_phantom(lesion=Lesion(), seed=5)).save(path)
    return path


def tumor(prediction):
    return prediction.probabilities["tumor"]


def test_path_bytes_picture_and_array(model, scan):
    with Image.open(scan) as picture:
        picture.load()
        answers = [
            model.predict(scan),
            model.predict(str(scan)),
            model.predict(scan.read_bytes()),
            model.predict(picture),
            model.predict(np.asarray(picture)),
        ]
    assert len({tumor(answer) for answer in answers}) == 1


def test_command_line(model, scan):
    run = subprocess.run(
        [sys.executable, "-m", "tumorscope", "predict", str(scan), "--format", "json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    answer = json.loads(run.stdout)
    assert answer == model.predict(scan).to_dict()
    assert abs(answer["probabilities"]["tumor"] - tumor(model.predict(scan))) < 1e-6


def test_lossless_formats_agree(model, scan):
    with Image.open(scan) as picture:
        expected = tumor(model.predict(picture))
        for form in ("PNG", "BMP", "TIFF"):
            buffer = io.BytesIO()
            picture.save(buffer, form)
            assert tumor(model.predict(buffer.getvalue())) == pytest.approx(expected, abs=1e-6)


def test_samples_are_told_apart(model):
    with_lesion = model.predict(head_phantom(lesion=Lesion()))
    without = model.predict(head_phantom())
    assert with_lesion.outcome == "tumor"
    assert without.outcome == "no_tumor"
    assert with_lesion.probabilities["tumor"] - without.probabilities["tumor"] > 0.5
    row, column = with_lesion.localization.peak
    assert np.hypot(row / 256 - Lesion().center[0], column / 256 - Lesion().center[1]) < 0.12


@pytest.mark.slow
@pytest.mark.real_scans
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real scans are not beside the checkout")
def test_real_series_and_volumes_are_answered_whole(model):
    paths = [
        SHARED / "dicom" / "tumor_series",
        SHARED / "btp_volumes" / "01" / "Pre_Scan_T1.nii.gz",
    ]
    answers = [answer.to_dict() for answer in model.predict_many(paths)]
    series = [answer for answer in answers if answer["kind"] == "series"]
    assert sum(answer["kind"] == "image" for answer in answers) == sum(
        one["slices"] + one["failed_slices"] for one in series
    )
    assert [one["outcome"] for one in series] == ["tumor", "tumor"]
