"""What a folder or manifest is good for, verb by verb, and what each of the others is missing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tumorscope.data.data_set import DataSet
from tumorscope.data.manifest import ManifestRow, similar_columns
from tumorscope.data.split import DEFAULT_FRACTIONS, EXCLUDED_GROUPS, check_split
from tumorscope.errors import ManifestError

FEWEST_CASES: Final = 50
FEWEST_OF_A_CLASS: Final = 20
"""With 19 scans of a class its smallest score just bounds a set of 95 % coverage; with fewer,
nothing could ever be ruled out."""

FEW_GROUPS: Final = 20
"""Of a class: below this, intervals are too narrow to be trusted."""

ASSUMED_AUROC: Final = 0.9
"""At which an uncertainty is foretold before anything is measured."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a verb can use the data, with one line of what is missing or what to expect."""

    verb: str
    is_ready: bool
    text: str


def check_data_set(data: DataSet) -> list[Verdict]:
    """Return a verdict for each verb that takes a data set, in the order of their use."""
    checks: dict[str, Callable[[DataSet], str | None]] = {
        "data split": _check_data_split,
        "evaluate": _check_evaluate,
        "calibrate": _check_calibrate,
        "train": _check_train,
        "export": _check_export,
    }
    verdicts = []
    for verb, check in checks.items():
        missing = check(data)
        text = missing or (_EXPECTED[verb](data) if verb in _EXPECTED else "ready")
        verdicts.append(Verdict(verb, missing is None, text))
    return verdicts


def describe_data_set(data: DataSet) -> Iterator[str]:
    """Yield lines that count images, patients, groups and sides, and name what looks odd."""
    rows = data.rows
    tumors, free = count_classes(rows)
    unknown = len(rows) - tumors - free
    yield (
        f"{len(rows)} images: {tumors} with tumor, {free} without, {unknown} unknown; "
        f"{len({row.set for row in rows})} set(s)"
    )
    patients = {(row.set, row.patient_id) for row in rows if row.patient_id is not None}
    nameless = sum(row.patient_id is None for row in rows)
    yield f"{len(patients)} patients; {nameless} images of unknown patient"
    groups = {row.group_id for row in rows} - {None} - EXCLUDED_GROUPS
    yield f"{len(groups)} groups" if groups else "no groups yet: they are made where needed"
    sides = Counter(row.split or "none" for row in rows)
    yield "split: " + ", ".join(f"{side} {count}" for side, count in sorted(sides.items()))
    masks = sum(row.mask is not None for row in rows)
    types = sum(row.type is not None for row in rows)
    yield f"{masks} masks, {types} lesion types"
    carried = list(dict.fromkeys(name for row in rows for name in row.extra))
    if carried:
        yield f"other columns, carried along: {', '.join(carried)}"
    for name, ours in similar_columns(carried).items():
        yield f"column {name!r} is not used; if it is the {ours}, rename it to {ours!r}"


def count_classes(rows: Sequence[ManifestRow]) -> tuple[int, int]:
    """Return the number of rows with and without tumor."""
    return sum(row.tumor == 1 for row in rows), sum(row.tumor == 0 for row in rows)


def count_groups(rows: Sequence[ManifestRow]) -> tuple[int, int]:
    """Return the number of groups that have a row with, and one without, a tumor."""
    with_tumor, without = ({unit_of(row) for row in rows if row.tumor == one} for one in (1, 0))
    return len(with_tumor), len(without)


def unit_of(row: ManifestRow) -> str:
    """Return what is independent of others: the group, else the patient, else the image."""
    if row.group_id is not None:
        return row.group_id
    return row.name if row.patient_id is None else f"{row.set}/{row.patient_id}"


def auroc_margin(with_tumor: int, without: int, *, auroc: float = ASSUMED_AUROC) -> float:
    """Foretell half the width of the 95 % interval of an AUROC.

    Hanley & McNeil 1982 (doi 10.1148/radiology.143.1.7063747), with groups as cases.

    Examples
    --------
    >>> round(auroc_margin(30, 30), 2)
    0.08
    """
    if min(with_tumor, without) == 0:
        return math.nan
    above = auroc / (2 - auroc) - auroc**2
    below = 2 * auroc**2 / (1 + auroc) - auroc**2
    variance = auroc * (1 - auroc) + (with_tumor - 1) * above + (without - 1) * below
    return 1.96 * math.sqrt(variance / (with_tumor * without))


def expected_uncertainty(rows: Sequence[ManifestRow]) -> str:
    """Say how wide an interval will be, in words."""
    with_tumor, without = count_groups(rows)
    margin = auroc_margin(with_tumor, without)
    if math.isnan(margin):
        only = "tumor" if with_tumor else "no tumor"
        return f"only images with {only}: an AUROC cannot be measured"
    text = (
        f"{with_tumor} independent groups with and {without} without tumor: expect an interval of "
        f"about \N{PLUS-MINUS SIGN}{margin:.2f} around an AUROC of {ASSUMED_AUROC}"
    )
    few = " (too narrow, as groups are few)" if min(with_tumor, without) < FEW_GROUPS else ""
    return text + few


def too_few_to_calibrate(rows: Sequence[ManifestRow]) -> str | None:
    """Say what calibration is missing; ``None`` where there is enough."""
    tumors, free = count_classes(rows)
    if tumors + free >= FEWEST_CASES and min(tumors, free) >= FEWEST_OF_A_CLASS:
        return None
    return (
        f"at least {FEWEST_CASES} in all and {FEWEST_OF_A_CLASS} of each are needed; there are "
        f"{tumors} with and {free} without tumor"
    )


def _check_data_split(data: DataSet) -> str | None:
    return None if len(data.rows) > 1 else "needs more than one image"


def _check_evaluate(data: DataSet) -> str | None:
    if not data.labeled():
        return "no labels: fill column tumor with 1 or 0"
    return _leak(data)


def _check_calibrate(data: DataSet) -> str | None:
    side = [row for row in data.labeled() if not data.has_splits or row.split == "calibration"]
    return too_few_to_calibrate(side) or _leak(data)


def _check_train(data: DataSet) -> str | None:
    if not data.has_splits:
        with_tumor, without = count_groups(data.labeled())
        if min(with_tumor, without) >= len(DEFAULT_FRACTIONS):
            return None
        return (
            f"needs at least {len(DEFAULT_FRACTIONS)} independent groups of each class; there are "
            f"{with_tumor} with and {without} without tumor"
        )
    for side in ("train", "val"):
        if 0 in count_classes([row for row in data.labeled() if row.split == side]):
            return f"split {side!r} needs images with and without tumor; use data split"
    return _leak(data)


def _check_export(data: DataSet) -> str | None:
    if not data.has_splits:
        return None
    side = [row for row in data.labeled() if row.split == "calibration"]
    if 0 in count_classes(side):
        return "split 'calibration' needs images with and without tumor"
    return None


def _leak(data: DataSet) -> str | None:
    placed = [row for row in data.rows if row.split not in (None, "excluded")]
    if not placed or any(row.group_id is None for row in placed):
        return None
    try:
        check_split(data.rows)
    except ManifestError as error:
        return str(error)
    return None


def _expect_train(data: DataSet) -> str:
    if data.has_splits:
        return "ready"
    return "ready; the split is made on the way (60 % train, the rest to check, calibrate and test)"


def _expect_export(data: DataSet) -> str:
    side = [row for row in data.labeled() if row.split == "calibration"]
    short = too_few_to_calibrate(side) if data.has_splits else None
    return f"ready, but the model will never abstain: {short}" if short else "ready"


_EXPECTED: Final[dict[str, Callable[[DataSet], str]]] = {
    "evaluate": lambda data: f"ready; {expected_uncertainty(data.labeled())}",
    "train": _expect_train,
    "export": _expect_export,
}
