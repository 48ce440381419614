"""Series among the rows of a manifest: whole ones with a tumor, runs without one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tumorscope.data.manifest import ManifestRow
from tumorscope.imaging.inputs.sources import natural_key

FEWEST_SLICES: Final = 5
"""Fewer are rather a corner of a head than a series."""


@dataclass(frozen=True, slots=True)
class LabeledSeries:
    """Slices of one patient and sequence that are answered together.

    Attributes
    ----------
    patient
        Set and patient, the unit of independence.
    sequence
        As in the manifest, or ``unknown``.
    tumor
        1 where a slice shows a tumor, 0 where none does.
    rows
        At least :data:`FEWEST_SLICES`, in the order of their position.
    """

    patient: str
    sequence: str
    tumor: int
    rows: tuple[ManifestRow, ...]


def find_series(rows: Sequence[ManifestRow]) -> Iterator[LabeledSeries]:
    """Yield the series among labeled rows of known patients.

    All slices of a patient, sequence and plane are a series with a tumor, if one is marked in it;
    each unbroken run of tumor-free slices is one without. Both come from the same heads, so that
    only the tumor tells them apart. Patients of whom nothing but tumor slices is there have no
    series: they are single pictures.
    """
    for stack in _stacks(rows):
        first = stack[0]
        patient, sequence = f"{first.set}/{first.patient_id}", first.sequence or "unknown"
        if any(row.tumor == 1 for row in stack):
            yield LabeledSeries(patient, sequence, 1, tuple(stack))
        for tumor, members in itertools.groupby(stack, lambda row: row.tumor):
            run = tuple(members)
            if tumor == 0 and len(run) >= FEWEST_SLICES:
                yield LabeledSeries(patient, sequence, 0, run)


def _stacks(rows: Sequence[ManifestRow]) -> Iterator[list[ManifestRow]]:
    known = [row for row in rows if row.tumor is not None and row.patient_id is not None]
    ordered = sorted(
        known, key=lambda row: (_key(row), natural_key(row.path), row.slice_index or 0)
    )
    for _, members in itertools.groupby(ordered, _key):
        stack = list(members)
        if len(stack) >= FEWEST_SLICES and any(row.tumor == 0 for row in stack):
            yield stack


def _key(row: ManifestRow) -> tuple[str, ...]:
    return (row.set, row.patient_id or "", row.sequence or "", row.plane or "")
