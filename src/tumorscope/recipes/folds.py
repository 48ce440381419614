"""A folder of folds in, a trained run for each fold and seed out."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from tumorscope.data.folds import FOLDS_FILE, verify_folds, write_folds
from tumorscope.data.manifest import manifest_root, read_manifest
from tumorscope.data.pipeline import make_source_folds
from tumorscope.data.split import SplitPlan
from tumorscope.errors import MissingExtraError, TumorscopeError, UsageError
from tumorscope.labels import NOTICE
from tumorscope.recipes.fold_run import FoldRun, Outcome, outcome, train_fold
from tumorscope.recipes.provenance import RUN_NAME, write_json
from tumorscope.system.files import file_sha256
from tumorscope.system.folder_lock import exclusive
from tumorscope.system.own_process import call_in_own_process
from tumorscope.training.config import TrainConfig

Engine = Literal["local", "ray"]

FORMAT_VERSION: Final = 1
MANIFESTS: Final = "manifests"
SOURCE_FILE: Final = "source.json"

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FoldsConfig:
    """What is trained, and how.

    Attributes
    ----------
    folds
        Folder that ``tumorscope data split --folds`` wrote.
    manifest
        Instead: a manifest of which each hospital is left out in turn.
    output
        Folder of the run folders, with the table ``folds.json``.
    config, seeds
        Settings of all runs but the seed, and their seeds.
    weights, root
        As of :func:`~tumorscope.recipes.train.train`.
    engine, address
        ``local``: one after another; ``ray``: side by side on the cluster at HOST:PORT, or on a
        Ray of this machine.
    threads
        Processor threads of a run; by default all, on Ray its share.
    resume
        Train what is missing.
    """

    output: Path
    config: TrainConfig
    seeds: tuple[int, ...]
    weights: str
    folds: Path | None = None
    manifest: Path | None = None
    root: Path | None = None
    engine: Engine = "local"
    address: str | None = None
    threads: int | None = None
    resume: bool = False


def train_folds(config: FoldsConfig) -> list[Outcome]:
    """Train each fold with each seed.

    Returns
    -------
    list of Outcome
        Of each fold and seed in order; those that failed among them.

    Raises
    ------
    ManifestError
        If a manifest of the folds is not the one that was written.
    UsageError
        If the output holds other runs, or the cluster does not answer.
    """
    _check_engine(config)
    folds = config.folds or _leave_out_hospitals(config)
    runs = _plan(folds, config)
    _check_output(folds, runs, config)
    head = _head(folds, config)
    with exclusive(config.output):
        known = _known(config.output, head)
        done = {run.folder.name: known[run.folder.name] for run in runs if _is_done(run, known)}
        write = partial(_write_record, config.output, head, known)
        write(done.values())
        missing = [run for run in runs if run.folder.name not in done]
        for one in _train_all(missing, config):
            done[one.path] = one
            _log_end(one)
            write(done.values())
    return [done[run.folder.name] for run in runs]


def _check_engine(config: FoldsConfig) -> None:
    """Refuse what cannot work, before anything is read or written."""
    if find_spec("keras") is None:  # the runs' processes load it, this one does not
        raise MissingExtraError(feature="Training", extra="train")
    if config.engine == "ray":
        from tumorscope.system.ray_cluster import check_address

        if config.address is not None:
            check_address(config.address)
    elif config.address is not None:
        raise UsageError("--address needs --engine ray.")


def _leave_out_hospitals(config: FoldsConfig) -> Path:
    """Make the folds of the manifest, a site left out in each, in the output folder.

    Groups are found as ``tumorscope data split`` finds them. Folds that are there are kept where
    the run is resumed and the manifest is the same.
    """
    assert config.manifest is not None  # noqa: S101 - without it there is a folder of folds
    folder = config.output / MANIFESTS
    source = {"manifest_sha256": file_sha256(config.manifest)}
    if (folder / FOLDS_FILE).exists():
        known = json.loads((folder / SOURCE_FILE).read_text(encoding="utf-8"))
        if config.resume and known == source:
            return folder
        raise UsageError(
            f"{folder} holds folds of {'this' if known == source else 'another'} manifest; use "
            "the same manifest and --resume to continue, or give another --output folder."
        )
    root, plan = manifest_root(config.manifest, config.root), SplitPlan()
    rows = read_manifest(config.manifest, root=root)
    folds = make_source_folds(rows, root, plan, by="site")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / SOURCE_FILE, source)
    write_folds(folder, folds, by="site", plan=plan)
    return folder


def _check_output(folds: Path, runs: Sequence[FoldRun], config: FoldsConfig) -> None:
    output = config.output
    if output.resolve() == folds.resolve():
        raise UsageError(f"{output} holds the folds; give another --output folder.")
    if (output / RUN_NAME).exists():
        raise UsageError(f"{output} holds a single training run; give another --output folder.")
    places = [output / FOLDS_FILE, *(run.folder / RUN_NAME for run in runs)]
    if not config.resume and any(place.exists() for place in places):
        raise UsageError(
            f"{output} holds trained folds; add --resume to train what is missing, or give "
            "another --output folder."
        )


def _plan(folds: Path, config: FoldsConfig) -> list[FoldRun]:
    weights = config.weights
    output = config.output.resolve()
    return [
        FoldRun(
            fold=file.left_out,
            manifest=file.path.resolve(),
            manifest_sha256=file.sha256,
            folder=output / f"{file.path.stem}-seed{seed}",
            root=manifest_root(config.manifest or file.path, config.root).resolve(),
            weights=str(Path(weights).resolve()) if Path(weights).is_file() else weights,
            config=replace(config.config, seed=seed),
            threads=config.threads,
        )
        for file in verify_folds(folds)
        for seed in config.seeds
    ]


def _head(folds: Path, config: FoldsConfig) -> dict[str, Any]:
    """Say what all runs share; what is not the same is not gone on with."""
    settings = config.config.to_dict()
    del settings["seed"]
    weights = Path(config.weights)
    return {
        "format_version": FORMAT_VERSION,
        "notice": NOTICE,
        "folds_sha256": file_sha256(folds / FOLDS_FILE),
        "weights": config.weights,
        "weights_sha256": file_sha256(weights) if weights.is_file() else None,
        "config": settings,
    }


def _known(output: Path, head: dict[str, Any]) -> dict[str, Outcome]:
    """Return what is recorded of earlier runs."""
    path = output / FOLDS_FILE
    if not path.exists():
        return {}
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = [Outcome(**one) for one in record.pop("runs")]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} is not the record of trained folds ({error}); give another --output folder."
        ) from error
    changed = [key for key, value in head.items() if record.get(key) != value]
    if changed:
        raise UsageError(
            f"{output} was started with a different {', '.join(changed)}; resume with the same, "
            "or give another --output folder."
        )
    return {one.path: one for one in known}


def _is_done(run: FoldRun, known: dict[str, Outcome]) -> bool:
    earlier = known.get(run.folder.name)
    return earlier is not None and earlier.best is not None and (run.folder / RUN_NAME).exists()


def _train_all(runs: Sequence[FoldRun], config: FoldsConfig) -> Iterator[Outcome]:
    if config.engine == "ray" and runs:  # a cluster is a lot to start for nothing
        from tumorscope.recipes.folds_on_ray import train_on_ray

        yield from train_on_ray(runs, address=config.address)
    else:
        for run in runs:
            _LOG.info("Training %s", run.folder.name)
            yield train_in_own_process(run)


def train_in_own_process(run: FoldRun, train: Callable[[FoldRun], Outcome] = train_fold) -> Outcome:
    """Train in a process of its own, which may be killed."""
    try:
        return call_in_own_process(train, run)
    except TumorscopeError as error:
        return outcome(run, error=str(error))


def _log_end(one: Outcome) -> None:
    if one.best is None:
        _LOG.error("%s failed: %s", one.path, one.error)
    else:
        _LOG.info("%s: validation loss %.4f", one.path, one.best["val_loss"])


def _write_record(
    output: Path, head: dict[str, Any], known: dict[str, Outcome], done: Iterable[Outcome]
) -> None:
    runs = known | {one.path: one for one in done}
    write_json(output / FOLDS_FILE, head | {"runs": [one.to_dict() for one in runs.values()]})
