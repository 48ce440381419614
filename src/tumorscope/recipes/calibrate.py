"""Artifact and local cases in, an artifact calibrated for them out; the network stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.check import (
    FEWEST_CASES,
    FEWEST_OF_A_CLASS,
    count_classes,
    too_few_to_calibrate,
    unit_of,
)
from tumorscope.data.data_set import DataSet, Reading, open_data_set
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.split import check_split
from tumorscope.errors import ManifestError
from tumorscope.evaluation.intervals import measure
from tumorscope.evaluation.promise import Promise, hold
from tumorscope.model.artifact import Artifact, Manifest, read_artifact, write_artifact
from tumorscope.model.evidence import sigmoid
from tumorscope.model.input_check import InputCheck
from tumorscope.recipes.export import Outputs, calibrate_manifest, run_artifact
from tumorscope.recipes.input_check import ACCEPTED_SHARE, known_scans, with_input_check
from tumorscope.recipes.model_inputs import SkippedRow, load_examples
from tumorscope.recipes.provenance import data_summary
from tumorscope.recipes.training_scans import (
    ROLES,
    Table,
    describe_scans,
    find_known,
    join_tables,
    make_table,
)
from tumorscope.system.files import check_output
from tumorscope.training.examples import Examples
from tumorscope.training.input_check import KIND

_LOG = logging.getLogger(__name__)


def calibrate(
    model: Path | None,
    source: Path,
    *,
    output: Path,
    root: Path | None = None,
    reading: Reading | None = None,
    promises: Sequence[Promise] = (),
    overwrite: bool = False,
) -> Artifact:
    """Fit calibration, conformal thresholds, operating points and the input check on local cases.

    The cases are the rows with split ``calibration``, or all labeled rows where there are no
    splits. The input check is widened where local cases need it, never narrowed. An artifact
    without one is given one if the manifest has a ``train`` split. What the cases are too few for
    stays as it was, and the card's ``recalibration`` says so under ``kept``: the temperature of the
    types (20 tumors of two or more known types are needed), the spread of series (ten series with
    and ten without a tumor, of known patients), the evidence threshold (ten tumors with a mask).

    Parameters
    ----------
    model
        Artifact; ``None`` for the embedded one.
    source
        Folder with a subfolder per label, or a manifest with a tumor label for each case. Groups
        are made from the images where rows have none.
    output
        New artifact.
    root
        Folder that a manifest's paths are relative to; by default its own.
    reading
        How labels and patients are found.
    promises
        Operating points to add.

    Raises
    ------
    ManifestError
        If fewer than 50 cases can be used, or fewer than 20 with or without tumor.
    LeakError
        If a group stands on two sides of the split.
    UsageError
        If the output exists, or a promise cannot be held on these cases.
    """
    check_output(output, overwrite=overwrite)
    data = open_data_set(source, root=root, reading=reading, group=False)
    cases = _cases(data)
    if promises or data.has_splits:
        data = open_data_set(source, root=root, reading=reading)
        if data.has_splits:
            check_split(data.rows)
        cases = _cases(data)
    artifact = read_artifact(model)
    if artifact.manifest.input_check is None:
        artifact = _with_input_check(artifact, data.rows, data.root)
    examples, skipped = load_examples(cases, data.root, artifact.manifest.preprocessing)
    cases = _readable(data, cases, skipped)
    outputs = run_artifact(artifact, examples.canvases)
    fitted, kept = calibrate_manifest(artifact.manifest, outputs, examples, cases)
    if artifact.manifest.input_check is not None and outputs.novelty is not None:
        fitted = replace(
            fitted, input_check=_widened(artifact.manifest.input_check, outputs.novelty)
        )
    elif artifact.manifest.input_check is None:
        kept["gate"] = f"no train split of {FEWEST_CASES} cases or more; nothing is rejected"
    fitted, held = _with_promises(fitted, promises, outputs, examples, cases)
    scans, notes = _training_scans(artifact, cases, data.root)
    summary = _summary(cases, kept) | ({"promises": held} if held else {})
    if skipped:
        summary["left_out"] = len(skipped)
        notes = [f"{len(skipped)} cases could not be read and were left out.", *notes]
    summary |= {"notes": [*data.notes, *notes]}
    card = _unmeasured(artifact.manifest.card) | {"recalibration": summary}
    calibrated = Artifact(replace(fitted, card=card), artifact.graph, scans)
    write_artifact(output, calibrated, overwrite=overwrite)
    return calibrated


def _cases(data: DataSet) -> list[ManifestRow]:
    cases = [row for row in data.labeled() if not data.has_splits or row.split == "calibration"]
    _refuse_few(data, cases)
    return cases


def _readable(
    data: DataSet, cases: Sequence[ManifestRow], skipped: Sequence[SkippedRow]
) -> list[ManifestRow]:
    """Leave out the cases that could not be read, and name them in the log."""
    for one in skipped:
        _LOG.warning("%s cannot be used and is left out: %s", one.name, one.reason)
    names = {one.name for one in skipped}
    readable = [row for row in cases if row.name not in names]
    _refuse_few(data, readable)
    return readable


def _refuse_few(data: DataSet, cases: Sequence[ManifestRow]) -> None:
    if too_few_to_calibrate(cases) is not None:
        tumors, free = count_classes(cases)
        raise ManifestError(
            f"{data.source} has {tumors} calibration cases with and {free} without tumor that can "
            f"be used; at least {FEWEST_CASES} in all and {FEWEST_OF_A_CLASS} of each are needed."
        )


def _with_promises(
    manifest: Manifest,
    promises: Sequence[Promise],
    outputs: Outputs,
    examples: Examples,
    cases: Sequence[ManifestRow],
) -> tuple[Manifest, dict[str, Any]]:
    """Add an operating point for each promise; return what the card says of them."""
    if not promises:
        return manifest, {}
    calibration = manifest.calibration
    logits = outputs.tumor.astype(np.float64)
    scores = sigmoid(calibration.slope * logits + calibration.intercept)
    group_of = {row.name: unit_of(row) for row in cases}
    groups = np.array([group_of[key] for key in examples.keys.tolist()])
    points, held = dict(manifest.operating_points), {}
    for promise in promises:
        found = hold(promise, examples.tumor, scores, groups)
        points[promise.name] = found.threshold
        row = measure(examples.tumor, scores, groups, threshold=found.threshold)
        held[promise.name] = {
            **asdict(promise),
            **asdict(found),
            **{name: row[name].to_dict() for name in ("sensitivity", "specificity")},
        }
    return replace(manifest, operating_points=points), held


def _training_scans(
    artifact: Artifact, cases: Sequence[ManifestRow], root: Path
) -> tuple[Table | None, list[str]]:
    """Add the cases to what the model has learned from; warn where they are in it already."""
    found = describe_scans(cases, root, what="comparing")
    table = make_table(found, ["calibration"] * len(cases))
    before = artifact.training_scans
    if before is None:
        return table, []
    copies = int(find_known(before, found).is_copy.sum())
    notes = [
        f"{copies} of {len(cases)} cases are copies of scans that the model was trained on: the "
        "probabilities and thresholds fitted on them are too good for others."
    ]
    learned = before[before[:, -1] != ROLES.index("calibration")]
    return join_tables(learned, table), notes if copies else []


def _with_input_check(artifact: Artifact, rows: Sequence[ManifestRow], root: Path) -> Artifact:
    """Fit an input check on the train split, if any; the cases set its threshold later."""
    train = [row for row in rows if row.split == "train" and row.tumor is not None]
    if len(train) < FEWEST_CASES:
        return artifact
    canvases = load_examples(known_scans(train), root, artifact.manifest.preprocessing)[0].canvases
    checked = with_input_check(artifact, canvases, canvases, canvases[:0])
    card = artifact.manifest.card | {"gate": {"kind": KIND}}
    return replace(checked, manifest=replace(checked.manifest, card=card))


def _widened(check: InputCheck, novelty: NDArray[np.floating[Any]]) -> InputCheck:
    """Let nearly all local cases through; some dozens of them are too few to turn away more."""
    return InputCheck(max(check.threshold, float(np.quantile(novelty, ACCEPTED_SHARE))))


def _unmeasured(card: dict[str, Any]) -> dict[str, Any]:
    """Leave out the measurements: they were taken with the thresholds before."""
    return {name: part for name, part in card.items() if not name.startswith("evaluation")}


def _summary(cases: list[ManifestRow], kept: dict[str, str]) -> dict[str, Any]:
    """Say which cases it was, hashes and counts, no names, and what they were too few for."""
    summary = data_summary([replace(row, split="calibration") for row in cases])
    return summary | ({"kept": kept} if kept else {})
