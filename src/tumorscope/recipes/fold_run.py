"""One run of many: a fold and a seed in, its best epoch or the reason of its failure out."""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tumorscope.errors import TumorscopeError
from tumorscope.training.config import TrainConfig

TRACE_NAME: Final = "error.txt"


@dataclass(frozen=True, slots=True)
class FoldRun:
    """What a process is told to train.

    Attributes
    ----------
    fold
        The source left out.
    manifest, manifest_sha256
        All paths are absolute, for other machines.
    folder
        Of the run.
    threads
        Processor threads; ``None`` for all that there are.
    """

    fold: str
    manifest: Path
    manifest_sha256: str
    folder: Path
    root: Path
    weights: str
    config: TrainConfig
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run; ``best`` is the epoch with the lowest validation loss.

    Attributes
    ----------
    path
        Name of its folder.
    """

    fold: str
    seed: int
    path: str
    manifest_sha256: str
    best: dict[str, float] | None = None
    error: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def outcome(
    run: FoldRun, *, best: dict[str, float] | None = None, error: str | None = None
) -> Outcome:
    """Say what became of a run."""
    seed = run.config.seed
    return Outcome(run.fold, seed, run.folder.name, run.manifest_sha256, best=best, error=error)


def train_fold(run: FoldRun) -> Outcome:
    """Train one run, or go on with it, in a process that does nothing else.

    Whatever goes wrong is the outcome of this run and not the end of the others. The frozen
    features of a finished run are removed: many gigabytes that nothing needs any more.
    """
    try:
        if run.threads is not None:
            from tumorscope.system.threads import limit_threads

            limit_threads(run.threads)
        best = _train(run)
    except TumorscopeError as error:
        return outcome(run, error=str(error))
    except Exception as error:
        run.folder.mkdir(parents=True, exist_ok=True)
        trace = run.folder / TRACE_NAME
        trace.write_text(traceback.format_exc(), encoding="utf-8")
        return outcome(run, error=f"{type(error).__name__}: {error} Where: {trace}")
    (run.folder / TRACE_NAME).unlink(missing_ok=True)
    shutil.rmtree(run.folder / "cache", ignore_errors=True)
    return outcome(run, best=best)


def _train(run: FoldRun) -> dict[str, float]:
    from tumorscope.recipes.train import train  # brings Keras

    fitted = train(
        run.manifest,
        output=run.folder,
        config=run.config,
        weights=run.weights,
        root=run.root,
        resume=True,  # where a process was killed, the next goes on after the last whole epoch
    )
    return min(fitted.history, key=lambda entry: entry["val_loss"])


def processor_share(runs: int, nodes: Sequence[int]) -> int:
    """Return the processors of a run, where ``nodes`` have so many each and runs are side by side.

    A run is on one node.
    """
    return max(1, min(sum(nodes) // max(1, runs), max(nodes)))
