"""A real PACS: the recipe of ``deploy/orthanc``, and results read back over DICOMweb."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")

import highdicom

from tests.serving.dicom.attacks import dcmtk
from tests.serving.dicom.made_series import make_series
from tests.serving.dicom.orthanc import Orthanc, free_port, wait_until_open
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom.delivery import web_client
from tumorscope.serving.dicom.results.evidence_maps import LEAST_EVIDENCE


@pytest.fixture
def node_port() -> int:
    return free_port()


@pytest.fixture
def orthanc(tmp_path: Path, node_port: int) -> Iterator[Orthanc]:
    folder = tmp_path / "orthanc"
    folder.mkdir()
    one = Orthanc(folder, node_port=node_port)
    yield one
    one.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent_by", "way"),
    [
        ("STOW-RS", "--stow"),
        ("storescu", "--stow"),
        ("storescu", "--send-to"),
        ("storescu", "--send-to --commitment"),
    ],
)
def test_results_come_back_into_the_study(  # noqa: PLR0917
    orthanc: Orthanc,
    node_port: int,
    sent_by: str,
    way: str,
    tmp_path: Path,
    tiny_artifact: Artifact,
    tiny_artifact_path: Path,
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
) -> None:
    option, *commitment = way.split()
    to = orthanc.web if option == "--stow" else f"ORTHANC@127.0.0.1:{orthanc.dicom}"
    log = (tmp_path / "node.log").open("wb")
    node = subprocess.Popen(
        [
            *(sys.executable, "-m", "tumorscope", "node", "--port", str(node_port)),
            *("--accept", "ORTHANC", option, to, *commitment),
            *("--results", "sr,sc,pm,seg"),
            *("--store", str(tmp_path / "store"), "--output", str(tmp_path / "answers.jsonl")),
            *("--model", str(tiny_artifact_path), "--series-after", "1"),
        ],
        stderr=log,
        stdout=subprocess.DEVNULL,
    )
    try:
        client = web_client(orthanc.web)
        datasets = make_series(make_head, make_dicom)
        wait_until_open(node_port)
        send = _sender(sent_by, orthanc, datasets, tmp_path / "sent")
        send()
        wanted = {"OT": 4, "SEG": 1, "SR": 1}
        found = {kind: orthanc.wait_for(kind, count) for kind, count in wanted.items()}
        assert found == wanted, (tmp_path / "node.log").read_text()
        time.sleep(3)  # results make the study stable again
        send()
        time.sleep(3)
        assert [orthanc.instances(kind) for kind in ("MR", "SR", "SEG", "OT")] == [6, 1, 1, 4]
        results = tmp_path / "store" / "results"
        end = time.monotonic() + 60
        while any(results.iterdir()) and time.monotonic() < end:
            time.sleep(0.2)
        assert not list(results.iterdir()), "all of them received, and committed to where asked"
    finally:
        node.terminate()
        node.wait(60)
        log.close()
    studies = client.search_for_studies()
    assert len(studies) == 1
    said = (tmp_path / "node.log").read_text()
    assert ("storage commitment to" in said) is bool(commitment)
    _is_what_predict_says(
        _read_back(client, str(datasets[0].StudyInstanceUID), tmp_path),
        *Classifier(tiny_artifact, threads=1).predict_many(datasets, heatmap=True),
    )
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [one["kind"] for one in lines] == ["image"] * 6 + ["series"], "answered once"


def _sender(
    sent_by: str, orthanc: Orthanc, datasets: list[FileDataset], folder: Path
) -> Callable[[], object]:
    """Return what sends all of them to the PACS, each time that it is called."""
    if sent_by == "STOW-RS":
        return lambda: web_client(orthanc.web).store_instances(datasets)
    program = dcmtk("storescu")
    if program is None:
        pytest.skip("dcmtk is not installed")
    folder.mkdir()
    for number, ds in enumerate(datasets):
        ds.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    titles = ["-aet", "SCANNER", "-aec", "ORTHANC"]
    words = [program, *titles, "+sd", "127.0.0.1", str(orthanc.dicom), str(folder)]
    return lambda: subprocess.run(words, check=True, capture_output=True)


def _is_what_predict_says(found_back: list[pydicom.Dataset], *answers: Any) -> None:
    *slices, expected = answers
    assert sorted(ds.Modality for ds in found_back) == ["OT"] * 4 + ["SEG", "SR"]
    [report] = [ds for ds in found_back if ds.Modality == "SR"]
    evidence = np.stack([one.evidence for one in slices])
    [parametric] = [ds for ds in found_back if "FloatPixelData" in ds]
    [overlay] = [ds for ds in found_back if ds.Modality == "SEG"]
    assert np.abs(_in_order(parametric) - evidence).max() <= 1 / 65535
    shown = evidence[evidence.max((1, 2)) >= LEAST_EVIDENCE]
    assert np.abs(_in_order(overlay) - np.where(shown < LEAST_EVIDENCE, 0, shown)).max() <= 1 / 255
    report = highdicom.sr.Comprehensive3DSR.from_dataset(report)
    group = report.content.get_image_measurement_groups()[0]
    values = {one.name.value: one.value for one in group.get_measurements()}
    assert values["P_TUMOR"] == pytest.approx(expected.probabilities["tumor"], abs=1e-6)


def _read_back(client: Any, study: str, folder: Path) -> list[pydicom.Dataset]:
    """Return what is in a study beside the MR images, as files have it; each is valid."""
    found = []
    for entry in client.search_for_series(study):
        if entry["00080060"]["Value"] == ["MR"]:
            continue
        for ds in client.retrieve_series(study, entry["0020000E"]["Value"][0]):
            path = folder / f"{ds.SOPInstanceUID}.dcm"
            ds.save_as(path, enforce_file_format=True)
            if shutil.which("dciodvfy"):
                said = subprocess.run(
                    ["dciodvfy", "-new", path], capture_output=True, text=True, check=False
                ).stderr
                assert "Error" not in said, f"{ds.Modality}: {said}"
            found.append(pydicom.dcmread(path))
    return found


def _in_order(result: pydicom.Dataset) -> np.ndarray:
    """Return the frames in the order of their position, values in [0, 1]."""
    groups = result.PerFrameFunctionalGroupsSequence
    places = [float(one.PlanePositionSequence[0].ImagePositionPatient[2]) for one in groups]
    values = result.pixel_array.astype(np.float64) / (255 if result.Modality == "SEG" else 1)
    return values.reshape(len(places), *values.shape[-2:])[np.argsort(places)]


@pytest.mark.slow
def test_pull_answers_what_a_pacs_has(
    tmp_path: Path,
    tiny_artifact: Artifact,
    tiny_artifact_path: Path,
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
) -> None:
    pacs = Orthanc(tmp_path, LuaScripts=[])
    try:
        client = web_client(pacs.web)
        wanted = make_series(make_head, make_dicom, count=3)
        other = make_series(make_head, make_dicom, count=1, study="other", StudyDate="20200101")
        for ds in other:
            ds.SeriesInstanceUID, ds.SOPInstanceUID = "1.2.7.1", "1.2.7.2"
            ds.file_meta.MediaStorageSOPInstanceUID = "1.2.7.2"
        client.store_instances([*wanted, *other])
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tumorscope", "pull", pacs.web, "--date", "20260102"),
                *("--model", str(tiny_artifact_path), "--stow", pacs.web, "--results", "sr,seg"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        assert [one["kind"] for one in answers] == ["image"] * 3 + ["series"]
        assert {one["source"] for one in answers[:3]} == {str(ds.SOPInstanceUID) for ds in wanted}
        expected = list(Classifier(tiny_artifact, threads=1).predict_many(wanted))[-1]
        assert answers[-1]["probabilities"] == expected.probabilities
        assert [pacs.instances(kind) for kind in ("MR", "SR", "SEG")] == [4, 1, 1]
    finally:
        pacs.close()
