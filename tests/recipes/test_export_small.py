"""What export does where the calibration split is small, and where the start was better."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("onnx", reason="the extra [train] is not installed")

from tumorscope.data.descriptors import describe
from tumorscope.data.manifest import ManifestRow
from tumorscope.labels import TUMOR_TYPES
from tumorscope.model.artifact import Artifact, Calibration, uncalibrated, write_artifact
from tumorscope.model.conformal import Conformal
from tumorscope.recipes.export import (
    Outputs,
    _training_scans,
    calibrate_manifest,
    compare_with_start,
)
from tumorscope.recipes.training_scans import Known, find_known, make_table
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import UNKNOWN, Examples


def examples_of(tumor: np.ndarray, canvases: np.ndarray | None = None) -> Examples:
    count = len(tumor)
    return Examples(
        keys=np.array([f"{index}.png" for index in range(count)]),
        canvases=np.zeros((count, 64, 64), np.uint8) if canvases is None else canvases,
        tumor=tumor.astype(np.int8),
        tumor_type=np.full(count, UNKNOWN, np.int8),
        source=np.full(count, "made"),
        masks=np.zeros((0, 64, 64), np.uint8),
        mask_index=np.full(count, UNKNOWN, np.int32),
    )


def outputs_of(logits: np.ndarray) -> Outputs:
    count = len(logits)
    maps = np.zeros((count, 8, 8), np.float32)
    types = np.zeros((count, len(TUMOR_TYPES)), np.float32)
    return Outputs(logits.astype(np.float32), maps, types, np.zeros((count, 4), np.float32))


def rows_of(examples: Examples) -> list[ManifestRow]:
    pairs = zip(examples.keys.tolist(), examples.tumor.tolist(), strict=True)
    return [ManifestRow("made", name, tumor, group_id=name) for name, tumor in pairs]


@pytest.fixture
def draft(tiny_artifact: Artifact) -> Artifact:
    manifest = tiny_artifact.manifest
    return uncalibrated(
        tiny_artifact.graph, manifest.preprocessing, model_id="made", model_version="0"
    )


def test_few_cases_draw_no_prediction_sets(draft: Artifact) -> None:
    examples = examples_of(np.arange(12) % 2)
    logits = np.where(examples.tumor == 1, 2.0, -2.0) + np.linspace(0, 1, 12)
    fitted, kept = calibrate_manifest(draft.manifest, outputs_of(logits), examples, [])
    assert fitted.conformal is None
    assert "fewer than 20 cases of a class" in kept["prediction_sets"]
    assert fitted.calibration != draft.manifest.calibration


def test_few_cases_keep_what_the_start_had(draft: Artifact) -> None:
    examples = examples_of(np.arange(12) % 2)
    start = replace(
        draft.manifest,
        calibration=Calibration(0.7, 0.1),
        operating_points={"balanced": 0.6, "rule_in": 0.8, "rule_out": 0.2},
        conformal=Conformal(0.95, 0.3, 0.3),
    )
    logits = np.where(examples.tumor == 1, 2.0, -2.0)
    fitted, kept = calibrate_manifest(start, outputs_of(logits), examples, [])
    assert (fitted.calibration.slope, fitted.calibration.intercept) == (0.7, 0.1)
    assert fitted.operating_points == start.operating_points
    assert fitted.conformal == start.conformal
    assert {"probabilities", "prediction_sets"} <= set(kept)


def test_no_model_abstains_on_everything(draft: Artifact) -> None:
    rng = np.random.default_rng(0)
    examples = examples_of(np.arange(100) % 2)
    fitted, kept = calibrate_manifest(
        draft.manifest, outputs_of(rng.normal(size=100)), examples, []
    )
    assert fitted.conformal is None
    assert "would abstain on" in kept["prediction_sets"]


def test_a_model_that_is_worse_than_its_start_is_told(tiny_artifact: Artifact, make_head) -> None:
    tumor = np.arange(40) % 2
    heads = [
        make_head((64, 64), blob=(26, 34) if one else None, seed=index)
        for index, one in enumerate(tumor)
    ]
    examples = examples_of(tumor, np.stack(heads))
    worse = outputs_of(np.random.default_rng(0).normal(size=40))
    found = compare_with_start(tiny_artifact, worse, examples, rows_of(examples))
    assert found["start"]["estimate"] == 1
    assert found["difference"]["estimate"] == pytest.approx(found["new"]["estimate"] - 1)
    assert found["difference"]["high"] < 0
    assert found["difference"]["n_groups"] == 40


def test_the_artifact_remembers_what_run_and_start_have_seen(
    tiny_artifact: Artifact, make_picture, tmp_path: Path
) -> None:
    pictures = [make_picture(seed) for seed in range(5)]
    rows = []
    for index, split in enumerate(("train", "val", "calibration", "test")):
        Image.fromarray(pictures[index]).save(tmp_path / f"{index}.png")
        rows.append(ManifestRow("made", f"{index}.png", index % 2, split=split, group_id="g"))
    before = make_table(describe([pictures[4].astype(np.float32)]), ["train"])
    path = tmp_path / "start.tumorscope"
    write_artifact(path, replace(tiny_artifact, training_scans=before))
    graph = tiny_artifact.manifest.graph_sha256
    record = {"root": str(tmp_path), "start": str(path), "start_graph_sha256": graph}

    def known(record: dict[str, str]) -> Known:
        table = _training_scans(rows, record, TrainConfig())
        assert table is not None
        return find_known(table, describe(one.astype(np.float32) for one in pictures))

    assert known(record).is_copy.tolist() == [True, True, False, False, True]
    assert known(record).has_calibrated.tolist() == [False, False, True, False, False]
    changed = record | {"start_graph_sha256": "another"}
    assert known(changed).is_copy.tolist() == [True, True, False, False, False]
    old = {"root": str(tmp_path)}  # of a run before this was recorded
    assert known(old).is_copy.tolist() == [True, True, False, False, False]
