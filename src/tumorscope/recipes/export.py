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

from tumorscope.data.check import FEWEST_CASES, FEWEST_OF_A_CLASS, unit_of
from tumorscope.data.data_cards import data_cards
from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.errors import ArtifactError
from tumorscope.evaluation.calibration import fit_platt, fit_temperature
from tumorscope.evaluation.conformal import fit_conformal
from tumorscope.evaluation.intervals import bootstrap
from tumorscope.evaluation.localization import best_threshold
from tumorscope.evaluation.operating_points import choose_operating_points
from tumorscope.evaluation.statistic import less, roc_auc
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import (
    UNFITTED,
    Artifact,
    Calibration,
    Manifest,
    read_artifact,
    uncalibrated,
    write_artifact,
)
from tumorscope.model.classifier import Classifier
from tumorscope.model.conformal import Conformal
from tumorscope.model.decision import DecisionRule
from tumorscope.model.evidence import sigmoid
from tumorscope.operating_point import NEUTRAL, decides_alone
from tumorscope.recipes.cells import most_of_cell, sample_cells
from tumorscope.recipes.input_check import (
    COUNTEREXAMPLES,
    Canvases,
    known_scans,
    other_pictures,
    spread,
    with_input_check,
)
from tumorscope.recipes.model_inputs import load_canvases, load_examples
from tumorscope.recipes.provenance import check_manifest, library_versions, read_run
from tumorscope.recipes.recognition import with_recognition
from tumorscope.recipes.series import FEWEST_SERIES, fit_series_spread
from tumorscope.recipes.training_scans import (
    ROLES,
    Table,
    describe_scans,
    join_tables,
    make_table,
)
from tumorscope.system.files import check_output
from tumorscope.system.progress import progress
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
"""Training scans at least, spread over all sets, whose activations set the integer ranges."""

JUDGED_SCANS: Final = 600
"""Calibration scans at least, spread over all sets, on which the arithmetics are compared, and less
than twice as many, or all there are: floating point is slow, and nothing else needs its outputs."""

WEIGHT_BITS: Final[tuple[Literal[7, 8], ...]] = (7, 8)
"""Of the integers tried; the fewer first, which are the fast ones without VNNI."""

FEWEST_TYPED: Final = 20
FEWEST_OUTLINED: Final = 10
"""Tumors of a known type, and tumors with a mask: with fewer, what was fitted before is better."""

COVERAGE: Final = 0.95
"""Of the conformal prediction sets, for each class."""

MOST_ABSTAINED: Final = 0.8
"""Share of the calibration cases left open above which a model is of no use: with scores drawn at
random it is 0.9."""

QUICK_COUNTEREXAMPLES: Final = COUNTEREXAMPLES // 6

INT8_AUROC_TOLERANCE: Final = 0.002
"""Largest loss of AUROC on calibration scans for which integers are taken."""

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


def export(
    run: Path,
    *,
    output: Path,
    quick: bool = False,
    is_bare: bool = False,
    overwrite: bool = False,
) -> Artifact:
    """Write the artifact of a run.

    The graph is quantized to 8-bit integers if that keeps the AUROC on a part of the calibration
    split within 0.002 of the float graph's, with weights of 7 bits if that is close enough;
    calibration, conformal thresholds, operating points, the evidence threshold and the input
    check's are fitted on the whole split with the graph that is shipped. What that split is too
    small for stays as it was in the artifact that the run started from; the card says so under
    ``not_fitted``, and under ``compared_with_start`` how the model compares with that artifact.

    Parameters
    ----------
    run
        Folder of the run.
    quick
        Fit the input check on a sixth of the counterexamples, as for runs of the preset ``quick``.
    is_bare
        Leave out what takes longest and moves no probability: input check, recognition of sequence
        and plane, comparison with the start. For measurements of the network, not for use: such a
        model turns nothing away.

    Raises
    ------
    UsageError
        If the folder is no finished run or its manifest has changed since.
    """
    check_output(output, overwrite=overwrite)
    record = read_run(run)
    root = Path(record["root"])
    config = TrainConfig.from_dict(record["config"])
    preprocessing = Preprocessing.from_dict(record["preprocessing"])
    model_id = MODEL_ID if config.width == 1 else LITE_MODEL_ID
    weights, _ = load_arrays(RunPaths(run).best)
    rows = read_manifest(check_manifest(record), root=root)
    splits = _load_splits(rows, root, preprocessing, config)
    examples = splits["calibration"]
    graph, outputs, arithmetic = _choose_graph(
        build_graph(weights, size=preprocessing.size, config=config), splits, preprocessing
    )
    start = _start_of(record)
    draft = _uncalibrated(graph, preprocessing, model_id=model_id)
    if not is_bare:
        is_quick = quick or record.get("preset") == "quick"
        draft = _with_checks(draft, examples, rows, root, is_quick=is_quick)
    known = draft.manifest if start is None else _with_fits_of(draft.manifest, start.manifest)
    fitted, kept = calibrate_manifest(known, outputs, examples, rows)
    card = _card(record, arithmetic) | ({"not_fitted": kept} if kept else {})
    if start is not None and not is_bare:
        card |= {"compared_with_start": compare_with_start(start, outputs, examples, rows)}
    card["sources"] = data_cards(rows)
    scans = _training_scans(rows, record, config)
    artifact = Artifact(replace(fitted, card=card), draft.graph, scans)
    write_artifact(output, artifact, overwrite=overwrite)
    return artifact


def _with_checks(
    draft: Artifact,
    calibration: Examples,
    rows: list[ManifestRow],
    root: Path,
    *,
    is_quick: bool,
) -> Artifact:
    """Teach the network what it must turn away, and to name sequence and plane."""
    preprocessing = draft.manifest.preprocessing
    checked = with_input_check(
        draft,
        load_canvases(known_scans(rows), root, preprocessing),
        calibration.canvases,
        load_canvases(other_pictures(rows), root, preprocessing),
        counterexamples=QUICK_COUNTEREXAMPLES if is_quick else COUNTEREXAMPLES,
    )
    return with_recognition(checked, rows, root)


def compare_with_start(
    start: Artifact, outputs: Outputs, examples: Examples, rows: Sequence[ManifestRow]
) -> dict[str, Any]:
    """Say by how much the model is better or worse than the one it came from.

    Both are measured on the calibration split, which no training saw; if the start was trained on
    it, that favors the start.

    Returns
    -------
    dict
        ``start`` and ``new``, the AUROCs, and their ``difference``, each with its interval.
    """
    before = run_artifact(start, examples.canvases, what="comparing with the start").tumor
    group_of = {row.name: unit_of(row) for row in rows}
    groups = np.array([group_of[key] for key in examples.keys.tolist()])
    everything = np.ones(len(groups), np.bool_)
    old, new = (
        roc_auc(examples.tumor, scores.astype(np.float64), groups, rows=everything)
        for scores in (before, outputs.tumor)
    )
    found = bootstrap({"start": old, "new": new, "difference": less(new, old)}, groups)
    return {name: one.to_dict() for name, one in found.items()}


def _with_fits_of(draft: Manifest, start: Manifest) -> Manifest:
    """Begin with what was fitted for the start: better than nothing where cases are too few."""
    return replace(
        draft,
        calibration=start.calibration,
        conformal=start.conformal,
        operating_points={
            name: value for name, value in start.operating_points.items() if not decides_alone(name)
        },
        evidence_threshold=start.evidence_threshold,
    )


def _training_scans(
    rows: Sequence[ManifestRow], record: dict[str, Any], config: TrainConfig
) -> Table | None:
    """Return the descriptors of what the run has seen, and of what its start had seen."""
    seen = [
        row
        for split in ROLES
        for row in sample_cells(
            [row for row in rows if row.split == split and row.tumor is not None],
            most_of_cell(config.max_per_cell, split),
            seed=config.seed,
        )
    ]
    found = describe_scans(seen, Path(record["root"]), what="training scans")
    table = make_table(found, [row.split for row in seen if row.split is not None])
    start = _start_of(record)
    return join_tables(table, None if start is None else start.training_scans)


def _start_of(record: dict[str, Any]) -> Artifact | None:
    """Return the artifact that the run started from, if it is still there as it was."""
    if "start" not in record:
        return None
    try:
        artifact = read_artifact(Path(record["start"]))
    except ArtifactError:
        return None
    is_same = artifact.manifest.graph_sha256 == record.get("start_graph_sha256")
    return artifact if is_same else None


def _load_splits(
    rows: list[ManifestRow], root: Path, preprocessing: Preprocessing, config: TrainConfig
) -> dict[str, Examples]:
    calibration = [row for row in rows if row.split == "calibration"]
    most = most_of_cell(config.max_per_cell, "calibration")
    wanted = {
        "ranges": spread(rows, "train", RANGE_SCANS),
        "calibration": sample_cells(calibration, most, seed=config.seed),
    }
    return {name: load_examples(one, root, preprocessing)[0] for name, one in wanted.items()}


def _choose_graph(
    graph: onnx.ModelProto, splits: dict[str, Examples], preprocessing: Preprocessing
) -> tuple[onnx.ModelProto, Outputs, dict[str, Any]]:
    """Return the graph to ship, its outputs on the calibration split, and why it was chosen.

    Integers of more bits, which are slower, are not tried where those of fewer are close enough.
    """
    examples = splits["calibration"]
    step = max(1, len(examples) // JUDGED_SCANS)
    canvases, tumor = examples.canvases[::step], examples.tumor[::step]
    weight = balancing_weights(tumor, examples.source[::step])
    candidates = {"float32": graph}
    outputs = {"float32": _run(graph, canvases, preprocessing)}
    for bits in WEIGHT_BITS:
        name = f"int8, weights of {bits} bits"
        with tempfile.TemporaryDirectory() as folder:
            candidates[name] = quantize(
                graph, splits["ranges"].canvases, folder=Path(folder), weight_bits=bits
            )
        outputs[name] = _run(candidates[name], canvases, preprocessing)
        logits = {name: one.tumor for name, one in outputs.items()}
        auroc = {name: float(roc_auc_score(tumor, one)) for name, one in logits.items()}
        difference = _differences(logits, tumor, weight)
        chosen = choose_arithmetic(auroc, difference)
        if difference.get(chosen, np.inf) <= INT8_DIFFERENCE_TOLERANCE:
            break
    reason = {
        "arithmetic": chosen,
        "calibration_images": len(tumor),
        "calibration_roc_auc": auroc,
        "difference_from_float32_p99": difference,
    }
    found, answers = candidates[chosen], outputs[chosen]
    if step > 1:
        answers = _run(found, examples.canvases, preprocessing)
    return found, answers, reason


def choose_arithmetic(auroc: Mapping[str, float], difference: Mapping[str, float]) -> str:
    """Choose among arithmetics by name, ``float32`` and the integer ones, fastest first.

    Parameters
    ----------
    auroc
        On calibration scans.
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


def _differences(
    logits: Mapping[str, NDArray[np.float32]],
    tumor: NDArray[np.int8],
    weight: NDArray[np.float32],
) -> dict[str, float]:
    """Return how far the integers' probabilities are from floating point, 99th percentiles."""
    slope, intercept = fit_platt(logits["float32"], tumor, sample_weight=weight)
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


def _run(graph: onnx.ModelProto, canvases: Canvases, preprocessing: Preprocessing) -> Outputs:
    return run_artifact(_uncalibrated(graph, preprocessing), canvases, what="choosing arithmetic")


def run_artifact(artifact: Artifact, canvases: Canvases, *, what: str = "answering") -> Outputs:
    """Return the graph's outputs for each canvas."""
    classifier = Classifier(artifact)
    shown = progress(canvases, total=len(canvases), what=what)
    rows = [classifier.run(canvas[None]) for canvas in shown]
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
    has_start = draft.operating_points != {NEUTRAL: UNFITTED}
    is_small = _is_small(examples)
    if is_small and has_start:
        kept["probabilities"] = f"fewer than {FEWEST_CASES} cases, or {FEWEST_OF_A_CLASS} of each"
        slope, intercept = draft.calibration.slope, draft.calibration.intercept
    else:
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
    points = dict(draft.operating_points)
    if not (is_small and has_start):
        points = choose_operating_points(examples.tumor, scores, source=examples.source)
    conformal = draft.conformal
    if is_small:
        kept["prediction_sets"] = f"fewer than {FEWEST_OF_A_CLASS} cases of a class"
    else:
        conformal = Conformal(COVERAGE, *fit_conformal(examples.tumor, scores, coverage=COVERAGE))
    manifest = replace(
        draft,
        calibration=Calibration(slope, intercept, temperature, spread),
        conformal=conformal,
        operating_points=points,
        evidence_threshold=evidence,
    )
    return _that_answers(manifest, scores, kept), kept


def _is_small(examples: Examples) -> bool:
    """Tell whether the cases are too few for prediction sets that rule anything out."""
    counts = np.bincount(examples.tumor[examples.tumor != UNKNOWN], minlength=2)
    return bool(counts.sum() < FEWEST_CASES or counts.min() < FEWEST_OF_A_CLASS)


def _that_answers(
    manifest: Manifest, scores: NDArray[np.float64], kept: dict[str, str]
) -> Manifest:
    """Leave out prediction sets with which the model would answer next to nothing."""
    if manifest.conformal is None:
        return manifest
    rule = DecisionRule(manifest.operating_points[NEUTRAL], manifest.conformal)
    abstained = float(np.mean([rule.decide(float(one))[0] == "abstain" for one in scores]))
    if abstained <= MOST_ABSTAINED:
        return manifest
    kept["prediction_sets"] = (
        f"with them the model would abstain on {abstained:.0%} of the calibration cases: it cannot "
        "tell tumor from no tumor there; it answers without them, and should not be used"
    )
    return replace(manifest, conformal=None)


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
