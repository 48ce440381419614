"""Artifact and local cases in, an artifact calibrated for them out; the network stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, manifest_root, read_manifest
from tumorscope.data.split import check_split
from tumorscope.errors import ManifestError
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.model.input_check import InputCheck
from tumorscope.recipes.export import calibrate_manifest, run_artifact
from tumorscope.recipes.input_check import ACCEPTED_SHARE, known_scans, with_input_check
from tumorscope.recipes.model_inputs import load_examples
from tumorscope.recipes.provenance import data_summary
from tumorscope.system.files import check_output
from tumorscope.training.input_check import KIND

FEWEST_CASES: Final = 50
FEWEST_OF_A_CLASS: Final = 20
"""With 19 scans of a class its smallest score just bounds a set of 95 % coverage; with fewer,
nothing could ever be ruled out."""


def calibrate(
    model: Path | None,
    manifest: Path,
    *,
    output: Path,
    root: Path | None = None,
    overwrite: bool = False,
) -> Artifact:
    """Fit calibration, conformal thresholds, operating points and the input check on local cases.

    The cases are the rows with split ``calibration``, or all labeled rows of a manifest without
    splits. The input check is widened where local cases need it, never narrowed. An artifact
    without one is given one if the manifest has a ``train`` split. What the cases are too few for
    stays as it was, and the card's ``recalibration`` says so under ``kept``: the temperature of the
    types (20 tumors of two or more known types are needed), the spread of series (ten series with
    and ten without a tumor, of known patients), the evidence threshold (ten tumors with a mask).

    Parameters
    ----------
    model
        Artifact; ``None`` for the embedded one.
    manifest
        With a tumor label for each case, groups where it has splits.
    output
        New artifact.
    root
        Folder that the manifest's paths are relative to; by default the manifest's own.

    Raises
    ------
    ManifestError
        If there are fewer than 50 cases, or fewer than 20 with or without tumor.
    LeakError
        If a group stands on two sides of the split.
    UsageError
        If the output exists.
    """
    check_output(output, overwrite=overwrite)
    folder = manifest_root(manifest, root)
    rows = read_manifest(manifest, root=folder)
    cases = _cases(rows, manifest)
    artifact = read_artifact(model)
    if artifact.manifest.input_check is None:
        artifact = _with_input_check(artifact, rows, folder)
    examples, _ = load_examples(cases, folder, artifact.manifest.preprocessing)
    outputs = run_artifact(artifact, examples)
    fitted, kept = calibrate_manifest(artifact.manifest, outputs, examples, cases)
    if artifact.manifest.input_check is not None and outputs.novelty is not None:
        fitted = replace(
            fitted, input_check=_widened(artifact.manifest.input_check, outputs.novelty)
        )
    elif artifact.manifest.input_check is None:
        kept["gate"] = f"no train split of {FEWEST_CASES} cases or more; nothing is rejected"
    card = _unmeasured(artifact.manifest.card) | {"recalibration": _summary(cases, kept)}
    calibrated = Artifact(replace(fitted, card=card), artifact.graph)
    write_artifact(output, calibrated, overwrite=overwrite)
    return calibrated


def _cases(rows: Sequence[ManifestRow], manifest: Path) -> list[ManifestRow]:
    has_splits = any(row.split is not None for row in rows)
    if has_splits:
        check_split(rows)
    labeled = [row for row in rows if row.tumor is not None]
    cases = [row for row in labeled if not has_splits or row.split == "calibration"]
    tumors = sum(row.tumor == 1 for row in cases)
    if len(cases) < FEWEST_CASES or min(tumors, len(cases) - tumors) < FEWEST_OF_A_CLASS:
        raise ManifestError(
            f"{manifest} has {tumors} calibration cases with and {len(cases) - tumors} without "
            f"tumor; at least {FEWEST_CASES} in all and {FEWEST_OF_A_CLASS} of each are needed."
        )
    return cases


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
