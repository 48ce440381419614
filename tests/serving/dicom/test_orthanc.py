"""A real PACS: the recipe of ``deploy/orthanc``, and results read back over DICOMweb."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")

import highdicom

from tests.serving.dicom.made_series import make_series
from tests.serving.dicom.orthanc import Orthanc, free_port, wait_until_open
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom.delivery import web_client


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
@pytest.mark.parametrize("way", ["--stow", "--send-to"])
def test_results_come_back_into_the_study(  # noqa: PLR0917
    orthanc: Orthanc,
    node_port: int,
    way: str,
    tmp_path: Path,
    tiny_artifact: Artifact,
    tiny_artifact_path: Path,
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
) -> None:
    to = orthanc.web if way == "--stow" else f"ORTHANC@127.0.0.1:{orthanc.dicom}"
    log = (tmp_path / "node.log").open("wb")
    node = subprocess.Popen(
        [
            *(sys.executable, "-m", "tumorscope", "node", "--port", str(node_port)),
            *("--accept", "ORTHANC", way, to, "--results", "sr,sc,pm,seg"),
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
        client.store_instances(datasets)
        wanted = {"OT": 4, "SEG": 1, "SR": 1}
        found = {kind: orthanc.wait_for(kind, count) for kind, count in wanted.items()}
        assert found == wanted, (tmp_path / "node.log").read_text()
        time.sleep(3)  # results make the study stable again
        client.store_instances(datasets)
        time.sleep(3)
        assert [orthanc.instances(kind) for kind in ("MR", "SR", "SEG", "OT")] == [6, 1, 1, 4]
    finally:
        node.terminate()
        node.wait(60)
        log.close()
    studies = client.search_for_studies()
    assert len(studies) == 1
    expected = list(Classifier(tiny_artifact, threads=1).predict_many(datasets))[-1]
    study = str(datasets[0].StudyInstanceUID)
    [entry] = client.search_for_series(study, search_filters={"Modality": "SR"})
    series = entry["0020000E"]["Value"][0]
    [report] = client.retrieve_series(study, series)
    buffer = io.BytesIO()
    report.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    report = highdicom.sr.Comprehensive3DSR.from_dataset(pydicom.dcmread(buffer))
    group = report.content.get_image_measurement_groups()[0]
    values = {one.name.value: one.value for one in group.get_measurements()}
    assert values["P_TUMOR"] == pytest.approx(expected.probabilities["tumor"], abs=1e-6)
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    assert [one["kind"] for one in lines] == ["image"] * 6 + ["series"], "answered once"


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
