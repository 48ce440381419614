"""Trained run in, calibrated artifact out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from tumorscope.data.data_cards import data_cards
from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.calibration import fit_platt, fit_temperature
from tumorscope.evaluation.conformal import fit_conformal
from tumorscope.evaluation.localization import best_threshold
from tumorscope.evaluation.operating_points import choose_operating_points
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import Artifact, Calibration, Manifest, uncalibrated, write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.model.conformal import Conformal
from tumorscope.model.evidence import sigmoid
from tumorscope.recipes.cells import most_of_cell, sample_cells
from tumorscope.recipes.input_check import known_scans, other_pictures, spread, with_input_check
from tumorscope.recipes.model_inputs import load_canvases, load_examples
from tumorscope.recipes.provenance import check_manifest, library_versions, read_run
from tumorscope.recipes.recognition import with_recognition
from tumorscope.recipes.series import FEWEST_SERIES, fit_series_spread
from tumorscope.system.files import check_output
from tumorscope.training.checkpoint import load_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import UNKNOWN, Examples, balancing_weights
from tumorscope.training.fit import RunPaths
from tumorscope.training.input_check import KIND
from tumorscope.training.onnx_graph import build_graph, quantize

MODEL_ID: Final = "tumorscope-vgg16-evidence"
LITE_MODEL_ID: Final = f"{MODEL_ID}-lite"
"""Of a network with fewer filters."""

RANGE_SCANS: Final = 96
"""Training scans, spread over all sets, whose activations set the integer ranges."""

WEIGHT_BITS: Final[tuple[Literal[7, 8], ...]] = (7, 8)
"""Of the integers tried; the fewer first, which are the fast ones without VNNI."""

FEWEST_TYPED: Final = 20
FEWEST_OUTLINED: Final = 10
"""Tumors of a known type, and tumors with a mask: with fewer, what was fitted before is better."""

COVERAGE: Final = 0.95
"""Of the conformal prediction sets, for each class."""

INT8_AUROC_TOLERANCE: Final = 0.002
"""Largest loss of AUROC on the calibration split for which integers are taken."""

INT8_DIFFERENCE_TOLERANCE: Final = 0.02
"""99th percentile of the difference of probability from floating point up to which weights of 7
bits are taken, which every processor computes fast."""


CARRIED: Final = (
    "config",
    "augmentation",
    "data",
    "manifest_sha256",
    "versions",
    "commit",
    "teacher_graph_sha256",
    "start_graph_sha256",
)
"""What an artifact says of its training, as far as the run's record has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Outputs:
    """Outputs of a graph over n examples, in the order of ``Classifier.run``."""

    tumor: NDArray[np.float32]
    evidence: NDArray[np.float32]
    types: NDArray[np.float32]
    features: NDArray[np.float32]
    novelty: NDArray[np.float32] | None = None


def export(run: Path, *, output: Path, overwrite: bool = False) -> Artifact:
    """Write the artifact of a run.

    The graph is quantized to 8-bit integers if that keeps the AUROC on the calibration split
    within 0.002 of the float graph's, with weights of 7 bits if that is close enough; calibration,
    conformal thresholds, operating points, the evidence threshold and the input check's are fitted
    on the calibration split with the graph that is shipped.

    Raises
    ------
    UsageError
        If the folder is no finished run or its manifest has changed since.
    """
    check_output(output, overwrite=overwrite)
    record = read_run(run)
    config = TrainConfig.from_dict(record["config"])
    preprocessing = Preprocessing.from_dict(record["preprocessing"])
    model_id = MODEL_ID if config.width == 1 else LITE_MODEL_ID
    weights, _ = load_arrays(RunPaths(run).best)
    rows = read_manifest(check_manifest(record), root=Path(record["root"]))
    splits = _load_splits(rows, Path(record["root"]), preprocessing, config)
    graph, outputs, arithmetic = _choose_graph(
        build_graph(weights, size=preprocessing.size, config=config), splits, preprocessing
    )
    draft = with_input_check(
        _uncalibrated(graph, preprocessing, model_id=model_id),
        splits["known"].canvases,
        splits["calibration"].canvases,
        load_canvases(other_pictures(rows), Path(record["root"]), preprocessing),
    )
    draft = with_recognition(draft, rows, Path(record["root"]))
    fitted, kept = calibrate_manifest(draft.manifest, outputs, splits["calibration"], rows)
    card = _card(record, arithmetic) | ({"not_fitted": kept} if kept else {})
    card["sources"] = data_cards(rows)
    artifact = Artifact(replace(fitted, card=card), draft.graph)
    write_artifact(output, artifact, overwrite=overwrite)
    return artifact


def _load_splits(
    rows: list[ManifestRow], root: Path, preprocessing: Preprocessing, config: TrainConfig
) -> dict[str, Examples]:
    calibration = [row for row in rows if row.split == "calibration"]
    most = most_of_cell(config.max_per_cell, "calibration")
    wanted = {
        "ranges": spread(rows, "train", RANGE_SCANS),
        "known": known_scans(rows),
        "calibration": sample_cells(calibration, most, seed=config.seed),
    }
    return {name: load_examples(one, root, preprocessing)[0] for name, one in wanted.items()}


def _choose_graph(
    graph: onnx.ModelProto, splits: dict[str, Examples], preprocessing: Preprocessing
) -> tuple[onnx.ModelProto, Outputs, dict[str, Any]]:
    """Return the graph to ship, its outputs on the calibration split, and why it was chosen."""
    some = splits["ranges"].canvases
    candidates = {"float32": graph}
    for bits in WEIGHT_BITS:
        with tempfile.TemporaryDirectory() as folder:
            integers = quantize(graph, some, folder=Path(folder), weight_bits=bits)
        candidates[f"int8, weights of {bits} bits"] = integers
    examples = splits["calibration"]
    outputs = {name: _run(one, examples, preprocessing) for name, one in candidates.items()}
    auroc = {name: float(roc_auc_score(examples.tumor, one.tumor)) for name, one in outputs.items()}
    difference = _differences({name: one.tumor for name, one in outputs.items()}, examples)
    chosen = choose_arithmetic(auroc, difference)
    reason = {
        "arithmetic": chosen,
        "calibration_roc_auc": auroc,
        "difference_from_float32_p99": difference,
    }
    return candidates[chosen], outputs[chosen], reason


def choose_arithmetic(auroc: Mapping[str, float], difference: Mapping[str, float]) -> str:
    """Choose among arithmetics by name, ``float32`` and the integer ones, fastest first.

    Parameters
    ----------
    auroc
        On the calibration split.
    difference
        99th percentile of the difference of probability from ``float32``, of the integer ones.

    Returns
    -------
    str
        The first integer one that is close enough to floating point; else the closest; floating
        point if all of them cost AUROC.
    """
    kept = [name for name in difference if auroc["float32"] - auroc[name] <= INT8_AUROC_TOLERANCE]
    close = [name for name in kept if difference[name] <= INT8_DIFFERENCE_TOLERANCE]
    return (close or sorted(kept, key=difference.__getitem__) or ["float32"])[0]


def _differences(logits: Mapping[str, NDArray[np.float32]], examples: Examples) -> dict[str, float]:
    """Return how far the integers' probabilities are from floating point, 99th percentiles."""
    weight = balancing_weights(examples.tumor, examples.source)
    slope, intercept = fit_platt(logits["float32"], examples.tumor, sample_weight=weight)
    scores = {name: sigmoid(slope * one + intercept) for name, one in logits.items()}
    exact = scores.pop("float32")
    return {name: float(np.quantile(np.abs(one - exact), 0.99)) for name, one in scores.items()}


def _uncalibrated(
    graph: onnx.ModelProto, preprocessing: Preprocessing, *, model_id: str = MODEL_ID
) -> Artifact:
    return uncalibrated(
        graph.SerializeToString(),
        preprocessing,
        model_id=model_id,
        model_version=library_versions()["tumorscope"],
    )


def _run(graph: onnx.ModelProto, examples: Examples, preprocessing: Preprocessing) -> Outputs:
    return run_artifact(_uncalibrated(graph, preprocessing), examples)


def run_artifact(artifact: Artifact, examples: Examples) -> Outputs:
    """Return the graph's outputs for each example."""
    classifier = Classifier(artifact)
    rows = [classifier.run(canvas[None]) for canvas in examples.canvases]
    return Outputs(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def _card(record: dict[str, Any], arithmetic: dict[str, Any]) -> dict[str, Any]:
    training = {key: record[key] for key in CARRIED if key in record}
    return {"graph": arithmetic, "training": training, "gate": {"kind": KIND}}


def calibrate_manifest(
    draft: Manifest, outputs: Outputs, examples: Examples, rows: Sequence[ManifestRow]
) -> tuple[Manifest, dict[str, str]]:
    """Fit all but the input check on the outputs for calibration examples.

    Parameters
    ----------
    draft
        What it has is kept where the examples hold too little to fit it.
    rows
        Of which the examples are some.

    Returns
    -------
    manifest, kept
        ``kept`` names each number that stayed as it was, with what was missing.
    """
    kept: dict[str, str] = {}
    slope, intercept = _fit_platt(outputs, examples)
    logits = slope * outputs.tumor.astype(np.float64) + intercept
    by_name = dict(zip(examples.keys.tolist(), logits.tolist(), strict=True))
    spread = fit_series_spread([row for row in rows if row.name in by_name], by_name)
    if spread is None:
        kept["series_spread"] = f"fewer than {FEWEST_SERIES} series with and without a tumor each"
        spread = draft.calibration.series_spread
    temperature = _fit_temperature(outputs, examples)
    if temperature is None:
        kept["type_temperature"] = f"fewer than {FEWEST_TYPED} tumors of two or more known types"
        temperature = draft.calibration.type_temperature
    evidence = _evidence_threshold(outputs, examples)
    if evidence is None:
        kept["evidence_threshold"] = f"fewer than {FEWEST_OUTLINED} tumors with a mask"
        evidence = draft.evidence_threshold
    scores = sigmoid(logits)
    manifest = replace(
        draft,
        calibration=Calibration(slope, intercept, temperature, spread),
        conformal=Conformal(COVERAGE, *fit_conformal(examples.tumor, scores, coverage=COVERAGE)),
        operating_points=choose_operating_points(examples.tumor, scores),
        evidence_threshold=evidence,
    )
    return manifest, kept


def _fit_platt(outputs: Outputs, examples: Examples) -> tuple[float, float]:
    weight = balancing_weights(examples.tumor, examples.source)
    return fit_platt(outputs.tumor, examples.tumor, sample_weight=weight)


def _fit_temperature(outputs: Outputs, examples: Examples) -> float | None:
    known = examples.tumor_type != UNKNOWN
    types = examples.tumor_type[known]
    if len(types) < FEWEST_TYPED or len(np.unique(types)) < 2:
        return None
    return fit_temperature(outputs.types[known], types)


def _evidence_threshold(outputs: Outputs, examples: Examples) -> float | None:
    rows = np.flatnonzero((examples.mask_index != UNKNOWN) & (examples.tumor == 1))
    if len(rows) < FEWEST_OUTLINED:
        return None
    cells = outputs.evidence.shape[1]
    side = examples.masks.shape[1] // cells
    masks = examples.masks[examples.mask_index[rows]]
    covered = masks.reshape(len(rows), cells, side, cells, side).mean(axis=(2, 4)) > 127
    return float(best_threshold(outputs.evidence[rows], covered))
