"""Manifest in, trained weights out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tumorscope.data.manifest import ManifestRow, manifest_root, read_manifest
from tumorscope.data.split import check_split
from tumorscope.errors import ManifestError, UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.labels import Split
from tumorscope.model.artifact import Artifact, read_artifact
from tumorscope.recipes.cells import most_of_cell, sample_cells
from tumorscope.recipes.model_inputs import SkippedRow, load_examples
from tumorscope.recipes.provenance import (
    RUN_NAME,
    data_summary,
    git_commit,
    library_versions,
    write_json,
)
from tumorscope.system.files import file_sha256
from tumorscope.system.folder_lock import exclusive
from tumorscope.training.augmentation import Augmentation
from tumorscope.training.config import TrainConfig
from tumorscope.training.fit import Fitted, fit
from tumorscope.training.graph_weights import graph_weights
from tumorscope.training.teacher import Teacher

TAUGHT: Final[tuple[Split, ...]] = ("train", "val")
"""Splits that a training sees."""


def train(
    manifest: Path,
    *,
    output: Path,
    config: TrainConfig,
    weights: str,
    root: Path | None = None,
    cache: Path | None = None,
    resume: bool = False,
    teacher: Path | None = None,
    start: Path | None = None,
    augmentation: Mapping[str, Any] | None = None,
) -> Fitted:
    """Fine-tune on the train split; early stopping looks at the val split.

    Parameters
    ----------
    manifest
        With groups and splits, as written by ``tumorscope data split``.
    output
        Run folder; must be new unless ``resume`` is given.
    config
        Settings of the run.
    weights
        ``imagenet``, ``none`` or the path of an ``.npz`` with VGG16's convolutions; the
        ``weights.npz`` of another run also brings its head. ``start`` for those of ``start``.
    root
        Folder that the manifest's paths are relative to; by default the manifest's own.
    cache
        Folder of frozen features, which runs on the same images may share.
    resume
        Go on after the last whole epoch.
    teacher
        Artifact whose answers are a part of the targets.
    start
        Artifact at whose trained layers and head the training begins.
    augmentation
        Settings of :class:`~tumorscope.training.augmentation.Augmentation` that differ from its
        defaults.

    Raises
    ------
    LeakError
        If a group stands on two sides of the split.
    """
    folder = manifest_root(manifest, root)
    rows = read_manifest(manifest, root=folder)
    check_split(rows)
    preprocessing = Preprocessing()
    record = {
        "manifest": str(manifest.resolve()),
        "manifest_sha256": file_sha256(manifest),
        "root": str(folder.resolve()),
        "weights": weights,
        "weights_sha256": file_sha256(Path(weights)) if Path(weights).is_file() else None,
        "config": config.to_dict(),
        "preprocessing": preprocessing.to_dict(),
    }
    changes = Augmentation(**(augmentation or {}))
    if augmentation:
        record["augmentation"] = json.loads(json.dumps(changes.to_dict()))
    artifacts = {
        name: _read_artifact(path, preprocessing)
        for name, path in (("teacher", teacher), ("start", start))
        if path is not None
    }
    for name, artifact in artifacts.items():
        record[f"{name}_graph_sha256"] = artifact.manifest.graph_sha256
    with exclusive(output):
        _check_run(output / RUN_NAME, record, resume=resume)
        splits = {name: _rows_of(rows, name, manifest) for name in TAUGHT}
        splits = {
            name: sample_cells(of_split, most_of_cell(config.max_per_cell, name), seed=config.seed)
            for name, of_split in splits.items()
        }
        examples, skipped = {}, []
        for name, of_split in splits.items():
            examples[name], left_out = load_examples(of_split, folder, preprocessing)
            skipped += left_out
        _write_run(output, record, rows, skipped)
        return fit(
            examples["train"],
            examples["val"],
            config=config,
            weights=None if weights == "none" else weights,
            run_folder=output,
            cache_folder=cache,
            resume=resume,
            augmentation=changes,
            teacher=Teacher(artifacts["teacher"]) if teacher else None,
            start=graph_weights(artifacts["start"].graph) if start else None,
        )


def _read_artifact(path: Path, preprocessing: Preprocessing) -> Artifact:
    artifact = read_artifact(path)
    if artifact.manifest.preprocessing != preprocessing:
        raise UsageError(
            f"{path} preprocesses images differently from this training run; both must use the "
            "same preprocessing."
        )
    return artifact


def _rows_of(rows: list[ManifestRow], split: Split, manifest: Path) -> list[ManifestRow]:
    of_split = [row for row in rows if row.split == split]
    if not of_split:
        raise ManifestError(
            f"{manifest} has no rows with split {split!r}; make one with 'tumorscope data split'."
        )
    return of_split


def _check_run(path: Path, record: dict[str, Any], *, resume: bool) -> None:
    if not path.exists():
        return
    if not resume:
        raise UsageError(
            f"{path.parent} holds a training run; add --resume to continue it, or give another "
            "--output folder."
        )
    known = json.loads(path.read_text(encoding="utf-8"))
    changed = [key for key, value in record.items() if known.get(key) != value]
    if changed:
        raise UsageError(
            f"{path.parent} was started with a different {', '.join(changed)}; resume with the "
            "same, or give another --output folder."
        )


def _write_run(
    output: Path, record: dict[str, Any], rows: list[ManifestRow], skipped: list[SkippedRow]
) -> None:
    output.mkdir(parents=True, exist_ok=True)
    details = {
        "data": data_summary(rows),
        "versions": library_versions(),
        "commit": git_commit(),
        "skipped": [{"name": one.name, "reason": one.reason} for one in skipped],
    }
    write_json(output / RUN_NAME, record | details)
