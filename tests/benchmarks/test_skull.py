"""The figures of the matched skull test."""

from __future__ import annotations

import math

import pytest
from benchmarks.bench_skull import figures


def answer(group: str, *, before: float, after: float, tumor: str = "1") -> dict[str, str]:
    return {
        "group_id": group,
        "tumor": tumor,
        "change": "taken away",
        "before": str(before),
        "after": str(after),
        "outcome_before": "tumor" if before > 0.5 else "no_tumor",
        "outcome_after": "tumor" if after > 0.5 else "no_tumor",
    }


def test_movement_counts_each_patient_once() -> None:
    still = [answer("a", before=0.9, after=0.9)] * 8
    moved = [answer(group, before=0.9, after=0.1) for group in ("b", "c")]
    found = figures([*still, *moved, answer("d", before=0.2, after=0.2, tumor="0")])
    movement = found["taken away/median movement"]
    assert movement.estimate == pytest.approx(0.4)
    assert (movement.n_images, movement.n_groups) == (11, 4)
    assert (movement.low, movement.high) == (0, pytest.approx(0.8))
    assert found["taken away/sensitivity before"].estimate == 1
    assert found["taken away/sensitivity after"].estimate == pytest.approx(0.8)


def test_an_interval_needs_three_patients() -> None:
    found = figures([answer("a", before=0.9, after=0.8), answer("b", before=0.9, after=0.6)])
    assert math.isnan(found["taken away/median movement"].low)
