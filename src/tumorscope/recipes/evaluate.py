"""Artifact and manifest in, a report with intervals out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tumorscope.data.manifest import ManifestRow, manifest_root, read_manifest
from tumorscope.data.split import check_split
from tumorscope.errors import ManifestError, UsageError
from tumorscope.evaluation.arrays import Floats, Labels
from tumorscope.evaluation.controls import ControlFeatures, score_controls
from tumorscope.evaluation.localization import dice, peak
from tumorscope.evaluation.report import EvaluationData, build_report
from tumorscope.labels import CLASSES, Split
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.model_inputs import LoadedRow, SkippedRow, load_rows, type_index
from tumorscope.recipes.provenance import content_sha256, run_record
from tumorscope.system.files import check_output_folder


@dataclass(slots=True)
class _Gathered:
    """Answers of the model over one split, as growing lists; and the rows without one."""

    left_out: dict[str, str] = field(default_factory=dict)
    rows: list[ManifestRow] = field(default_factory=list)
    logits: list[float] = field(default_factory=list)
    types: list[NDArray[np.float32]] = field(default_factory=list)
    peak_inside: list[float] = field(default_factory=list)
    dice: list[float] = field(default_factory=list)
    mask_fraction: list[float] = field(default_factory=list)
    mask_center: list[tuple[float, float]] = field(default_factory=list)
    novelty: list[float] = field(default_factory=list)


def evaluate(
    model: Path | None,
    manifest: Path,
    *,
    split: Split,
    output: Path,
    command: str,
    root: Path | None = None,
    operating_point: str = "balanced",
    not_brain: Sequence[str] = (),
    record: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Measure an artifact on one split and write the report.

    Parameters
    ----------
    model
        Artifact; ``None`` for the embedded one.
    manifest
        With groups and splits.
    split
        Side to measure on. The trivial controls are trained on the train split; where it lacks a
        class they are left out.
    output
        Report folder.
    command
        The command that makes the report; its first line.
    not_brain
        Sets whose pictures, of all splits, show no brain MR image and should be rejected.
    record
        Also write the measurements into the artifact's card, where the web page shows them.

    Returns
    -------
    dict
        The content of ``metrics.json``; ``left_out`` names the rows that could not be read.

    Raises
    ------
    ManifestError
        If the split has no labeled row that can be read.
    LeakError
        If a group stands on two sides of the split.
    UsageError
        If the report cannot be written where it should be.
    """
    if record and (model is None or not model.is_file()):
        raise UsageError("--record writes to the artifact; give its file with --model.")
    check_output_folder(output, overwrite=overwrite)
    folder = manifest_root(manifest, root)
    rows = read_manifest(manifest, root=folder)
    check_split(rows)
    of_split = [row for row in rows if row.split == split and row.tumor is not None]
    if not of_split:
        raise ManifestError(f"{manifest} has no labeled rows with split {split!r}.")
    classifier = load_model(model, operating_point=operating_point)
    gathered = _gather(classifier, of_split, folder)
    if not gathered.rows:
        raise ManifestError(
            f"None of the {len(of_split)} labeled rows with split {split!r} can be read; the "
            f"first: {next(iter(gathered.left_out.values()))}"
        )
    features = _control_features(gathered.rows, folder, classifier)
    train = [row for row in rows if row.split == "train" and row.tumor is not None]
    data = replace(
        _data(gathered, classifier, operating_point),
        foreground_area=features.areas[:, 0].astype(np.float64),
        control_scores=_control_scores(train, features, folder, classifier),
        provenance=run_record(
            command,
            data_sha256=content_sha256(gathered.rows),
            model_sha256=classifier.identity.sha256,
        ),
        **_foreign([row for row in rows if row.set in not_brain], folder, classifier),
    )
    metrics = build_report(
        data,
        output=output,
        command=command,
        title=f"{classifier.identity.id} on {split}",
        overwrite=overwrite,
        left_out=gathered.left_out,
    )
    if record and model is not None:
        _record(model, metrics, split)
    return metrics


def _record(path: Path, metrics: dict[str, Any], split: Split) -> None:
    """Keep the measurements in the card; those on another side than ``test`` under its name."""
    artifact = read_artifact(path)
    name = "evaluation" if split == "test" else f"evaluation_{split}"
    card = artifact.manifest.card | {name: metrics}
    changed = Artifact(replace(artifact.manifest, card=card), artifact.graph)
    write_artifact(path, changed, overwrite=True)


def _foreign(rows: Sequence[ManifestRow], root: Path, classifier: Classifier) -> dict[str, Any]:
    """Tell which pictures of something else are rejected, by what the manifest says they show."""
    if not rows:
        return {}
    check = classifier.manifest.input_check
    kinds, rejected = [], []
    for item in load_rows(rows, root, classifier.manifest.preprocessing):
        if isinstance(item, LoadedRow):
            novelty = classifier.run(item.canvas[None])[-1]
            kinds.append(item.row.sequence or item.row.set)
            rejected.append(check is not None and check.rejects(float(novelty[0])))
    return {"foreign_kind": np.array(kinds), "foreign_rejected": np.array(rejected)}


def _gather(classifier: Classifier, rows: Sequence[ManifestRow], root: Path) -> _Gathered:
    gathered = _Gathered()
    loaded = load_rows(rows, root, classifier.manifest.preprocessing)
    for item in tqdm(loaded, total=len(rows), desc="evaluating", unit="image"):
        if isinstance(item, SkippedRow):
            gathered.left_out[item.name] = item.reason
            continue
        logit, evidence, types, _, *novelty = classifier.run(item.canvas[None])
        gathered.rows.append(item.row)
        gathered.novelty.append(float(novelty[0][0]) if novelty else 0.0)
        gathered.logits.append(float(logit[0]))
        gathered.types.append(types[0])
        inside, overlap = _localization(classifier, item, evidence[0])
        gathered.peak_inside.append(inside)
        gathered.dice.append(overlap)
        gathered.mask_fraction.append(_mask_fraction(item))
        gathered.mask_center.append(_mask_center(item))
    return gathered


def _mask_fraction(item: LoadedRow) -> float:
    """Return the share of the image that the tumor's mask covers; NaN without one."""
    has_mask = item.mask is not None and item.row.tumor == 1 and item.mask.any()
    return float(np.mean(item.mask)) if has_mask and item.mask is not None else float("nan")


def _mask_center(item: LoadedRow) -> tuple[float, float]:
    """Return the mask's center as shares of height and width; NaN without a tumor mask."""
    if item.mask is None or item.row.tumor != 1 or not item.mask.any():
        return float("nan"), float("nan")
    at = np.argwhere(item.mask).mean(axis=0) + 0.5
    return float(at[0] / item.mask.shape[0]), float(at[1] / item.mask.shape[1])


def _localization(
    classifier: Classifier, item: LoadedRow, evidence: NDArray[np.float32]
) -> tuple[float, float]:
    """Return whether the peak lies in the mask, and the Dice overlap; NaN without a tumor mask."""
    if item.mask is None or not item.mask.any():
        return float("nan"), float("nan")
    size = classifier.manifest.preprocessing.size
    probability = classifier.evidence_on_image(evidence, item.geometry)
    cell = size / evidence.shape[0]
    center = item.geometry.to_image(*((peak(evidence[None])[0] + 0.5) * cell))
    row = min(max(0, int(center[0])), item.mask.shape[0] - 1)
    column = min(max(0, int(center[1])), item.mask.shape[1] - 1)
    threshold = 1 / (1 + np.exp(-classifier.manifest.evidence_threshold))
    overlap = dice((probability >= threshold)[None], item.mask[None])[0]
    return float(item.mask[row, column]), float(overlap)


def _data(gathered: _Gathered, classifier: Classifier, operating_point: str) -> EvaluationData:
    rows = gathered.rows
    logits = np.array(gathered.logits)
    types = np.stack(gathered.types).astype(np.float64)
    types = np.exp(types / classifier.manifest.calibration.type_temperature)

    def column(name: str) -> NDArray[np.str_]:
        return np.array([getattr(row, name) or "unknown" for row in rows])

    y_true, y_score = np.array([row.tumor for row in rows]), classifier.calibrate(logits)
    outcome, in_set = _decisions(classifier, y_true, y_score, gathered.novelty)
    return EvaluationData(
        y_true=y_true,
        y_score=y_score,
        outcome=outcome,
        in_set=in_set,
        groups=np.array([row.group_id or row.name for row in rows]),
        set=column("set"),
        site=column("site"),
        sequence=column("sequence"),
        type=column("type"),
        plane=column("plane"),
        type_prob=types / types.sum(axis=1, keepdims=True),
        type_true=np.array([type_index(row) for row in rows]),
        operating_point=operating_point,
        operating_points=classifier.manifest.operating_points,
        peak_inside=np.array(gathered.peak_inside),
        dice=np.array(gathered.dice),
        mask_fraction=np.array(gathered.mask_fraction),
        mask_center=np.array(gathered.mask_center),
    )


def _decisions(
    classifier: Classifier, y_true: Labels, y_score: Floats, novelty: Sequence[float]
) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """Return the outcomes, and whether the prediction sets hold the true class."""
    check, rule = classifier.manifest.input_check, classifier.rule
    outcomes, in_set = [], []
    for truth, score, distance in zip(y_true, y_score, novelty, strict=True):
        outcome, plausible, _ = rule.decide(float(score))
        is_rejected = check is not None and check.rejects(distance)
        outcomes.append("rejected" if is_rejected else outcome)
        in_set.append(CLASSES[0 if truth else 1] in plausible)
    return np.array(outcomes), np.array(in_set)


def _control_scores(
    train: Sequence[ManifestRow],
    test: ControlFeatures,
    root: Path,
    classifier: Classifier,
) -> dict[str, Floats]:
    """Train the trivial controls; none where the train split lacks a class."""
    if {row.tumor for row in train} != {0, 1}:
        return {}
    return score_controls(_control_features(train, root, classifier), test)


def _control_features(
    rows: Sequence[ManifestRow], root: Path, classifier: Classifier
) -> ControlFeatures:
    loaded = [
        item
        for item in load_rows(rows, root, classifier.manifest.preprocessing)
        if isinstance(item, LoadedRow)
    ]
    return ControlFeatures.measure(
        pixels=(item.pixels for item in loaded),
        sizes=np.array(
            [
                (item.row.width or item.pixels.shape[1], item.row.height or item.pixels.shape[0])
                for item in loaded
            ]
        ),
        canvases=np.stack([item.canvas for item in loaded]),
        y_true=np.array([item.row.tumor for item in loaded]),
        groups=np.array([item.row.group_id or item.row.name for item in loaded]),
    )
