"""Artifact and labeled scans in, a report with intervals out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from tumorscope.data.check import unit_of
from tumorscope.data.data_set import DataSet, Reading, check_usable, open_data_set
from tumorscope.data.descriptors import Descriptors, describe, join_descriptors
from tumorscope.data.manifest import COLUMNS, ManifestRow
from tumorscope.data.split import check_split
from tumorscope.errors import ManifestError, UsageError
from tumorscope.evaluation.arrays import Floats, Labels
from tumorscope.evaluation.controls import ControlFeatures, score_controls
from tumorscope.evaluation.localization import dice, peak
from tumorscope.evaluation.report import EvaluationData, build_report
from tumorscope.evaluation.subgroups import name_bands
from tumorscope.labels import CLASSES, TUMOR_TYPES, Split
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.recipes.gallery import make_gallery
from tumorscope.recipes.intake import Cases, cases_of, intake_record
from tumorscope.recipes.model_inputs import LoadedRow, SkippedRow, load_rows, type_index
from tumorscope.recipes.predictions_table import predictions_table
from tumorscope.recipes.provenance import content_sha256, run_record, without_folders
from tumorscope.recipes.training_scans import Known, find_known
from tumorscope.system.files import check_output_folder

MOST_SUBGROUPS: Final = 50
"""Of one column; each takes as long as a small report of its own."""

_AT_ONCE: Final = 64
"""Images as read that are in memory together, some 100 MB."""


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
    descriptors: list[Descriptors] = field(default_factory=list)


def evaluate(
    model: Path | None,
    source: Path,
    *,
    output: Path,
    command: str,
    split: Split | None = None,
    root: Path | None = None,
    reading: Reading | None = None,
    by: Sequence[str] = (),
    operating_point: str | None = None,
    threshold: float | None = None,
    not_brain: Sequence[str] = (),
    gallery: int = 0,
    record: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Measure an artifact on labeled scans and write the report.

    Parameters
    ----------
    model
        Artifact; ``None`` for the embedded one.
    source
        Folder with a subfolder per label, or a manifest. Groups are made from the images where
        rows have none.
    output
        Report folder.
    command
        The command that makes the report; its first line.
    split
        Side to measure on; ``None`` for all labeled rows. The trivial controls are trained on the
        train split; where it lacks a class, or all rows are measured, they are left out.
    root
        Folder that a manifest's paths are relative to; by default its own.
    reading
        How labels and patients are found.
    by
        Columns whose values are measured apart; many numbers are put into four bands.
    operating_point, threshold
        Where sensitivity and specificity are measured: a named point, by default ``balanced``, or
        a probability of tumor.
    not_brain
        Sets whose pictures, of the split where one is given, show no brain MR image and should be
        rejected: an input check may have learned from those of the others.
    gallery
        Scans of each cell (missed, false alarm, left open, ...) on a page of their own; none for 0.
    record
        Also write the measurements into the artifact's card, where the web page shows them.

    Returns
    -------
    dict
        The content of ``metrics.json``; ``left_out`` names the rows that could not be read.

    Raises
    ------
    ManifestError
        If there is no labeled row that can be read.
    LeakError
        If a group stands on two sides of the split.
    UsageError
        If a column or one of ``not_brain`` is not there, or the report cannot be written where it
        should be.
    """
    if record and (model is None or not model.is_file()):
        raise UsageError("--record writes to the artifact; give its file with --model.")
    check_output_folder(output, overwrite=overwrite)
    data = open_data_set(source, root=root, reading=reading)
    check_usable(data)
    if data.has_splits:
        check_split(data.rows)
    chosen = _chosen(data, split)
    if record and _taught(chosen, split):
        raise UsageError(
            f"--record writes the figures into the model card, and {source} has splits, so they "
            "would include training images: give --split test."
        )
    subgroups = _subgroups(chosen, by)
    foreign = _foreign_rows(data.rows, not_brain, split)
    artifact = read_artifact(model)
    classifier = Classifier(artifact, operating_point=operating_point, threshold=threshold)
    gathered = _gather(classifier, chosen, data.root)
    if not gathered.rows:
        raise ManifestError(
            f"None of the {len(chosen)} labeled rows of {source} can be read; the first: "
            f"{next(iter(gathered.left_out.values()))}"
        )
    known = _known(artifact, gathered)
    trained = known if known is not None and known.names_training else None
    measured = replace(
        _data(gathered, classifier),
        provenance=run_record(
            command,
            data_sha256=content_sha256(gathered.rows),
            model_sha256=classifier.identity.sha256,
        ),
        subgroups=_readable(subgroups, chosen, gathered),
        is_copy=None if trained is None else trained.is_copy,
        is_neighbor=None if trained is None else trained.is_neighbor,
        **_controls(gathered.rows, data, split, classifier),
        **_foreign(foreign, data.root, classifier),
    )
    title = f"{classifier.identity.id} on {split or data.name}"
    page = None
    if gallery:
        page = make_gallery(
            gathered.rows, measured, data.root, classifier, title=title, most=gallery
        )
    metrics = build_report(
        measured,
        output=output,
        command=command,
        title=title,
        overwrite=overwrite,
        left_out=gathered.left_out,
        notes=(*data.notes, *_notes_on_sides(chosen, split), *_notes_on_known(known)),
        predictions=predictions_table(gathered.rows, measured, trained),
        gallery=page,
    )
    if record and model is not None:
        _record(model, metrics, split or "test", measured)
    return metrics


def _chosen(data: DataSet, split: Split | None) -> list[ManifestRow]:
    labeled = data.labeled()
    if split is None:
        return labeled
    of_split = [row for row in labeled if row.split == split]
    if not of_split:
        has = "; it has no splits: leave --split out to measure all" if not data.has_splits else ""
        raise ManifestError(f"{data.source} has no labeled rows with split {split!r}{has}.")
    return of_split


def _subgroups(rows: Sequence[ManifestRow], columns: Sequence[str]) -> dict[str, NDArray[np.str_]]:
    """Return the subgroup of each row by column; numbers of many values as bands."""
    found = {}
    for column in columns:
        values = [row.value(column) for row in rows]
        if all(value is None for value in values):
            there = [name for name in COLUMNS if any(row.value(name) for row in rows)]
            there += dict.fromkeys(name for row in rows for name in row.extra)
            raise UsageError(
                f"--by {column!r}: no row has a value in it; there are {', '.join(there)}."
            )
        found[column] = name_bands(values)
        count = len(np.unique(found[column]))
        if count > MOST_SUBGROUPS:
            raise UsageError(
                f"--by {column!r} has {count} different values; at most {MOST_SUBGROUPS} are "
                "measured apart. Name a column with fewer."
            )
    return found


def _known(artifact: Artifact, gathered: _Gathered) -> Known | None:
    """Compare the scans with those that the model has learned from, if it says which."""
    if artifact.training_scans is None:
        return None
    return find_known(artifact.training_scans, join_descriptors(gathered.descriptors))


def _taught(rows: Sequence[ManifestRow], split: Split | None) -> int:
    """Count the rows that a training may have seen, where no side was chosen."""
    sides = ("train", "val", "calibration")
    return sum(row.split in sides for row in rows) if split is None else 0


def _notes_on_sides(rows: Sequence[ManifestRow], split: Split | None) -> list[str]:
    taught = _taught(rows, split)
    if not taught:
        return []
    return [
        f"All sides of the split are measured, {taught} images of train, val and calibration among "
        "them; --split test measures the side that no training saw."
    ]


def _notes_on_known(known: Known | None) -> list[str]:
    if known is None or not known.names_training:
        notes = [
            "The model does not say which scans it has learned from, so copies of them among these "
            "cannot be found."
        ]
    else:
        copies, near = int(known.is_copy.sum()), int(known.is_neighbor.sum())
        notes = [
            f"{copies} of these {len(known.is_copy)} images are copies (turned and mirrored ones "
            f"included) of scans that the model was trained on, and {near - copies} more are very "
            "similar to one" + ("; see the figures without them." if near else ".")
        ]
    calibrated = 0 if known is None else int(known.has_calibrated.sum())
    if calibrated:
        notes.append(
            f"{calibrated} of these images also calibrated the model: its thresholds and "
            "probabilities look better on them than they are. Evaluate on other patients."
        )
    return notes


def _record(path: Path, metrics: dict[str, Any], split: str, data: EvaluationData) -> None:
    """Keep the measurements in the card; those on another side than ``test`` under its name.

    An artifact is given away: names of files and folders of those who measured are not in it.
    """
    artifact = read_artifact(path)
    name = "evaluation" if split == "test" else f"evaluation_{split}"
    provenance = metrics["provenance"]
    command = without_folders(provenance["command"])
    public = metrics | {
        "command": command,
        "provenance": provenance | {"command": command},
        "left_out": len(metrics["left_out"]),
    }
    card = artifact.manifest.card | {name: public}
    if split == "test":
        card["intake"] = intake_record(_cases(data), split=split)
    changed = replace(artifact, manifest=replace(artifact.manifest, card=card))
    write_artifact(path, changed, overwrite=True)


def _cases(data: EvaluationData) -> Cases:
    """Return the answers by group, with which ``monitor`` compares those of an intake."""
    types = [f"probability_{name}" for name in TUMOR_TYPES]
    rows = [
        {"outcome": outcome, "probability_tumor": score} | dict(zip(types, of_types, strict=True))
        for outcome, score, of_types in zip(
            data.outcome if data.outcome is not None else [""] * len(data.y_score),
            data.y_score.tolist(),
            data.type_prob.tolist(),
            strict=True,
        )
    ]
    return cases_of([str(group) for group in data.groups], rows)


def _foreign_rows(
    rows: Sequence[ManifestRow], sets: Sequence[str], split: Split | None
) -> list[ManifestRow]:
    of_side = [row for row in rows if split in (None, row.split)]
    there = {row.set for row in of_side}
    if absent := sorted(set(sets) - there):
        where = f"Split {split!r} of the manifest" if split else "The manifest"
        raise UsageError(
            f"--not-brain takes the name of a set. {where} has no set {', '.join(absent)}; it has "
            f"{', '.join(sorted(there))}."
        )
    return [row for row in of_side if row.set in sets]


def _foreign(rows: Sequence[ManifestRow], root: Path, classifier: Classifier) -> dict[str, Any]:
    """Tell which pictures of something else are rejected, by what the manifest says they show."""
    check = classifier.manifest.input_check
    kinds, rejected, groups = [], [], []
    for item in load_rows(rows, root, classifier.manifest.preprocessing):
        if isinstance(item, LoadedRow):
            novelty = classifier.run(item.canvas[None])[-1]
            kinds.append(item.row.sequence or item.row.set)
            rejected.append(check is not None and check.rejects(float(novelty[0])))
            groups.append(unit_of(item.row))
    if not kinds:
        return {}
    return {
        "foreign_kind": np.array(kinds),
        "foreign_rejected": np.array(rejected),
        "foreign_groups": np.array(groups),
    }


def _gather(classifier: Classifier, rows: Sequence[ManifestRow], root: Path) -> _Gathered:
    gathered = _Gathered()
    loaded = load_rows(rows, root, classifier.manifest.preprocessing)
    for item in tqdm(loaded, total=len(rows), desc="evaluating", unit="image", disable=None):
        if isinstance(item, SkippedRow):
            gathered.left_out[item.name] = item.reason
            continue
        logit, evidence, types, _, *novelty = classifier.run(item.canvas[None])
        gathered.rows.append(item.row)
        gathered.descriptors.append(describe([item.pixels]))
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


def _data(gathered: _Gathered, classifier: Classifier) -> EvaluationData:
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
        operating_point=classifier.operating_point,
        operating_points=classifier.manifest.operating_points
        | {classifier.operating_point: classifier.threshold},
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


def _readable(
    subgroups: Mapping[str, NDArray[np.str_]], chosen: Sequence[ManifestRow], gathered: _Gathered
) -> dict[str, NDArray[np.str_]]:
    """Leave out of the subgroups the rows without an answer."""
    kept = [row.name not in gathered.left_out for row in chosen]
    return {name: values[kept] for name, values in subgroups.items()}


def _controls(
    test: Sequence[ManifestRow], data: DataSet, split: Split | None, classifier: Classifier
) -> dict[str, Any]:
    """Return foreground area and scores of the trivial controls.

    These are trained on the train split, and left out where it lacks a class.
    """
    [*parts] = _control_features(test, data.root, classifier)
    features = ControlFeatures.join(parts)
    train = [row for row in data.rows if split and row.split == "train" and row.tumor is not None]
    scores: dict[str, Floats] = {}
    if {row.tumor for row in train} == {0, 1}:
        [*learned] = _control_features(train, data.root, classifier)
        if len({label for part in learned for label in part.y_true.tolist()}) == len(CLASSES):
            scores = score_controls(ControlFeatures.join(learned), features)
    return {
        "foreground_area": features.areas[:, 0].astype(np.float64),
        "control_scores": scores,
    }


def _control_features(
    rows: Sequence[ManifestRow], root: Path, classifier: Classifier
) -> Iterator[ControlFeatures]:
    """Yield what the controls see, some images at a time: those of a train split are many."""
    for start in range(0, len(rows), _AT_ONCE):
        some = rows[start : start + _AT_ONCE]
        loaded = [
            item
            for item in load_rows(some, root, classifier.manifest.preprocessing)
            if isinstance(item, LoadedRow)
        ]
        if loaded:
            yield _measure_controls(loaded)


def _measure_controls(loaded: Sequence[LoadedRow]) -> ControlFeatures:
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
