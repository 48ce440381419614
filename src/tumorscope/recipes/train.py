"""Labeled scans in, trained weights out."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tumorscope.data.check import count_classes
from tumorscope.data.data_set import Reading, open_data_set
from tumorscope.data.grouping import add_hashes, add_sites
from tumorscope.data.manifest import ManifestRow, manifest_root, read_manifest, write_manifest
from tumorscope.data.pipeline import ensure_groups
from tumorscope.data.split import SplitPlan, check_split, split_rows
from tumorscope.errors import ManifestError, UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.labels import Split
from tumorscope.model.artifact import Artifact, read_artifact
from tumorscope.recipes.cells import most_of_cell, sample_cells
from tumorscope.recipes.foretell import foretell
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
from tumorscope.training.examples import Examples
from tumorscope.training.fit import Fitted, RunPaths, fit
from tumorscope.training.graph_weights import graph_weights
from tumorscope.training.teacher import Teacher

_LOG: Final = logging.getLogger(__name__)

SPLIT_NAME: Final = "split.csv"
"""Manifest of a run whose source had no splits."""

FRACTIONS: Final[Mapping[Split, float]] = MappingProxyType(
    {"train": 0.60, "val": 0.10, "calibration": 0.15, "test": 0.15}
)
"""Of a split made on the way: more to calibrate than by default, for such sources are small."""

TAUGHT: Final[tuple[Split, ...]] = ("train", "val")
"""Splits that a training sees."""


def train(
    source: Path,
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
    reading: Reading | None = None,
    preset: str | None = None,
) -> Fitted:
    """Fine-tune on the train split; early stopping looks at the val split.

    Parameters
    ----------
    source
        Manifest with groups and splits, as written by ``tumorscope data split``; or a folder, or a
        manifest without splits, which is split on the way (``split.csv`` in the run folder).
    output
        Run folder; must hold no whole epoch of another run unless ``resume`` is given.
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
    reading
        How labels and patients are found.
    preset
        Name of the preset that ``config`` follows, for the record.

    Raises
    ------
    LeakError
        If a group stands on two sides of the split.
    """
    _refuse_other_run(output / RUN_NAME, resume=resume)
    prepared = _prepare(source, output, root, reading, resume=resume)
    manifest, folder, rows = prepared.manifest, prepared.root, prepared.rows
    preprocessing = Preprocessing()
    record = {
        "manifest": str(manifest.resolve()),
        "root": str(folder.resolve()),
        "weights": weights,
        "weights_sha256": file_sha256(Path(weights)) if Path(weights).is_file() else None,
        "config": config.to_dict(),
        "preprocessing": preprocessing.to_dict(),
    }
    changes = Augmentation(**(augmentation or {}))
    if augmentation:
        record["augmentation"] = json.loads(json.dumps(changes.to_dict()))
    artifacts = _read_artifacts({"teacher": teacher, "start": start}, preprocessing)
    for name, artifact in artifacts.items():
        record[f"{name}_graph_sha256"] = artifact.manifest.graph_sha256
    with exclusive(output):
        _refuse_other_run(output / RUN_NAME, resume=resume)
        prepared.write()
        record["manifest_sha256"] = file_sha256(manifest)
        _check_run(output / RUN_NAME, record, resume=resume)
        splits = _taught_rows(rows, config, manifest)
        for line in foretell(rows, splits, config, preset=preset):
            _LOG.info("%s", line)
        examples, skipped = _load(splits, folder, preprocessing)
        origin = {"start": str(start.resolve() if start.exists() else start)} if start else {}
        origin |= {"preset": preset} if preset else {}
        _write_run(output, record | origin, rows, skipped)
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


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A manifest with splits; one that was made on the way is still to be written."""

    manifest: Path
    root: Path
    rows: list[ManifestRow]
    is_new: bool = False

    def write(self) -> None:
        """Write the manifest if it was made here."""
        if self.is_new:
            write_manifest(self.manifest, self.rows, overwrite=True)


def _prepare(
    source: Path, output: Path, root: Path | None, reading: Reading | None, *, resume: bool
) -> _Prepared:
    """Return the manifest of a run; a source without splits is split, once."""
    made = output / SPLIT_NAME
    if resume and made.is_file():
        folder = source if source.is_dir() else manifest_root(source, root)
        return _Prepared(made, folder, read_manifest(made, root=folder))
    given = reading or Reading()
    if not source.is_dir() and not given.labels and given.patient_pattern is None:
        folder = manifest_root(source, root)
        rows = read_manifest(source, root=folder)
        if any(row.split is not None for row in rows):
            rows = ensure_groups(rows, folder)
            check_split(rows)
            return _Prepared(source, folder, rows)
    data = open_data_set(source, root=root, reading=reading)
    if data.has_splits:
        check_split(data.rows)
    for note in data.notes:
        _LOG.info("%s", note)
    rows = add_hashes(add_sites(data.rows), data.root)
    if not data.has_splits:
        rows = split_rows(rows, SplitPlan(fractions=FRACTIONS))
        _LOG.info("The split is made here: %s", made)
    for side in FRACTIONS:
        tumors, free = count_classes([row for row in rows if row.split == side])
        if not data.has_splits and min(tumors, free) == 0:
            raise ManifestError(
                f"{source} is too small to train on: its side {side!r} would have {tumors} images "
                f"with and {free} without tumor. At least {len(FRACTIONS)} independent groups of "
                "each are needed, and a few hundred to learn anything."
            )
    return _Prepared(made, data.root, rows, is_new=True)


def _read_artifacts(
    paths: Mapping[str, Path | None], preprocessing: Preprocessing
) -> dict[str, Artifact]:
    """Read those that are given; they must preprocess images as this run does."""
    artifacts = {name: read_artifact(path) for name, path in paths.items() if path is not None}
    for name, artifact in artifacts.items():
        if artifact.manifest.preprocessing != preprocessing:
            raise UsageError(
                f"{paths[name]} preprocesses images differently from this training run; both must "
                "use the same preprocessing."
            )
    return artifacts


def _taught_rows(
    rows: list[ManifestRow], config: TrainConfig, manifest: Path
) -> dict[Split, list[ManifestRow]]:
    """Return the rows that the training sees, of each cell as many as the settings say."""
    return {
        name: sample_cells(
            _rows_of(rows, name, manifest),
            most_of_cell(config.max_per_cell, name),
            seed=config.seed,
        )
        for name in TAUGHT
    }


def _load(
    splits: Mapping[Split, list[ManifestRow]], root: Path, preprocessing: Preprocessing
) -> tuple[dict[Split, Examples], list[SkippedRow]]:
    """Return the examples of each split, and the rows whose picture cannot be used."""
    examples: dict[Split, Examples] = {}
    skipped: list[SkippedRow] = []
    for name, rows in splits.items():
        examples[name], left_out = load_examples(rows, root, preprocessing)
        skipped += left_out
    return examples, skipped


def _rows_of(rows: list[ManifestRow], split: Split, manifest: Path) -> list[ManifestRow]:
    of_split = [row for row in rows if row.split == split]
    if not of_split:
        raise ManifestError(
            f"{manifest} has no rows with split {split!r}; make one with 'tumorscope data split'."
        )
    return of_split


def _refuse_other_run(path: Path, *, resume: bool) -> None:
    """Refuse a folder with a run; a start that failed before its first epoch blocks nothing."""
    if not resume and path.exists() and RunPaths(path.parent).state.exists():
        raise UsageError(
            f"{path.parent} holds a training run; add --resume to continue it, or give another "
            "--output folder."
        )


def _check_run(path: Path, record: dict[str, Any], *, resume: bool) -> None:
    if not (resume and path.exists()):
        return
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
