"""Manifest in, a report on shortcuts out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.audit.shortcuts.report import (
    Section,
    ShortcutFindings,
    write_shortcut_report,
)
from tumorscope.audit.shortcuts.shortcuts import (
    MIN_GROUPS,
    TRACES,
    ShortcutThresholds,
    Traces,
    measure_shortcuts,
    picture_traces,
)
from tumorscope.data.collection import open_collection
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_row_scans
from tumorscope.data.pipeline import ensure_groups
from tumorscope.data.split import BLANK_GROUP, UNREADABLE_GROUP
from tumorscope.errors import ImageError, ManifestError, UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.system.files import check_output_folder

ALL: Final = "all pictures"

PER_GROUP: Final = 5
"""Pictures of a group are much alike: more of them cost time and narrow no interval much."""

_Array = NDArray[np.float32]


@dataclass(slots=True)
class _Gathered:
    """Traces as growing lists, the rows that they are of, and the rows without any."""

    rows: list[ManifestRow] = field(default_factory=list)
    features: dict[str, list[_Array]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def add(self, row: ManifestRow, traces: dict[str, _Array]) -> None:
        self.rows.append(row)
        for name, trace in traces.items():
            self.features.setdefault(name, []).append(trace)


def find_shortcuts(
    manifest: Path,
    *,
    output: Path,
    command: str,
    root: Path | None = None,
    thresholds: ShortcutThresholds | None = None,
    per_group: int = PER_GROUP,
    seed: int = 0,
    overwrite: bool = False,
) -> ShortcutFindings:
    """Measure what tells the label besides the anatomy, and write the report.

    All pictures are judged together, and each set on its own where both of its classes have
    enough groups. Groups are found from the pictures unless every row brings its own; at most
    ``per_group`` pictures of each label are drawn from one. Rows without a label and blank
    pictures are left out.

    Raises
    ------
    ManifestError
        If no labeled row can be read.
    UsageError
        If a class has too few groups, or the report cannot be written where it should be.
    """
    check_output_folder(output, overwrite=overwrite)
    opened = open_collection(manifest, root)
    rows, folder = opened.rows, opened.root
    labeled = [row for row in rows if row.tumor is not None]
    if per_group < 1:
        raise UsageError(f"At least one picture of a group is needed; received {per_group}.")
    grouped = [row for row in ensure_groups(labeled, folder) if row.group_id != BLANK_GROUP]
    gathered = _gather(_draw(grouped, per_group, seed), folder)
    if not gathered.rows:
        raise ManifestError(
            f"{manifest}: {len(rows)} rows, {len(labeled)} of them with a label, but none of "
            "those has a readable image; finding shortcuts needs labeled images."
        )
    findings = ShortcutFindings(
        sections=_measure(_traces(gathered), _sets(gathered.rows), seed),
        thresholds=thresholds or ShortcutThresholds(),
        left_out=gathered.left_out,
        n_unlabeled=len(rows) - len(labeled),
    )
    title = f"Shortcuts in {manifest.stem}"
    write_shortcut_report(findings, output=output, command=command, title=title)
    return findings


def _measure(traces: Traces, sets: NDArray[np.str_], seed: int) -> dict[str, Section]:
    """Measure all pictures, and each set that has both classes."""
    sections = {ALL: Section.of(traces, measure_shortcuts(traces, seed=seed))}
    names = np.unique(sets)
    for name in names if len(names) > 1 else ():
        part = traces.without("source").take(sets == name)
        scarce = min(part.groups_of(0), part.groups_of(1))
        if scarce > 0:
            aurocs = measure_shortcuts(part, seed=seed) if scarce >= MIN_GROUPS else {}
            sections[str(name)] = Section.of(part, aurocs)
    return sections


def _gather(rows: Sequence[ManifestRow], root: Path) -> _Gathered:
    gathered = _Gathered()
    preprocessing = Preprocessing()
    for row in rows:
        try:
            scan = next(read_row_scans([row], root))
            canvas, _ = preprocessing.apply(scan.pixels, scan.spacing_mm)
            pixels = scan.pixels
            width, height = row.width or pixels.shape[1], row.height or pixels.shape[0]
            size = np.array([width, height, width / height], np.float32)
            n_bytes = np.array([(root / row.path).stat().st_size], np.float32)
        except (ImageError, ManifestError, OSError) as error:
            gathered.left_out[row.name] = str(error)
            continue
        gathered.add(row, {"size": size, "file": n_bytes, **picture_traces(pixels, canvas)})
    return gathered


def _draw(rows: Sequence[ManifestRow], per_group: int, seed: int) -> list[ManifestRow]:
    """Keep at most ``per_group`` rows of each label of a group, in the order they had."""
    order = np.random.default_rng(seed).permutation(len(rows)).tolist()
    taken: Counter[tuple[str | None, int | None]] = Counter()
    kept = []
    for index in order:
        cell = rows[index].group_id, rows[index].tumor
        taken[cell] += 1
        if taken[cell] <= per_group or rows[index].group_id == UNREADABLE_GROUP:
            kept.append(index)
    return [rows[index] for index in sorted(kept)]


def _traces(gathered: _Gathered) -> Traces:
    rows = gathered.rows
    features = {name: np.stack(one) for name, one in gathered.features.items()}
    suffixes = np.array([_suffix(row.path) for row in rows])
    features["file"] = np.hstack([features["file"], _one_hot(suffixes)])
    if len(np.unique(_sets(rows))) > 1:
        features["source"] = _one_hot(_sets(rows))
    return Traces(
        {name: features[name] for name in TRACES if name in features},
        np.array([row.tumor for row in rows]),
        np.array([row.group_id for row in rows]),
    )


def _suffix(path: str) -> str:
    """Return the type that the name tells; ``.nii.gz`` counts as one."""
    *_, before, last = ("", "", *Path(path.lower()).suffixes)
    return before + last if last == ".gz" else last


def _one_hot(names: NDArray[np.str_]) -> _Array:
    known: _Array = (names[:, None] == np.unique(names)[None, :]).astype(np.float32)
    return known


def _sets(rows: Sequence[ManifestRow]) -> NDArray[np.str_]:
    return np.array([row.set for row in rows])
