"""Results as DICOM objects: valid, in the same study, and in the same place."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from msgspec.structs import replace
from PIL import Image
from pydicom.dataset import FileDataset

from tests.conftest import CELLS
from tests.serving.dicom.made_series import (
    AXIAL,
    BLOB,
    OBLIQUE,
    SAGITTAL,
    SPACING,
    center_mm,
    make_series,
)
from tumorscope.answer import Prediction, SeriesPrediction
from tumorscope.errors import UsageError
from tumorscope.labels import NOTICE
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")

import highdicom

from tumorscope.serving.dicom.results import document, evidence_maps
from tumorscope.serving.dicom.results.collector import ResultCollector
from tumorscope.serving.dicom.results.make import Result, parse_kinds
from tumorscope.serving.dicom.results.source import (
    DESCRIPTIONS,
    KINDS,
    NoResultError,
)

MakeDicom = Callable[..., FileDataset]
Head = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def classifier(tiny_artifact: Artifact) -> Classifier:
    return Classifier(tiny_artifact, threads=1)


def results_of(
    classifier: Classifier, datasets: list[FileDataset], kinds: tuple[Any, ...] = KINDS
) -> tuple[SeriesPrediction | Prediction, list[Prediction], dict[str, pydicom.Dataset], list[str]]:
    """Answer a series as ``predict`` would; results by name, and what could not be made."""
    headers = {f"memory[{place}]": ds for place, ds in enumerate(datasets)}
    slices, made, problems = [], {}, []
    with ResultCollector(kinds, header=headers.__getitem__) as collector:
        answer: Any = None
        for answer in classifier.predict_many(datasets, heatmap=True):
            collector.add(answer)
            if isinstance(answer, Prediction):
                slices.append(answer)
        uid = collector.series()[0]
        series = answer if isinstance(answer, SeriesPrediction) else None
        for result in collector.results(uid, series):
            if isinstance(result, Result):
                buffer = io.BytesIO()
                result.dataset.save_as(buffer, enforce_file_format=True)
                made[result.name] = pydicom.dcmread(io.BytesIO(buffer.getvalue()))
            else:
                problems.append(str(result))
    return answer, slices, made, problems


@pytest.fixture(scope="module")
def made(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> tuple[Any, list[Prediction], dict[str, pydicom.Dataset], list[FileDataset]]:
    datasets = make_series(make_head, make_dicom)
    answer, slices, results, problems = results_of(classifier, datasets)
    assert problems == []
    return answer, slices, results, datasets


def test_every_kind_is_made(made: Any) -> None:
    assert sorted(made[2]) == [
        "pdf-1.dcm", "pm-1.dcm", "sc-1.dcm", "sc-2.dcm", "sc-3.dcm", "seg-1.dcm", "sr-1.dcm",
    ]  # fmt: skip
    assert all(len(text) <= 64 for text in DESCRIPTIONS.values())


def test_patient_and_study_are_copied(made: Any) -> None:
    _, _, results, datasets = made
    source = datasets[0]
    copied = (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate",
        "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyDescription",
        "StudyInstanceUID",
    )  # fmt: skip
    for result in results.values():
        assert {name: result[name].value for name in copied} == {
            name: source[name].value for name in copied
        }
        assert result.SeriesInstanceUID != source.SeriesInstanceUID
        assert "research use only" in result.SeriesDescription


def test_names_of_any_script_and_odd_values_are_copied(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> None:
    name = "Yamada^Tarou=山田^太郎=やまだ^たろう"
    datasets = make_series(
        make_head,
        make_dicom,
        count=2,
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName=name,
        PatientSex="",
    )
    for ds in datasets:
        del ds.StudyID, ds.PatientBirthDate, ds.SliceThickness
    _, _, results, problems = results_of(classifier, datasets)
    assert problems == []
    assert {str(one.PatientName) for one in results.values()} == {name}


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy is not installed")
@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, OBLIQUE])
def test_dciodvfy_finds_no_error(
    classifier: Classifier,
    make_head: Head,
    make_dicom: MakeDicom,
    tmp_path: Path,
    orientation: tuple[float, ...],
) -> None:
    datasets = make_series(make_head, make_dicom, orientation=orientation)
    _, _, results, _ = results_of(classifier, datasets)
    assert len(results) == 7
    for name, result in results.items():
        result.save_as(tmp_path / name)
        said = subprocess.run(
            ["dciodvfy", "-new", tmp_path / name], capture_output=True, text=True, check=False
        ).stderr
        assert "Error" not in said, f"{name}: {said}"


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dcmtk is not installed")
def test_dsrdump_reads_the_report(made: Any, tmp_path: Path) -> None:
    answer, _, results, _ = made
    results["sr-1.dcm"].save_as(tmp_path / "sr.dcm")
    said = subprocess.run(
        ["dsrdump", "+Pl", tmp_path / "sr.dcm"], capture_output=True, text=True, check=True
    )
    assert NOTICE in said.stdout
    assert answer.model.sha256 in said.stdout
    assert "UNVERIFIED" in said.stdout.upper()
    assert said.stderr == ""


def test_the_report_says_what_predict_says(made: Any) -> None:
    answer, slices, results, datasets = made
    report = highdicom.sr.Comprehensive3DSR.from_dataset(results["sr-1.dcm"])
    groups = report.content.get_image_measurement_groups()
    first = groups[0]
    values = {one.name.value: one.value for one in first.get_measurements()}
    assert values["P_TUMOR"] == pytest.approx(answer.probabilities["tumor"], abs=1e-6)
    assert values["P_GLIOMA"] == pytest.approx(answer.type_probabilities["glioma"], abs=1e-6)
    assert values["THRESHOLD"] == pytest.approx(answer.operating_point.threshold, abs=1e-6)
    said = [(one.name.value, one.value.meaning) for one in first.get_qualitative_evaluations()]
    assert ("OUTCOME", "tumor") in said
    assert [meaning for name, meaning in said if name == "PREDICTION_SET"] == list(
        answer.prediction_set
    )
    assert ("SEQUENCE", "T1+C") in said
    assert ("PLANE", "axial") in said
    assert report.VerificationFlag == "UNVERIFIED"
    regions = report.content.get_planar_roi_measurement_groups()
    assert [one.roi.ContentSequence[0].referenced_sop_instance_uid for one in regions] == [
        one["sop_instance_uid"] for one in answer.most_suspicious
    ]
    library = report.content[0].ContentSequence
    listed = [one for one in library if one.ConceptNameCodeSequence[0].CodeValue == "111028"]
    assert len(listed) == 1
    assert len(report.get_evidence()) == len(datasets)
    assert len(slices) == len(datasets)


def test_secondary_captures_hold_the_slice_and_the_notice_below(made: Any) -> None:
    _, _, results, datasets = made
    pixels = results["sc-1.dcm"].pixel_array
    height = datasets[0].Rows * SPACING[0] / (datasets[0].Columns * SPACING[1]) * pixels.shape[1]
    assert min(pixels.shape[:2]) >= 512
    assert pixels.shape[0] > height + 60, "the text covers nothing"
    assert pixels[-25:].max() == 255, "the notice is burnt in"
    assert results["sc-1.dcm"].PatientOrientation == ["L", "P"]
    middle = slice(int(height) // 2 - 8, int(height) // 2 + 8)
    for place in (pixels[middle, 4:20], pixels[middle, -20:-4]):
        assert place.max() == 255, "the patient's sides are burnt in"


def test_the_document_has_captions_and_the_notice_in_the_letters_of_the_page(made: Any) -> None:
    page = _page(results=made[2])
    rows = np.flatnonzero((page < 100).any(1))
    assert page.shape == (1754, 1240)
    assert rows.max() > 1754 - 130, "the notice is at the foot"
    assert (page[:, -85:] > 200).all(), "nothing runs off the page"


def test_a_document_whose_lines_are_too_many_says_so() -> None:
    lines = document._fitting(["long " * 60, *["line"] * 20], 10)
    assert len(lines) == 10
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "More is in the structured report."


def _page(results: dict[str, pydicom.Dataset]) -> np.ndarray:
    """Return the page of the document, gray: a PDF of one JPEG picture."""
    content = results["pdf-1.dcm"].EncapsulatedDocument
    picture = content[content.index(b"\xff\xd8") : content.rindex(b"\xff\xd9") + 2]
    return np.asarray(Image.open(io.BytesIO(picture)).convert("L"))


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, OBLIQUE])
def test_evidence_lies_where_the_blob_lies(
    classifier: Classifier,
    make_head: Head,
    make_dicom: MakeDicom,
    orientation: tuple[float, ...],
) -> None:
    datasets = make_series(make_head, make_dicom, orientation=orientation)
    _, _, results, problems = results_of(classifier, datasets, ("pm", "seg"))
    assert problems == []
    head = 2 * 0.42 * 160 * max(SPACING)  # of which the canvas has CELLS cells
    cell = head * 1.1 / CELLS
    by_position = {tuple(np.round(ds.ImagePositionPatient, 3)): ds for ds in datasets}
    for name in ("pm-1.dcm", "seg-1.dcm"):
        result = results[name]
        assert result.FrameOfReferenceUID == datasets[0].FrameOfReferenceUID
        frames = _frames(result)
        assert frames
        for position, evidence in frames:
            ds = by_position[tuple(np.round(position, 3))]
            if ds.InstanceNumber <= 2:
                continue
            shown = evidence * (evidence > 0.5)
            rows, columns = np.indices(shown.shape)
            center = (shown * rows).sum() / shown.sum(), (shown * columns).sum() / shown.sum()
            found = center_mm(orientation, position, *center)
            true = center_mm(orientation, ds.ImagePositionPatient, *BLOB)
            assert np.linalg.norm(found - true) < cell


def _frames(result: pydicom.Dataset) -> list[tuple[list[float], np.ndarray]]:
    """Position of each frame in the patient, and its evidence in [0, 1]."""
    shared = result.SharedFunctionalGroupsSequence[0]
    assert [float(one) for one in shared.PixelMeasuresSequence[0].PixelSpacing] == list(SPACING)
    values = result.pixel_array.astype(np.float64)
    values = values / 255 if result.Modality == "SEG" else values
    return [
        ([float(one) for one in group.PlanePositionSequence[0].ImagePositionPatient], frame)
        for group, frame in zip(result.PerFrameFunctionalGroupsSequence, values, strict=True)
    ]


def test_the_map_is_the_evidence_of_predict(made: Any) -> None:
    _, slices, results, datasets = made
    frames = sorted(_frames(results["pm-1.dcm"]), key=lambda one: one[0][2])
    values = np.stack([evidence for _, evidence in frames])
    expected = np.stack([one.evidence for one in slices])
    assert values.shape == expected.shape
    assert np.abs(values - expected).max() <= 1 / 65535
    assert len(datasets) == len(values)


def test_a_multi_frame_source_is_referred_to_by_frame(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> None:
    from highdicom.legacy import LegacyConvertedEnhancedMRImage

    datasets = make_series(make_head, make_dicom)
    for ds in datasets:
        ds.Manufacturer, ds.ImageType = "Maker", ["ORIGINAL", "PRIMARY", "M", "NONE"]
        ds.PatientID, ds.file_meta.MediaStorageSOPInstanceUID = "1", ds.SOPInstanceUID
    enhanced = LegacyConvertedEnhancedMRImage(
        datasets,
        series_instance_uid=pydicom.uid.generate_uid(),
        series_number=3,
        sop_instance_uid=pydicom.uid.generate_uid(),
        instance_number=1,
    )
    answer, _, results, problems = results_of(classifier, [enhanced])
    assert problems == []
    assert results["pm-1.dcm"].NumberOfFrames == 6
    suspicious = answer.most_suspicious[0]["slice_index"]
    reference = results["sc-1.dcm"].SourceImageSequence[0]
    assert reference.ReferencedFrameNumber == suspicious + 1


def test_the_same_answer_has_the_same_identifiers(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> None:
    datasets = make_series(make_head, make_dicom, count=3)
    first = results_of(classifier, datasets)[2]
    second = results_of(classifier, datasets)[2]
    other = results_of(classifier, datasets[:2])[2]
    uids = [{name: one.SOPInstanceUID for name, one in some.items()} for some in (first, second)]
    assert uids[0] == uids[1]
    assert len(set(uids[0].values())) == len(uids[0])
    assert not set(uids[0].values()) & {one.SOPInstanceUID for one in other.values()}
    at_other_point = results_of(classifier.at(threshold=0.3), datasets)[2]
    assert at_other_point["sr-1.dcm"].SOPInstanceUID not in uids[0].values()


def test_what_has_no_place_has_no_map_but_a_report(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> None:
    datasets = make_series(make_head, make_dicom, count=3)
    for ds in datasets:
        del ds.FrameOfReferenceUID
    _, _, results, problems = results_of(classifier, datasets)
    assert {name.partition("-")[0] for name in results} == {"sr", "sc", "pdf"}
    assert [one.partition(":")[0] for one in problems] == ["No pm", "No seg"]


def test_a_single_image_has_results(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> None:
    _, _, results, problems = results_of(classifier, make_series(make_head, make_dicom)[3:4])
    assert problems == []
    assert len(results) == 5


def test_a_rejected_series_has_none(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> None:
    datasets = make_series(make_head, make_dicom, count=2, Modality="CT")
    _, _, results, problems = results_of(classifier, datasets)
    assert results == {}
    assert len(problems) == 1
    assert "rejected" in problems[0]


def test_no_tumor_has_no_segment(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_maps, "LEAST_EVIDENCE", 1.1)
    _, _, results, problems = results_of(classifier, make_series(make_head, make_dicom), ("seg",))
    assert results == {}
    assert "nothing to mark" in problems[0]


def test_identifiers_that_are_no_uids_are_refused(
    classifier: Classifier, make_head: Head, make_dicom: MakeDicom
) -> None:
    datasets = make_series(make_head, make_dicom, count=2)
    for ds in datasets:
        ds.SeriesInstanceUID = "1.2.3"
    headers = {f"memory[{place}]": ds for place, ds in enumerate(datasets)}
    with ResultCollector(("sr",), header=headers.__getitem__) as collector:
        for answer in classifier.predict_many(datasets, heatmap=True):
            if isinstance(answer, Prediction):
                collector.add(replace(answer))
        pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
        for ds in datasets:
            ds["StudyInstanceUID"]._value = "../../x"
        problems = list(collector.results("1.2.3"))
    assert isinstance(problems[0], NoResultError)
    assert "not UIDs" in str(problems[0])


def test_kinds_are_a_list() -> None:
    assert parse_kinds("seg, SR") == ("sr", "seg")
    for wrong in ("", "sr,xx"):
        with pytest.raises(UsageError, match="Results are a list of sr, sc"):
            parse_kinds(wrong)
