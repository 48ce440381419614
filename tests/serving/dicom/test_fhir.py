"""FHIR resources, validated by another implementation."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from tests.serving.dicom.made_series import make_series
from tumorscope.cli.main import main
from tumorscope.labels import NOTICE
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom.results.fhir import fhir_bundle


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("modality", ["MR", "CT"])
def test_a_bundle_is_valid(
    tiny_artifact: Artifact,
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
    modality: str,
) -> None:
    bundles = pytest.importorskip("fhir.resources.bundle", reason="fhir-resources is missing")
    datasets = make_series(make_head, make_dicom, count=3, Modality=modality)
    answers: list[Any] = list(Classifier(tiny_artifact, threads=1).predict_many(datasets))
    for answer in (answers[0], answers[-1]):
        bundle = bundles.Bundle.model_validate(fhir_bundle(answer))
        report, observation, device = (one.resource for one in bundle.entry)
        assert report.status == "preliminary"
        assert NOTICE in report.conclusion
        assert observation.component[0].valueString == answer.outcome
        assert device.serialNumber == answer.model.sha256
        if answer.probabilities is None:
            assert observation.dataAbsentReason is not None
        else:
            assert float(observation.valueQuantity.value) == answer.probabilities["tumor"]
        assert fhir_bundle(answer) == fhir_bundle(answer)


def test_predict_writes_a_bundle_for_a_series(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tiny_artifact_path: Path,
    tmp_path: Path,
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
) -> None:
    folder = tmp_path / "series"
    folder.mkdir()
    for place, ds in enumerate(make_series(make_head, make_dicom, count=2)):
        ds.save_as(folder / f"{place}.dcm", enforce_file_format=True)
    out = tmp_path / "bundles.jsonl"
    words = ["predict", folder, "--fhir", out, "--model", tiny_artifact_path]
    monkeypatch.setattr(sys, "argv", ["tumorscope", *map(str, words)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code, capsys.readouterr().err
    lines = out.read_text().splitlines()
    assert len(lines) == 1
    assert json.loads(lines[0])["resourceType"] == "Bundle"
