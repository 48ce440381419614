"""Kinds of tumors that are held out in turn; the trainings take an hour."""

import pytest

pytest.importorskip("tensorflow", reason="the extra [train] is not installed")

from benchmarks.bench_kinds import deal, figures, without

from tumorscope.data.manifest import ManifestRow
from tumorscope.labels import Split


def row(name: str, group: str, kind: str | None, split: Split = "train") -> ManifestRow:
    tumor = None if kind is None else 1
    return ManifestRow(
        set="s", path=name, tumor=tumor, type=kind, group_id=group, split=split, sequence="T2"
    )


ROWS = [
    row("a", "1", "glioma"),
    row("b", "1", "schwannoma", "calibration"),
    row("c", "2", "glioma", "test"),
    row("d", "2", None, "val"),
    row("e", "3", "meningioma"),
]


def test_every_kind_is_in_one_fold_and_the_largest_are_apart() -> None:
    rows = [*ROWS, row("f", "4", "meningioma"), row("g", "5", "glioma")]
    assert deal(rows, 2) == [["glioma", "schwannoma"], ["meningioma"]]
    assert deal(ROWS[:1], 4) == [["glioma"]]


def test_a_group_that_holds_the_kind_is_not_learned_from() -> None:
    held_out = [one for one in ROWS if one.type == "glioma"]
    splits = {one.path: one.split for one in without(ROWS, held_out)}
    assert splits == {"a": "external", "b": "external", "c": "test", "d": "external", "e": "train"}


def test_shares_are_of_each_kind_and_sequence_and_of_all() -> None:
    given = [(ROWS[0], "tumor"), (ROWS[2], "abstain"), (ROWS[4], "tumor")]
    found = figures(given)
    assert found["glioma/tumor"].estimate == 0.5
    assert (found["glioma/tumor"].n_images, found["glioma/tumor"].n_groups) == (2, 2)
    assert found["meningioma/no_tumor"].estimate == 0
    assert found["all kinds/tumor"].estimate == pytest.approx(2 / 3)
    assert found["all kinds/T2/tumor"] == found["all kinds/tumor"]
