"""One identity, one model: what answers differently has another SHA-256."""

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.model.test_artifact import ARTIFACT, MANIFEST
from tumorscope.errors import ArtifactError, ArtifactWarning
from tumorscope.model.artifact import (
    EMBEDDED_NAMES,
    Artifact,
    Manifest,
    read_artifact,
    write_artifact,
)
from tumorscope.model.conformal import Conformal
from tumorscope.model.input_check import InputCheck
from tumorscope.model.recognition import Recognition

CHANGES: dict[str, Any] = {
    "graph_sha256": "0" * 64,
    "preprocessing": dataclasses.replace(MANIFEST.preprocessing, margin_fraction=0.04),
    "calibration": dataclasses.replace(MANIFEST.calibration, series_spread=0.25),
    "operating_points": MANIFEST.operating_points | {"specific": 0.9},
    "evidence_threshold": 0.25,
    "conformal": Conformal(0.95, 0.5, 0.25),
    "input_check": InputCheck(0.5),
    "recognition": Recognition(("T1", "T2"), ("axial", "coronal")),
}
APART = {"balanced": 0.75, "rule_out": 0.8, "rule_in": 0.5, "specific": 0.875}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_an_answer_changes_the_identity(name: str) -> None:
    changed = dataclasses.replace(MANIFEST, **{name: CHANGES[name]})
    assert changed.identity != MANIFEST.identity


def test_every_part_of_a_manifest_is_in_it_or_known_to_change_nothing() -> None:
    fields = {one.name for one in dataclasses.fields(Manifest)}
    assert fields - set(CHANGES) == {"model_id", "model_version", "card"}


@pytest.mark.parametrize(
    "changes", [{"card": {"note": "another"}}, {"model_id": "other"}, {"model_version": "9"}]
)
def test_what_changes_no_answer_does_not(changes: dict[str, Any]) -> None:
    assert dataclasses.replace(MANIFEST, **changes).identity == MANIFEST.identity


def test_file_written_and_read_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "one.tumorscope"
    write_artifact(path, ARTIFACT)
    once = read_artifact(path)
    write_artifact(path, once, overwrite=True)
    assert read_artifact(path).manifest.identity == once.manifest.identity == MANIFEST.identity


def test_whole_numbers_are_the_same_with_and_without_a_point() -> None:
    points = {"balanced": 1, "specific": 1.0}
    one = dataclasses.replace(MANIFEST, operating_points=points, evidence_threshold=-0.0)
    two = dataclasses.replace(
        MANIFEST,
        operating_points={name: float(point) for name, point in points.items()},
        evidence_threshold=0,
    )
    assert one.identity == two.identity


def write_by_hand(path: Path, **changes: Any) -> None:
    text = json.dumps(MANIFEST.to_dict() | changes)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", text)
        archive.writestr("model.onnx", b"graph")


def test_points_out_of_order_are_not_written(tmp_path: Path) -> None:
    artifact = Artifact(dataclasses.replace(MANIFEST, operating_points=APART), b"graph")
    with pytest.raises(ArtifactError, match="rule_out <= balanced <= rule_in"):
        write_artifact(tmp_path / "apart.tumorscope", artifact)
    assert not list(tmp_path.iterdir())


def test_points_out_of_order_are_read_in_order_with_a_warning(tmp_path: Path) -> None:
    rows = {name: {"sensitivity": 1} for name in APART}
    evaluation = {
        "operating_point": "balanced",
        "operating_points": dict(APART),
        "sections": {"overall": {}, "operating_points": rows},
    }
    card = {
        "note": "kept",
        "evaluation": evaluation,
        "evaluation_val": evaluation | {"operating_point": "rule_in"},
    }
    path = tmp_path / "apart.tumorscope"
    write_by_hand(path, operating_points=APART, card=card)
    with pytest.warns(ArtifactWarning, match=r"rule_out is taken at 0\.7500, not 0\.8000"):
        manifest = read_artifact(path).manifest
    expected = APART | {"rule_out": 0.75, "rule_in": 0.75}
    assert manifest.operating_points == expected
    assert set(manifest.card) == {"note", "evaluation"}  # the other was measured at rule_in
    measured = manifest.card["evaluation"]
    assert set(measured["sections"]["operating_points"]) == {"balanced", "specific"}
    assert set(measured["operating_points"]) == {"balanced", "specific"}


def test_name_of_a_given_threshold_is_kept_free(tmp_path: Path) -> None:
    path = tmp_path / "custom.tumorscope"
    write_by_hand(path, operating_points={"balanced": 0.5, "custom": 0.6})
    with pytest.raises(ArtifactError, match="'custom'"):
        read_artifact(path)


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_embedded_models_are_in_order(name: str) -> None:
    manifest = read_artifact(Path(name)).manifest  # warnings are errors here
    points = manifest.operating_points
    assert points["rule_out"] <= points["balanced"] <= points["rule_in"]
    assert manifest.card["evaluation"]["operating_points"] == points
