"""Leave-one-source-out: every source in turn is what the others are asked about."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal

from tumorscope.data.manifest import ManifestRow, write_manifest
from tumorscope.data.split import EXCLUDED_GROUPS, SplitPlan, check_split, split_rows
from tumorscope.errors import ManifestError, UsageError
from tumorscope.labels import CLASSES, NOTICE, SPLITS
from tumorscope.system.files import file_sha256

FoldsBy = Literal["source", "site"]

FOLDS_FILE: Final = "folds.json"
FORMAT_VERSION: Final = 1

_KEYS: Final[Mapping[FoldsBy, Callable[[ManifestRow], str]]] = {
    "source": lambda row: row.set,
    "site": lambda row: row.site or row.set,
}


@dataclass(frozen=True, slots=True)
class Fold:
    """One source left out.

    Attributes
    ----------
    left_out
        The source; its rows are ``external``.
    rows
        All rows, in the order in which they came: the same in every fold.
    """

    left_out: str
    rows: tuple[ManifestRow, ...]

    @property
    def file_name(self) -> str:
        """Name of its manifest."""
        return re.sub(r"[^\w.-]+", "-", self.left_out).strip("-.") + ".csv"

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of rows with and without tumor on each side in use."""
        counts = Counter((row.split, row.tumor) for row in self.rows)
        sides = [side for side in SPLITS if any(row.split == side for row in self.rows)]
        return {side: {CLASSES[0]: counts[side, 1], CLASSES[1]: counts[side, 0]} for side in sides}


@dataclass(frozen=True, slots=True)
class FoldFile:
    """Manifest of a fold as it was written."""

    left_out: str
    path: Path
    sha256: str


def make_folds(
    rows: Sequence[ManifestRow], by: FoldsBy, plan: SplitPlan | None = None
) -> list[Fold]:
    """Leave out every source that has labels, each in a split of its own.

    What shares a group with the source left out is ``excluded`` from that fold; the others are
    split as :func:`~tumorscope.data.split.split_rows` does.

    Raises
    ------
    UsageError
        If a site is held out besides, or fewer than two sources have labels.
    ManifestError
        If a row has no group.
    """
    plan = plan or SplitPlan()
    if plan.hold_out:
        raise UsageError("--folds holds out every source in turn; remove --hold-out.")
    key = _KEYS[by]
    labeled = [row for row in rows if row.tumor is not None]
    sources = sorted({key(row) for row in labeled if row.group_id not in EXCLUDED_GROUPS})
    if len(sources) < 2:
        raise UsageError(
            f"Folds by {by} need at least two with labels; found {', '.join(sources) or 'none'}."
        )
    return [_leave_out(rows, source, replace(plan, hold_out_by=by)) for source in sources]


def write_folds(folder: Path, folds: Sequence[Fold], *, by: FoldsBy, plan: SplitPlan) -> None:
    """Write a manifest per fold, and ``folds.json`` with their hashes and counts.

    Raises
    ------
    UsageError
        If the folder cannot be made.
    """
    names = Counter(fold.file_name for fold in folds)
    if max(names.values()) > 1:
        raise UsageError(f"Two sources would both be written to {names.most_common(1)[0][0]!r}.")
    folder.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "notice": NOTICE,
        "left_out_by": by,
        "seed": plan.seed,
        "fractions": dict(plan.fractions),
        "folds": [_write(folder, fold) for fold in folds],
    }
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (folder / FOLDS_FILE).write_text(text, encoding="utf-8")


def verify_folds(folder: Path) -> list[FoldFile]:
    """Check that the manifests of a folder are those that were written, and list them.

    Raises
    ------
    ManifestError
        If there is no readable ``folds.json``, or a manifest is missing or was changed.
    """
    try:
        record = json.loads((folder / FOLDS_FILE).read_text(encoding="utf-8"))
        files = [
            FoldFile(one["left_out"], folder / one["manifest"], one["sha256"])
            for one in record["folds"]
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f"{folder} has no {FOLDS_FILE} as `tumorscope data split --folds` writes it ({error})."
        ) from error
    for file in files:
        if not file.path.is_file() or file_sha256(file.path) != file.sha256:
            raise ManifestError(
                f"{file.path} is not the manifest that {FOLDS_FILE} was written with (SHA-256 "
                "differs, or it is missing); create the folds again."
            )
    return files


def _leave_out(rows: Sequence[ManifestRow], source: str, plan: SplitPlan) -> Fold:
    sided = split_rows(rows, replace(plan, hold_out=(source,)))
    check_split(sided)
    return Fold(source, tuple(sided))


def _write(folder: Path, fold: Fold) -> dict[str, Any]:
    path = folder / fold.file_name
    write_manifest(path, fold.rows, overwrite=True)
    return {
        "left_out": fold.left_out,
        "manifest": fold.file_name,
        "sha256": file_sha256(path),
        "rows": fold.counts(),
    }
