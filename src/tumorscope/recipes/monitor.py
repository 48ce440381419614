"""Files of answers in, whether the intake has drifted out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import Floats
from tumorscope.evaluation.drift import LEVEL, find_drift
from tumorscope.labels import NOTICE
from tumorscope.model.artifact import Artifact, read_artifact
from tumorscope.recipes.intake import Cases, read_cases


def monitor(
    answers: Path, *, model: Path | None = None, reference: Path | None = None, level: float = LEVEL
) -> dict[str, Any]:
    """Tell whether the scans of a file of answers are still like those of a reference.

    Parameters
    ----------
    answers
        JSON Lines, CSV or Parquet, as ``predict``, ``batch`` and ``node`` write them.
    model
        Artifact that answered; ``None`` for the embedded one. Its card holds the reference.
    reference
        Answers to compare with in place of the card's.
    level
        Largest chance of a false alarm, however often one looks.

    Returns
    -------
    dict
        ``drifted``, ``measures`` (see :class:`tumorscope.evaluation.drift.Drift`, with ``name``),
        ``cases``, ``images``, ``reference``, ``notes`` and ``notice``.

    Raises
    ------
    UsageError
        If a file cannot be used, the artifact has no reference, or another model answered.
    """
    intake = read_cases(answers)
    if reference is None:
        artifact = read_artifact(model)
        values, named, notes = _of_card(artifact), "the card of the model", intake.notes
        models = {artifact.manifest.identity}
    else:
        other = read_cases(reference)
        values, named, models = other.values, str(reference), set(other.models)
        notes = (*intake.notes, *other.notes)
    _check_models(intake, models, named)
    found = find_drift(values, intake.values, level=level)
    return {
        "drifted": any(one.drifted_after is not None for one in found.values()),
        "level": level,
        "cases": intake.n_cases,
        "images": intake.n_images,
        "reference": named,
        "measures": [{"name": name} | asdict(one) for name, one in found.items()],
        "notes": list(notes),
        "notice": NOTICE,
    }


def _of_card(artifact: Artifact) -> dict[str, Floats]:
    intake = artifact.manifest.card.get("intake")
    if not intake:
        raise UsageError(
            "The card of this model has no reference to compare with. Give answers from a time "
            "that you trust with --reference, or measure the model with "
            "`tumorscope evaluate --record`."
        )
    try:
        return {
            name: np.array([np.nan if one is None else one for one in values], dtype=np.float64)
            for name, values in intake["measures"].items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UsageError(
            "The reference in the card of this model is damaged; write it again with "
            "`tumorscope evaluate --record`."
        ) from error


def _check_models(intake: Cases, models: set[str], named: str) -> None:
    if intake.models and models and not intake.models <= models:
        other = ", ".join(sorted(one[:12] for one in intake.models - models))
        raise UsageError(
            f"These answers are, at least in part, of another model ({other}) than the reference "
            f"({named}: {', '.join(sorted(one[:12] for one in models))}): a difference could be "
            "the model's. Give the model that answered with --model, or answers of the same model "
            "with --reference."
        )
