"""Files of answers in, whether the intake has drifted out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from tumorscope.columns import COLUMNS, flatten
from tumorscope.errors import UsageError, needs_extra
from tumorscope.evaluation.arrays import Floats
from tumorscope.evaluation.drift import LEVEL, find_drift
from tumorscope.labels import NOTICE, TUMOR_TYPES
from tumorscope.model.artifact import Artifact, read_artifact
from tumorscope.system.csv_rows import read_rows

MOST_LINE: Final = 1_000_000
"""Characters of a line that is read: an answer has about a thousand."""

MOST_ANSWERS: Final = 2_000_000
SEQUENCES: Final = ("T1", "T1+C", "T2", "FLAIR")
PLANES: Final = ("axial", "coronal", "sagittal")
MEASURES: Final[Mapping[str, str]] = {
    "probability_tumor": "probability of tumor",
    "rejected": "share rejected",
    "abstain": "share abstained",
    **{f"probability_{name}": f"probability of {name}, given a tumor" for name in TUMOR_TYPES},
    **{f"sequence_{name}": f"share of {name}" for name in SEQUENCES},
    **{f"plane_{name}": f"share of {name} slices" for name in PLANES},
}
"""What is compared, in words; each the mean over the slices of a case."""

_NEEDED: Final = ("kind", "source", "outcome", "probability_tumor")
_Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cases:
    """Answers by case, in the order of their first slice.

    Attributes
    ----------
    values
        By measure, a number for each case, NaN where not known.
    n_images
        Slices in them.
    models
        SHA-256 of the models that answered.
    """

    values: dict[str, Floats]
    n_images: int
    models: frozenset[str]

    @property
    def n_cases(self) -> int:
        """Return how many cases there are."""
        return len(next(iter(self.values.values())))


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
        ``cases``, ``images``, ``reference`` and ``notice``.

    Raises
    ------
    UsageError
        If a file cannot be used, the artifact has no reference, or another model answered.
    """
    intake = read_cases(answers)
    if reference is None:
        artifact = read_artifact(model)
        values, named = _of_card(artifact), "the card of the model"
        models = {artifact.manifest.identity}
    else:
        other = read_cases(reference)
        values, named, models = other.values, str(reference), set(other.models)
    _check_models(intake, models, named)
    found = find_drift(values, intake.values, level=level)
    return {
        "drifted": any(one.drifted_after is not None for one in found.values()),
        "level": level,
        "cases": intake.n_cases,
        "images": intake.n_images,
        "reference": named,
        "measures": [{"name": name} | asdict(one) for name, one in found.items()],
        "notice": NOTICE,
    }


def read_cases(path: Path) -> Cases:
    """Read a file of answers.

    A case is a study where the answers name it, else a series or volume, else a file. Errors are
    left out: nothing is known of them.

    Raises
    ------
    UsageError
        If it cannot be read or holds no answer for an image.
    """
    rows = _name_cases(_rows(path))
    if not rows:
        raise UsageError(
            f"{path} has no answer for an image. Give what tumorscope predict --format json or "
            "csv, batch or node has written."
        )
    return cases_of(
        [row["case"] for row in rows], rows, {str(row.get("model_sha256") or "") for row in rows}
    )


def cases_of(names: Sequence[str], rows: Sequence[_Row], models: Iterable[str] = ()) -> Cases:
    """Return the mean of each measure over the rows of a case.

    Parameters
    ----------
    names
        Of the case of each row.
    rows
        ``outcome``, and what is known of ``probability_tumor``, ``probability_glioma`` and its
        like, ``sequence_name`` and ``plane``.
    models
        SHA-256 of the models that answered.
    """
    order, index = np.unique(np.array(names), return_inverse=True)
    first = np.full(len(order), len(rows))
    np.minimum.at(first, index, np.arange(len(rows)))
    place = np.empty(len(order), np.int64)
    place[np.argsort(first)] = np.arange(len(order))
    values = {
        name: _means(np.array([_measure(row, name) for row in rows]), place[index], len(order))
        for name in MEASURES
    }
    return Cases(values, len(rows), frozenset(one for one in models if one))


def _measure(row: _Row, name: str) -> float:
    if name in ("rejected", "abstain"):
        return float(row["outcome"] == name)
    if row["outcome"] == "rejected":
        return np.nan
    if name.startswith("sequence_"):
        return _is(row.get("sequence_name"), name.removeprefix("sequence_"))
    if name.startswith("plane_"):
        return _is(row.get("plane"), name.removeprefix("plane_"))
    value = row.get(name)
    return np.nan if value in (None, "") else float(value)


def _is(value: object, wanted: str) -> float:
    return float(value == wanted) if value else np.nan


def _means(values: Floats, case: Any, count: int) -> Floats:
    known = ~np.isnan(values)
    sums = np.bincount(case[known], values[known], minlength=count)
    counts = np.bincount(case[known], minlength=count)
    means: Floats = np.divide(sums, counts, out=np.full(count, np.nan), where=counts > 0)
    return means


def _of_card(artifact: Artifact) -> dict[str, Floats]:
    intake = artifact.manifest.card.get("intake")
    if not intake:
        raise UsageError(
            "The card of this model has no reference to compare with. Give answers from a time "
            "that you trust with --reference, or measure the model with "
            "`tumorscope evaluate --record`."
        )
    return {
        name: np.array([np.nan if one is None else one for one in values], dtype=np.float64)
        for name, values in intake["measures"].items()
    }


def intake_record(cases: Cases, *, split: str) -> dict[str, Any]:
    """Return cases as the card of an artifact keeps them: numbers alone, nothing of a patient."""
    return {
        "split": split,
        "n_images": cases.n_images,
        "n_groups": cases.n_cases,
        "measures": {
            name: [None if np.isnan(one) else round(one, 4) for one in values.tolist()]
            for name, values in cases.values.items()
            if not np.isnan(values).all()
        },
    }


def _check_models(intake: Cases, models: set[str], named: str) -> None:
    if intake.models and models and not intake.models <= models:
        other = ", ".join(sorted(one[:12] for one in intake.models - models))
        raise UsageError(
            f"These answers are, at least in part, of another model ({other}) than the reference "
            f"({named}: {', '.join(sorted(one[:12] for one in models))}): a difference could be "
            "the model's. Give the model that answered with --model, or answers of the same model "
            "with --reference."
        )


def _name_cases(rows: Iterable[_Row]) -> list[_Row]:
    """Give each row of an image its case; a series names those that came before it."""
    images: list[_Row] = []
    waiting: list[_Row] = []
    for row in rows:
        if row["kind"] == "image":
            row["case"] = row.get("study_instance_uid") or row.get("series_key") or row["source"]
            images.append(row)
            waiting.append(row)
        elif row["kind"] == "series":
            case = row.get("study_instance_uid") or row.get("series_instance_uid") or row["source"]
            covered = Path(row["source"])
            for one in waiting:
                if covered in (Path(one["source"]), *Path(one["source"]).parents):
                    one["case"] = case
            waiting = []
        if len(images) > MOST_ANSWERS:
            raise UsageError(f"There are more than {MOST_ANSWERS:,} answers; give fewer at a time.")
    return images


def _rows(path: Path) -> Iterator[_Row]:
    if path.suffix.lower() == ".parquet" or path.is_dir():
        yield from _rows_of_parquet(path)
    elif path.suffix.lower() == ".csv":
        check = partial(_check_columns, path)
        yield from (dict(cells) for _, cells in read_rows(path, check, error=UsageError))
    else:
        yield from _rows_of_json(path)


def _rows_of_json(path: Path) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            while line := stream.readline(MOST_LINE):
                row = _row_of_json(line)
                if row is not None:
                    yield row
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _row_of_json(line: str) -> _Row | None:
    """Return the answer of a line as a row; other lines, such as one half written, are none."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    if not isinstance(answer, dict) or not {"kind", "source", "outcome"} <= answer.keys():
        return None
    row = flatten(answer, COLUMNS)
    # A node also names the study of a single image.
    row.setdefault("study_instance_uid", answer.get("study_instance_uid"))
    return row


def _rows_of_parquet(path: Path) -> Iterator[_Row]:
    with needs_extra("Reading Parquet", "scale"):
        from pyarrow import ArrowException, dataset
    try:
        table = dataset.dataset(path, format="parquet")
        _check_columns(path, table.schema.names)
        wanted = [*_NEEDED, "series_key", "model_sha256", "sequence_name", "plane"]
        wanted += [f"probability_{name}" for name in TUMOR_TYPES]
        columns = [name for name in wanted if name in table.schema.names]
        for batch in table.to_batches(columns=columns):
            yield from batch.to_pylist()
    except (OSError, ArrowException) as error:
        raise UsageError(f"{path} cannot be read as Parquet: {error}") from error


def _check_columns(path: Path, names: Sequence[str]) -> None:
    lacking = [name for name in _NEEDED if name not in names]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if lacking or twice:
        what = f"has no column {', '.join(lacking)}" if lacking else f"has {twice[0]} twice"
        raise UsageError(f"{path} is not a table of answers: it {what}.")
