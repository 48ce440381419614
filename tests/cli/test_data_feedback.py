"""``tumorscope data feedback``: readings of the page become a manifest."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

from tests.cli.conftest import Result
from tumorscope.data.feedback import label_of, read_feedback
from tumorscope.data.manifest import read_manifest
from tumorscope.errors import UsageError
from tumorscope.model.artifact import read_artifact

TUMOR = {"reading": None, "verdict": "agree", "comment": "Doe, Jane: see me"}


def case(reader: dict[str, Any], **answer: Any) -> dict[str, Any]:
    known = {
        "kind": "image",
        "outcome": "tumor",
        "slice_index": None,
        "sop_instance_uid": None,
        "probabilities": {"tumor": 0.9, "no_tumor": 0.1},
        "operating_point": {"name": "balanced", "threshold": 0.5},
        "model": {"id": "m", "version": "0", "sha256": "0" * 64},
    }
    return {"answer": known | answer, "slices": [], "operating_point": "balanced", "reader": reader}


@pytest.mark.parametrize(
    ("outcome", "verdict", "reading", "label"),
    [
        ("tumor", "agree", None, "tumor"),
        ("tumor", "disagree", "tumor", "no_tumor"),
        ("no_tumor", "disagree", None, "tumor"),
        ("no_tumor", None, "tumor", "tumor"),
        ("tumor", "unsure", "tumor", None),
        ("tumor", None, "unsure", None),
        ("tumor", None, None, None),
        ("abstain", "agree", None, None),
        ("abstain", None, "no_tumor", "no_tumor"),
        ("rejected", "disagree", None, None),
    ],
)
def test_what_a_reader_said(
    outcome: str, verdict: str | None, reading: str | None, label: str | None
) -> None:
    reader = {"verdict": verdict, "reading": reading, "comment": ""}
    assert label_of(case(reader, outcome=outcome)) == label


@pytest.mark.parametrize(
    "part",
    [
        {"outcome": ["tumor"]},
        {"probabilities": [0.9]},
        {"most_suspicious": 5},
        {"most_suspicious": [5]},
    ],
)
def test_a_damaged_answer_is_named(tmp_path: Path, part: dict[str, Any]) -> None:
    (tmp_path / "a.png").touch()
    export = tmp_path / "readings.json"
    good, damaged = case(TUMOR, source="b.png"), case(TUMOR, source="a.png", **part)
    export.write_text(json.dumps([good, damaged]))
    with pytest.raises(UsageError, match="answer 2 is damaged"):
        read_feedback(export, tmp_path)


def test_deeply_nested_text_is_no_export(tmp_path: Path) -> None:
    (tmp_path / "readings.json").write_text("[" * 100_000)
    with pytest.raises(UsageError, match="not JSON"):
        read_feedback(tmp_path / "readings.json", tmp_path)


def test_readings_of_files_and_series_become_a_manifest(
    tumorscope: Callable[..., Result],
    tmp_path: Path,
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
) -> None:
    images = tmp_path / "images"
    (images / "a").mkdir(parents=True)
    uid = generate_uid()
    ds = make_dicom(make_head(), SOPInstanceUID=uid)
    ds.file_meta.MediaStorageSOPInstanceUID = uid
    ds.save_as(images / "a" / "0001", enforce_file_format=True)
    Image.fromarray(make_head()).save(images / "b.png")
    suspicious = {"source": "x", "slice_index": None, "sop_instance_uid": uid, "probability": 0.9}
    series = {"kind": "series", "most_suspicious": [suspicious], "study_instance_uid": "1.2.3"}
    cases = [
        case(TUMOR, series_instance_uid="1.2.4", source="folder", **series),
        case({"reading": "no_tumor", "verdict": None, "comment": ""}, source="zip/b.png"),
        case(TUMOR, source="zip/b.png"),
        case(TUMOR, source="gone.png"),
        case({"reading": None, "verdict": None, "comment": ""}, source="b.png"),
        case(TUMOR, source="v.nii", slice_index=3),
        {"answer": None, "slices": [], "operating_point": "balanced", "reader": TUMOR},
    ]
    export = tmp_path / "worklist.json"
    export.write_text(json.dumps(cases))
    manifest = tmp_path / "readings.csv"
    result = tumorscope("data", "feedback", export, images, "--output", manifest)
    assert result.code == 0
    assert "2 readings, 1 with and 1 without a tumor" in result.out
    assert result.err.count("1 left out") == 4
    rows = read_manifest(manifest, root=images)
    assert [(row.path, row.tumor) for row in rows] == [("a/0001", 1), ("b.png", 0)]
    assert rows[0].patient_id is not None
    assert "1.2.3" not in rows[0].patient_id
    text = (tmp_path / "readings.jsonl").read_text()
    first = json.loads(text.splitlines()[0])
    assert first["sop_instance_uid"] == uid
    assert first["series_instance_uid"] == "1.2.4"
    assert first["model"]["sha256"] == "0" * 64
    assert first["operating_point"]["name"] == "balanced"
    assert "Doe" not in text


@pytest.mark.parametrize("steps", ["one command", "by a manifest"])
def test_sixty_readings_calibrate_without_editing(
    tumorscope: Callable[..., Result],
    tmp_path: Path,
    tiny_artifact_path: Path,
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
    steps: str,
) -> None:
    pytest.importorskip("onnx", reason="the extra [train] is not installed")
    images, local = tmp_path / "images", tmp_path / "local.tumorscope"
    images.mkdir()
    cases = []
    for number in range(60):
        has_blob = number % 2 == 1
        head = make_head(radius=45 + number % 20, blob=(80, 90) if has_blob else None, seed=number)
        ds = make_dicom(head, SOPInstanceUID=generate_uid(), StudyInstanceUID=generate_uid())
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(images / f"{number}.dcm", enforce_file_format=True)
        # Every tenth time the reader disagrees; every third one read before the answer was shown.
        outcome = "tumor" if has_blob is (number % 10 != 0) else "no_tumor"
        verdict = "agree" if (outcome == "tumor") is has_blob else "disagree"
        reader = {"verdict": verdict, "reading": None, "comment": "see me"}
        if number % 3 == 0:
            reader |= {"verdict": None, "reading": "tumor" if has_blob else "no_tumor"}
        cases.append(
            case(
                reader,
                outcome=outcome,
                sop_instance_uid=ds.SOPInstanceUID,
                study_instance_uid=ds.StudyInstanceUID,
                source=f"{number}.dcm",
            )
        )
    source = tmp_path / "worklist.json"
    source.write_text(json.dumps(cases))
    if steps != "one command":
        manifest = tmp_path / "readings.csv"
        assert tumorscope("data", "feedback", source, images, "--output", manifest).code == 0
        source = manifest
    model = ("--model", tiny_artifact_path)
    result = tumorscope("calibrate", source, "--root", images, *model, "--output", local)
    assert result.code == 0, result.err
    counts = read_artifact(local).manifest.card["recalibration"]["calibration"]
    assert (counts["images"], counts["tumor"], counts["no_tumor"]) == (60, 30, 30)
    assert "see me" not in str(read_artifact(local).manifest.card)


def test_readings_need_the_folder_of_their_images(
    tumorscope: Callable[..., Result], tmp_path: Path
) -> None:
    export = tmp_path / "worklist.json"
    export.write_text("[]")
    result = tumorscope("calibrate", export, "--output", tmp_path / "a.tumorscope")
    assert result.code == 2
    assert "--root" in result.err


@pytest.mark.parametrize("content", ["", "source,outcome\n", "{}", '[{"answer": 1}]'])
def test_what_is_no_export_is_refused(
    tumorscope: Callable[..., Result], tmp_path: Path, content: str
) -> None:
    export = tmp_path / "export"
    export.write_text(content)
    result = tumorscope("data", "feedback", export, tmp_path, "--output", tmp_path / "m.csv")
    assert result.code == 2
    assert "export" in result.err
