import csv
import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx", reason="the extra [train] is not installed")

from tumorscope.errors import LeakError, ManifestError, UsageError
from tumorscope.evaluation.promise import Promise
from tumorscope.model.artifact import Artifact, Calibration, read_artifact, write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.recipes.calibrate import calibrate
from tumorscope.recipes.training_scans import ROLES

Cases = Callable[..., Path]


@pytest.fixture
def make_cases(make_head: Callable[..., np.ndarray], tmp_path: Path) -> Cases:
    """Write heads, every second with a blob, and a manifest of them."""

    def make(count: int = 80, *, splits: dict[str, int] | None = None) -> Path:
        sides = [name for name, size in (splits or {}).items() for _ in range(size)]
        rows = []
        for index in range(len(sides) or count):
            path = f"{index}.png"
            radius = 40 + index % 25
            head = make_head(radius=radius, blob=(80, 90) if index % 2 else None, seed=index)
            Image.fromarray(head).save(tmp_path / path)
            row = {"set": "here", "path": path, "tumor": index % 2, "patient_id": f"p{index}"}
            if sides:
                row |= {"split": sides[index], "group_id": f"g{index}"}
            rows.append(row)
        manifest = tmp_path / "cases.csv"
        with manifest.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)
        return manifest

    return make


def test_local_cases_set_probabilities_and_thresholds(
    tiny_artifact: Artifact, tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path
) -> None:
    output = tmp_path / "local.tumorscope"
    calibrate(tiny_artifact_path, make_cases(), output=output)
    before, after = tiny_artifact.manifest, read_artifact(output).manifest
    assert after.calibration != before.calibration
    assert set(after.operating_points) == {"balanced", "rule_in", "rule_out"}
    assert after.conformal is not None
    assert after.conformal.coverage == 0.95
    assert after.input_check is None
    assert after.graph_sha256 == before.graph_sha256
    cases = after.card["recalibration"]["calibration"]
    assert (cases["images"], cases["tumor"], cases["no_tumor"]) == (80, 40, 40)
    assert "p1" not in str(after.card)


def test_what_the_cases_are_too_few_for_is_kept_and_said(
    tiny_artifact: Artifact, make_cases: Cases, tmp_path: Path
) -> None:
    before = dataclasses.replace(
        tiny_artifact.manifest,
        calibration=Calibration(1.0, 0.0, type_temperature=1.7, series_spread=0.3),
        evidence_threshold=0.5,
    )
    path, output = tmp_path / "before.tumorscope", tmp_path / "local.tumorscope"
    write_artifact(path, Artifact(before, tiny_artifact.graph))
    calibrate(path, make_cases(), output=output)
    after = read_artifact(output).manifest
    assert after.calibration.type_temperature == 1.7
    assert after.calibration.series_spread == 0.3
    assert after.evidence_threshold == 0.5
    kept = after.card["recalibration"]["kept"]
    assert set(kept) == {"type_temperature", "series_spread", "evidence_threshold", "gate"}
    assert "20 tumors" in kept["type_temperature"]
    assert after.identity != before.identity  # though the graph is the same


def test_cases_that_cannot_be_read_are_said_and_do_not_count(
    tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    manifest, output = make_cases(60), tmp_path / "local.tumorscope"
    for index in range(5):
        (tmp_path / f"{index}.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    said = calibrate(tiny_artifact_path, manifest, output=output).manifest.card["recalibration"]
    assert said["left_out"] == 5
    assert said["calibration"]["images"] == 55
    assert "5 cases could not be read and were left out." in said["notes"]
    assert "4.png cannot be used" in caplog.text
    for index in range(5, 11):
        (tmp_path / f"{index}.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(ManifestError, match="at least 50 in all"):
        calibrate(tiny_artifact_path, manifest, output=tmp_path / "few.tumorscope")


def test_measurements_with_other_thresholds_are_not_kept(
    tiny_artifact: Artifact, make_cases: Cases, tmp_path: Path
) -> None:
    card = {"note": "kept", "evaluation": {"old": 1}, "evaluation_external": {"old": 1}}
    measured = tmp_path / "measured.tumorscope"
    manifest = dataclasses.replace(tiny_artifact.manifest, card=card)
    write_artifact(measured, Artifact(manifest, tiny_artifact.graph))
    output = tmp_path / "local.tumorscope"
    calibrate(measured, make_cases(), output=output)
    assert set(read_artifact(output).manifest.card) == {"note", "recalibration"}


@pytest.mark.slow
def test_train_split_brings_a_input_check(
    tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path
) -> None:
    output = tmp_path / "checked.tumorscope"
    calibrate(
        tiny_artifact_path, make_cases(splits={"calibration": 60, "train": 60}), output=output
    )
    classifier = Classifier(read_artifact(output), threads=1)
    assert classifier.manifest.input_check is not None
    novelty = classifier.run(np.zeros((1, 64, 64), np.uint8))[4]  # blacker than any head
    assert classifier.manifest.input_check.rejects(float(novelty[0]))


@pytest.mark.parametrize("count", [30, 49])
def test_too_few_cases_are_refused(
    tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path, count: int
) -> None:
    output = tmp_path / "few.tumorscope"
    with pytest.raises(ManifestError, match="at least 50 in all and 20 of each"):
        calibrate(tiny_artifact_path, make_cases(count), output=output)
    assert not output.exists()


def test_patient_on_two_sides_is_refused(
    tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path
) -> None:
    manifest = make_cases(splits={"calibration": 60, "train": 60})
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("g100", "g1"), encoding="utf-8")
    with pytest.raises(LeakError):
        calibrate(tiny_artifact_path, manifest, output=tmp_path / "a.tumorscope")


def test_existing_artifact_is_not_overwritten(
    tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path
) -> None:
    output = tmp_path / "mine.tumorscope"
    output.write_bytes(b"mine")
    with pytest.raises(UsageError, match="--overwrite"):
        calibrate(tiny_artifact_path, make_cases(), output=output)
    assert output.read_bytes() == b"mine"


def test_promised_points_are_added_and_the_cases_are_remembered(
    tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path
) -> None:
    output = tmp_path / "local.tumorscope"
    calibrate(
        tiny_artifact_path,
        make_cases(splits={"calibration": 80}),
        output=output,
        promises=[Promise("sensitivity", 0.9, 0.9), Promise("specificity", 0.9, 0.9)],
    )
    after = read_artifact(output)
    points = after.manifest.operating_points
    assert {"sensitivity_0.9", "specificity_0.9"} < set(points)
    held = after.manifest.card["recalibration"]["promises"]["sensitivity_0.9"]
    assert held["groups"] == 40
    assert held["sensitivity"]["estimate"] >= 0.9
    assert after.training_scans is not None
    assert set(after.training_scans[:, -1].tolist()) == {ROLES.index("calibration")}
    rule = Classifier(after, threads=1).at("sensitivity_0.9").rule
    assert rule.decide(points["sensitivity_0.9"])[0] == "tumor"
    assert rule.decide(points["sensitivity_0.9"] - 1e-9)[0] == "no_tumor"  # never abstains


def test_a_promise_that_cannot_be_held_writes_nothing(
    tiny_artifact_path: Path, make_cases: Cases, tmp_path: Path
) -> None:
    output = tmp_path / "local.tumorscope"
    with pytest.raises(UsageError, match=r"needs at least 59 .*there are 40"):
        calibrate(
            tiny_artifact_path,
            make_cases(splits={"calibration": 80}),
            output=output,
            promises=[Promise("sensitivity", 0.95)],
        )
    assert not output.exists()
