"""Files of answers in, one number for each measure and case out."""

from __future__ import annotations

import json
import math
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from tumorscope.columns import COLUMNS, flatten
from tumorscope.errors import UsageError, needs_extra
from tumorscope.evaluation.arrays import Floats
from tumorscope.labels import TUMOR_TYPES
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

_NUMBERS: Final = ("probability_tumor", *(f"probability_{name}" for name in TUMOR_TYPES))
_NEEDED: Final = ("kind", "source", "outcome", "probability_tumor")
_TEXTS: Final = (
    *("kind", "source", "outcome", "study_instance_uid", "series_instance_uid", "series_key"),
    *("model_sha256", "sequence_name", "plane"),
)
_READ: Final = tuple(one for one in COLUMNS if one.name in (*_TEXTS, *_NUMBERS))
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
    notes
        What the reader should know of how they were read.
    """

    values: dict[str, Floats]
    n_images: int
    models: frozenset[str]
    notes: tuple[str, ...] = ()

    @property
    def n_cases(self) -> int:
        """Return how many cases there are."""
        return len(next(iter(self.values.values())))


def read_cases(path: Path) -> Cases:
    """Read a file of answers.

    A case is a study where the answers name it, else a series or volume, else a file. Errors are
    left out: nothing is known of them.

    Raises
    ------
    UsageError
        If it cannot be read, holds no answer for an image, or an answer that is damaged.
    """
    gathered = _Gathered(path)
    for row in _rows(path, gathered.leave_out):
        gathered.add(row)
    return gathered.cases()


def cases_of(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Cases:
    """Return the mean of each measure over the rows of a case.

    Parameters
    ----------
    names
        Of the case of each row.
    rows
        ``outcome``, and what is known of ``probability_tumor``, ``probability_glioma`` and its
        like, ``sequence_name`` and ``plane``.
    """
    return Cases(
        _by_case(names, np.array([_measured(row) for row in rows])), len(names), frozenset()
    )


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


@dataclass(slots=True)
class _Gathered:
    """The images of a file with the case of each; a series names those that came before it.

    ``predict`` writes the answers for all images, then those for all series; ``node`` writes those
    for one series at a time. The answer for an image names its file, and that for a series the
    folder that holds its files.
    """

    path: Path
    names: list[str] = field(default_factory=list)
    numbers: array[float] = field(default_factory=lambda: array("d"))
    models: set[str] = field(default_factory=set)
    left_out: int = 0
    mixed: set[str] = field(default_factory=set)
    _unnamed: dict[int, str] = field(default_factory=dict)
    _series: dict[Path, set[str]] = field(default_factory=dict)

    def leave_out(self) -> None:
        """Count a line that is not an answer."""
        self.left_out += 1

    def add(self, row: _Row) -> None:
        """Take a row of any kind."""
        if row["kind"] == "series":
            case = row.get("study_instance_uid") or row.get("series_instance_uid") or row["source"]
            self._series.setdefault(Path(row["source"]), set()).add(case)
        elif row["kind"] == "image":
            if self._series:
                self._name()
            # A node also names study and series of a single image, and batch the series.
            own = ("study_instance_uid", "series_instance_uid", "series_key")
            case = next((row[one] for one in own if row.get(one)), None)
            if case is None:
                self._unnamed[len(self.names)] = row["source"]
            self.names.append(case or row["source"])
            self.numbers.extend(_measured(row))
            self.models.add(row.get("model_sha256") or "")
            if len(self.names) > MOST_ANSWERS:
                raise UsageError(
                    f"{self.path} has more than {MOST_ANSWERS:,} answers; give fewer at a time."
                )

    def _name(self) -> None:
        """Name the images since the last series by the nearest of those that have come now."""
        for at, source in self._unnamed.items():
            place = Path(source)
            nearest = next((one for one in (place, *place.parents) if one in self._series), None)
            if nearest is None:
                continue
            cases = self._series[nearest]
            if len(cases) > 1:
                self.mixed.add(str(nearest))
            self.names[at] = str(nearest) if len(cases) > 1 else min(cases)
        self._unnamed.clear()
        self._series.clear()

    def cases(self) -> Cases:
        """Return what was gathered."""
        self._name()
        if not self.names:
            raise UsageError(
                f"{self.path} has no answer for an image. Give what tumorscope predict --format "
                "json or csv, batch or node has written."
            )
        numbers = np.frombuffer(self.numbers).reshape(len(self.names), len(MEASURES))
        models = frozenset(one for one in self.models if one)
        return Cases(_by_case(self.names, numbers), len(self.names), models, tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        if self.left_out:
            yield f"{self.left_out} lines of {self.path} are not answers and were left out."
        if self.mixed:
            yield (
                f"In {len(self.mixed)} folders lie slices of several studies, and the answers do "
                f"not say which are whose: each folder counts as one case, {min(self.mixed)} among "
                "them. The answers of batch or node tell them apart, and so does a folder for each "
                "study."
            )


def _by_case(names: Sequence[str], numbers: Floats) -> dict[str, Floats]:
    """Return the mean of each column over the rows of each case, in the order of the cases."""
    places: dict[str, int] = {}
    case = np.array([places.setdefault(name, len(places)) for name in names], np.intp)
    numbers = numbers.reshape(len(names), len(MEASURES))
    return {
        name: _means(numbers[:, column], case, len(places)) for column, name in enumerate(MEASURES)
    }


def _means(values: Floats, case: Any, count: int) -> Floats:
    known = ~np.isnan(values)
    sums = np.bincount(case[known], values[known], minlength=count)
    counts = np.bincount(case[known], minlength=count)
    means: Floats = np.divide(sums, counts, out=np.full(count, np.nan), where=counts > 0)
    return means


def _measured(row: Mapping[str, Any]) -> list[float]:
    return [_measure(row, name) for name in MEASURES]


def _measure(row: Mapping[str, Any], name: str) -> float:
    if name in ("rejected", "abstain"):
        return float(row["outcome"] == name)
    if row["outcome"] == "rejected":
        return math.nan
    if name.startswith("sequence_"):
        return _is(row.get("sequence_name"), name.removeprefix("sequence_"))
    if name.startswith("plane_"):
        return _is(row.get("plane"), name.removeprefix("plane_"))
    value = row.get(name)
    return math.nan if value in (None, "") else float(value)


def _is(value: object, wanted: str) -> float:
    return float(value == wanted) if value else math.nan


def _rows(path: Path, leave_out: Callable[[], None]) -> Iterator[_Row]:
    if path.suffix.lower() == ".parquet" or path.is_dir():
        yield from _rows_of_parquet(path)
    elif path.suffix.lower() == ".csv":
        check = partial(_check_columns, path)
        for line, cells in read_rows(path, check, error=UsageError):
            yield _checked(cells, f"{path}, line {line}")
    else:
        yield from _rows_of_json(path, leave_out)


def _rows_of_json(path: Path, leave_out: Callable[[], None]) -> Iterator[_Row]:
    try:
        with path.open(encoding="utf-8", errors="replace") as stream:
            number = 0
            while line := stream.readline(MOST_LINE):
                number += 1
                row = _row_of_json(line, f"{path}, line {number}")
                if row is not None:
                    yield row
                elif line.strip():
                    leave_out()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error


def _row_of_json(line: str, where: str) -> _Row | None:
    """Return the answer of a line as a row; other lines, such as one half written, are none."""
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(answer, dict) or "kind" not in answer:
        return None
    if answer["kind"] not in ("image", "series"):
        return {"kind": str(answer["kind"])}
    if not {"source", "outcome"} <= answer.keys():
        return None
    try:
        return _checked(flatten(answer, _READ), where)
    except (AttributeError, TypeError) as error:
        raise UsageError(f"{where} is a damaged answer: a part of it is not an object.") from error


def _checked(cells: Mapping[str, Any], where: str) -> _Row:
    """Return a row with its numbers, if it is what an answer is.

    Raises
    ------
    UsageError
        Names the place, the column and what is there.
    """
    row: _Row = {name: cells.get(name) for name in _TEXTS}
    for name, value in row.items():
        needed = name in ("kind", "source") or (name == "outcome" and row["kind"] == "image")
        if (needed and not value) or not isinstance(value, str | None):
            raise UsageError(f"{where}: {name} must be text; received {_short(value)}.")
    for name in _NUMBERS:
        value = cells.get(name)
        try:
            row[name] = math.nan if value in (None, "") else float(value)
        except (TypeError, ValueError):
            row[name] = math.inf
        if not math.isnan(row[name]) and not 0 <= row[name] <= 1:
            raise UsageError(
                f"{where}: {name} must be a number from 0 to 1; received {_short(value)}."
            )
    return row


def _short(value: object) -> str:
    return repr(value)[:40]


def _rows_of_parquet(path: Path) -> Iterator[_Row]:
    with needs_extra("Reading Parquet", "scale"):
        from pyarrow import ArrowException, dataset
    try:
        table = dataset.dataset(path, format="parquet")
        _check_columns(path, table.schema.names)
        columns = [name for name in (*_TEXTS, *_NUMBERS) if name in table.schema.names]
        for batch in table.to_batches(columns=columns):
            for row in batch.to_pylist():
                yield _checked(row, str(path))
    except (OSError, ArrowException) as error:
        raise UsageError(f"{path} cannot be read as Parquet: {error}") from error


def _check_columns(path: Path, names: Sequence[str]) -> None:
    lacking = [name for name in _NEEDED if name not in names]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if lacking or twice:
        what = f"has no column {', '.join(lacking)}" if lacking else f"has {twice[0]} twice"
        raise UsageError(f"{path} is not a table of answers: it {what}.")
