import dataclasses

import numpy as np
import pytest

from tumorscope.errors import ArtifactError
from tumorscope.imaging.scan import Scan
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.model.conformal import Conformal
from tumorscope.model.input_check import REJECTION, InputCheck


def test_unlike_picture_is_rejected_with_a_reason(make_checked, make_head):
    classifier = Classifier(make_checked(), threads=1)
    answered = classifier.predict(make_head(radius=40))
    assert answered.outcome in {"tumor", "no_tumor"}
    rejected = classifier.predict(255 - make_head(radius=20), heatmap=True)
    assert rejected.outcome == "rejected"
    assert rejected.probabilities is None
    assert rejected.type_probabilities is None
    assert rejected.localization is None
    assert rejected.prediction_set == ()
    assert rejected.reasons == (REJECTION,)
    assert rejected.evidence is not None
    assert not rejected.evidence.any()


@pytest.mark.parametrize("modality", ["CT", "XA", "US"])
def test_other_modality_is_rejected_by_its_header(tiny_artifact, make_head, modality):
    classifier = Classifier(tiny_artifact, threads=1)
    scan = Scan(make_head().astype(np.float32), source="scan.dcm", modality=modality)
    rejected = classifier.predict_scan(scan)
    assert rejected.outcome == "rejected"
    assert rejected.probabilities is None
    assert modality in rejected.reasons[0]


@pytest.mark.parametrize("modality", [None, "MR", "OT"])
def test_magnetic_resonance_and_unknown_are_answered(tiny_artifact, make_head, modality):
    scan = Scan(make_head().astype(np.float32), source="scan.dcm", modality=modality)
    assert Classifier(tiny_artifact, threads=1).predict_scan(scan).probabilities is not None


@pytest.mark.parametrize(
    ("body_part", "term"),
    [("KNEE", "KNEE"), ("L SPINE", "LSPINE"), ("CHEST_ABDOMEN 7", "CHESTABDOMEN")],
)
def test_other_body_part_is_rejected_by_its_header(tiny_artifact, make_head, body_part, term):
    pixels = make_head().astype(np.float32)
    scan = Scan(pixels, source="scan.dcm", modality="MR", body_part=body_part)
    rejected = Classifier(tiny_artifact, threads=1).predict_scan(scan)
    assert rejected.outcome == "rejected"
    assert rejected.probabilities is None
    assert f"the body part {term};" in rejected.reasons[0]


@pytest.mark.parametrize("body_part", [None, "BRAIN", "HEAD", "HEADNECK", "CSPINE", "MRI"])
def test_head_neck_and_unknown_terms_are_answered(tiny_artifact, make_head, body_part):
    pixels = make_head().astype(np.float32)
    scan = Scan(pixels, source="scan.dcm", modality="MR", body_part=body_part)
    assert Classifier(tiny_artifact, threads=1).predict_scan(scan).probabilities is not None


def test_novelty_that_is_not_a_number_is_rejected():
    assert InputCheck(150.0).rejects(float("nan"))


def test_doubt_is_an_abstention_with_probabilities(make_checked, make_head):
    doubtful = Conformal(coverage=0.95, tumor=0.0, no_tumor=0.0)
    classifier = Classifier(make_checked(conformal=doubtful), threads=1)
    answer = classifier.predict(make_head(blob=(62, 94)))
    assert answer.outcome == "abstain"
    assert answer.prediction_set == ("tumor", "no_tumor")
    assert answer.reasons == ("Tumor and no tumor are both plausible at 95% coverage.",)
    assert answer.probabilities is not None
    assert answer.probabilities["tumor"] > 0.5
    assert answer.localization is None


def test_gate_and_thresholds_survive_the_file(make_checked, tmp_path):
    conformal = Conformal(coverage=0.9, tumor=0.25, no_tumor=0.125)
    path = tmp_path / "checked.tumorscope"
    write_artifact(path, make_checked(conformal=conformal))
    manifest = read_artifact(path).manifest
    assert manifest.conformal == conformal
    assert manifest.input_check == InputCheck(150.0)


def test_gate_without_its_output_is_refused(tiny_artifact):
    manifest = dataclasses.replace(tiny_artifact.manifest, input_check=InputCheck(1.0))
    with pytest.raises(ArtifactError, match="novelty"):
        Classifier(Artifact(manifest, tiny_artifact.graph), threads=1)
