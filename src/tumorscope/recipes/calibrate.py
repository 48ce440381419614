"""Artifact and local cases in, an artifact calibrated for them out; the network stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from tumorscope.data.manifest import ManifestRow, manifest_root, read_manifest
from tumorscope.data.split import check_split
from tumorscope.errors import ManifestError, UsageError
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.model.gate import Gate
from tumorscope.recipes.canvases import load_examples
from tumorscope.recipes.export import (
    ACCEPTED_SHARE,
    NOVELTY_SCANS,
    calibrate_manifest,
    run_artifact,
)
from tumorscope.recipes.provenance import data_summary
from tumorscope.training.novelty import fit_novelty
from tumorscope.training.onnx_graph import add_novelty

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
    """Fit calibration, conformal thresholds, operating points and the gate on local cases.

    The cases are the rows with split ``calibration``, or all labeled rows of a manifest without
    splits. An artifact without a gate is given one if the manifest has a ``train`` split.

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
    if output.exists() and not overwrite:
        raise UsageError(f"{output} exists; add --overwrite or give another --output.")
    folder = manifest_root(manifest, root)
    rows = read_manifest(manifest, root=folder)
    cases = _cases(rows, manifest)
    artifact = read_artifact(model)
    if artifact.manifest.gate is None:
        artifact = _with_gate(artifact, rows, folder)
    examples, _ = load_examples(cases, folder, artifact.manifest.preprocessing)
    outputs = run_artifact(artifact, examples)
    fitted = calibrate_manifest(artifact.manifest, outputs, examples)
    if artifact.manifest.gate is not None and outputs.novelty is not None:
        fitted = replace(fitted, gate=Gate(float(np.quantile(outputs.novelty, ACCEPTED_SHARE))))
    card = _unmeasured(artifact.manifest.card) | {"recalibration": _summary(cases)}
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


def _with_gate(artifact: Artifact, rows: Sequence[ManifestRow], root: Path) -> Artifact:
    """Learn what a brain MR image looks like from the train split, where there is one."""
    train = [row for row in rows if row.split == "train" and row.tumor is not None]
    if len(train) < FEWEST_CASES:
        return artifact
    spread = train[:: max(1, len(train) // NOVELTY_SCANS)]
    examples, _ = load_examples(spread, root, artifact.manifest.preprocessing)
    novelty = fit_novelty(run_artifact(artifact, examples).features)
    graph = add_novelty(onnx.load_from_string(artifact.graph), novelty).SerializeToString()
    manifest = replace(
        artifact.manifest,
        gate=Gate(float("inf")),
        graph_sha256=hashlib.sha256(graph).hexdigest(),
    )
    return Artifact(manifest, graph)


def _unmeasured(card: dict[str, Any]) -> dict[str, Any]:
    """Leave out the measurements: they were taken with the thresholds before."""
    return {name: part for name, part in card.items() if not name.startswith("evaluation")}


def _summary(cases: list[ManifestRow]) -> dict[str, Any]:
    """Say which cases it was; hashes and counts, no names."""
    return data_summary([replace(row, split="calibration") for row in cases])
