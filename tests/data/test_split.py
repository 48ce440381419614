from dataclasses import replace

import numpy as np
import pytest

from tumorscope.data.folds import make_folds
from tumorscope.data.manifest import ManifestRow
from tumorscope.data.split import (
    BLANK_GROUP,
    SplitPlan,
    check_split,
    patient_key,
    split_rows,
)
from tumorscope.errors import LeakError, ManifestError, UsageError


def _rows(count: int = 600, seed: int = 0) -> list[ManifestRow]:
    """Two sites and two labels in groups of one to twelve rows."""
    rng = np.random.default_rng(seed)
    rows: list[ManifestRow] = []
    while len(rows) < count:
        group, site, tumor = len(rows), f"s/{rng.integers(2)}", int(rng.integers(2))
        rows += [
            ManifestRow(set="s", path=f"{group}-{k}", tumor=tumor, site=site, group_id=f"g{group}")
            for k in range(rng.integers(1, 13))
        ]
    return rows


def _row(path: str, split=None, group: str | None = None, **known) -> ManifestRow:
    return ManifestRow(
        **{"set": "s", "path": path, "tumor": 0, "group_id": group or path, "split": split, **known}
    )


def test_no_group_is_cut_and_every_stratum_has_its_share():
    rows = split_rows(_rows())

    check_split(rows)
    for site in ("s/0", "s/1"):
        for tumor in (0, 1):
            sides = [row.split for row in rows if (row.site, row.tumor) == (site, tumor)]
            for side, fraction in (("train", 0.66), ("val", 0.1), ("calibration", 0.1)):
                assert sides.count(side) / len(sides) == pytest.approx(fraction, abs=0.04)


def test_the_seed_decides_and_the_order_of_the_rows_does_not():
    rows = _rows()
    sides = {row.path: row.split for row in split_rows(rows)}

    assert {row.path: row.split for row in split_rows(rows[::-1])} == sides
    assert {row.path: row.split for row in split_rows(rows, SplitPlan(seed=1))} != sides


def test_fractions_are_kept():
    rows = split_rows(_rows(), SplitPlan(fractions={"train": 0.5, "test": 0.5}))

    assert {row.split for row in rows} == {"train", "test"}
    assert sum(row.split == "train" for row in rows) == pytest.approx(len(rows) / 2, abs=12)


@pytest.mark.parametrize(
    "fractions", [{}, {"train": 0.9}, {"train": 1.2, "test": -0.2}, {"train": float("nan")}]
)
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(UsageError, match="sum to 1; received"):
        SplitPlan(fractions=fractions)


def test_one_large_group_goes_to_train():
    rows = split_rows([_row(str(k), group="one") for k in range(50)])

    assert {row.split for row in rows} == {"train"}


def test_a_held_out_site_is_external_and_what_it_shares_a_group_with_is_excluded():
    rows = [
        *_rows(),
        _row("x1", group="x", site="lgg/CS", set="lgg"),
        _row("x2", group="x", site="s/0"),
        _row("x3", group="y", site="lgg/CS", set="lgg"),
    ]

    split = {row.path: row.split for row in split_rows(rows, SplitPlan(hold_out=("lgg/CS",)))}

    assert (split["x1"], split["x2"], split["x3"]) == ("external", "excluded", "external")
    assert list(split.values()).count("external") == 2
    by_set = {row.path: row.split for row in split_rows(rows, SplitPlan(hold_out=("lgg",)))}
    assert by_set == split


def test_a_site_that_does_not_occur_is_named():
    with pytest.raises(UsageError, match=r"no site or set 'lgg/XX' .* available: s, s/0, s/1"):
        split_rows(_rows(), SplitPlan(hold_out=("lgg/XX",)))


def test_blank_pictures_are_excluded_even_at_a_held_out_site():
    rows = [_row("a", site="s/0"), _row("b", site="s/0", group=BLANK_GROUP), _row("c", site="t")]

    assert [row.split for row in split_rows(rows, SplitPlan(hold_out=("s/0",)))][:2] == [
        "external",
        "excluded",
    ]


def test_rows_without_a_label_are_split_too():
    rows = split_rows([_row(str(k), tumor=None) for k in range(100)])

    assert sum(row.split == "test" for row in rows) == pytest.approx(14, abs=2)


def test_ungrouped_rows_are_refused():
    with pytest.raises(ManifestError, match="1 rows have no group_id, the first is 'b'"):
        split_rows([_row("a"), ManifestRow(set="s", path="b", tumor=0)])


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"group": "shared"}, r"group shared \(train: a, test: b\)"),
        ({"patient_id": "p7"}, r"patient s/p7 \(train: a, test: b\)"),
        ({"sha256": "beef"}, r"file with SHA-256 beef \(train: a, test: b\)"),
    ],
)
def test_a_planted_leak_is_named(known, message):
    rows = [_row("a", "train", **known), _row("b", "test", **known), _row("c", "val")]

    with pytest.raises(LeakError, match=message):
        check_split(rows)


def test_a_planted_leak_in_a_good_split_is_found():
    rows = split_rows(_rows())
    position = next(k for k, row in enumerate(rows) if row.split == "train")
    moved = ManifestRow(
        set="s", path="new", tumor=0, group_id=rows[position].group_id, split="test"
    )

    with pytest.raises(LeakError, match="1 groups, patients or files"):
        check_split([*rows, moved])


def test_excluded_rows_stand_on_no_side():
    check_split([_row("a", "external", "g"), _row("b", "excluded", "g"), _row("c", "train")])


def test_a_check_of_nothing_is_refused():
    with pytest.raises(ManifestError, match="nothing to check"):
        check_split([_row("a")])


def test_a_person_with_two_identifiers_is_one():
    keys = {
        patient_key(_row("a", set="figshare", patient_id=name))
        for name in ("MR029209E", "MR029209G")
    }

    assert keys == {"figshare/MR029209"}


def test_folds_need_two_labeled_sources_and_no_other_hold_out():
    rows = [_row("a", set="s"), _row("b", set="photographs", tumor=None)]

    with pytest.raises(UsageError, match="Folds by source need at least two with labels; found s"):
        make_folds(rows, "source")
    with pytest.raises(UsageError, match="remove --hold-out"):
        make_folds(rows, "source", SplitPlan(hold_out=("s",)))


def test_unlabeled_sources_are_not_left_out_but_stay_in_the_folds():
    rows = [*_rows(60), _row("x", set="t", tumor=1), _row("b", set="photographs", tumor=None)]

    folds = make_folds(rows, "source")

    assert [fold.left_out for fold in folds] == ["s", "t"]
    assert all(len(fold.rows) == len(rows) for fold in folds)
    assert folds[1].counts()["external"] == {"tumor": 1, "no_tumor": 0}
    assert [fold.left_out for fold in make_folds(rows, "site")] == ["s/0", "s/1", "t"]
    assert make_folds(rows, "site")[0].file_name == "s-0.csv"


def test_a_fold_leaves_out_what_its_name_says_and_no_more():
    """A site may be called as a set: that of the rows whose institution is not known."""
    rows = [
        _row("a", set="s", site=None),
        _row("b", set="s", site="s/1"),
        _row("c", set="t", site="s"),
        _row("d", set="t", site="t/1"),
    ]
    by_site = {fold.left_out: fold for fold in make_folds(rows, "site")}
    by_set = {fold.left_out: fold for fold in make_folds(rows, "source")}

    def external(fold) -> list[str]:
        return [row.path for row in fold.rows if row.split == "external"]

    assert external(by_site["s"]) == ["a", "c"]
    assert external(by_set["s"]) == ["a", "b"]


def test_an_earlier_split_is_kept_and_only_new_groups_are_placed():
    rows = [replace(row, sha256=row.path) for row in _rows(900)]
    earlier = split_rows(rows[:600], SplitPlan(seed=3))
    known = {str(row.sha256): row.split for row in earlier if row.group_id != rows[600].group_id}

    later = split_rows(rows, SplitPlan(keep=known))

    check_split(later)
    assert {row.sha256: row.split for row in later if row.sha256 in known} == known
    sides = [row.split for row in later]
    assert sides.count("test") / len(sides) == pytest.approx(0.14, abs=0.04)


def test_a_group_that_joins_a_training_and_a_test_image_goes_to_train():
    rows = [_row("a", group="g", sha256="a"), _row("b", group="g", sha256="b")]

    later = split_rows(rows, SplitPlan(keep={"a": "test", "b": "train"}))

    assert [row.split for row in later] == ["train", "train"]


def test_what_was_external_never_becomes_training():
    rows = [replace(row, sha256=row.path) for row in _rows(200)]
    earlier = split_rows(rows, SplitPlan(hold_out=("s/0",)))
    known = {str(row.sha256): row.split for row in earlier if row.split is not None}

    later = split_rows([*rows, _row("new", sha256="new")], SplitPlan(keep=known))

    check_split(later)
    assert {row.sha256: row.split for row in later if row.sha256 in known} == known


def test_what_comes_to_a_group_that_was_external_is_excluded_unless_it_was_trained_on():
    new = [_row("a", group="g", sha256="a"), _row("b", group="g", sha256="b")]

    kept = split_rows([*new, _row("c")], SplitPlan(keep={"a": "external"}))
    trained = split_rows(new, SplitPlan(keep={"a": "external", "b": "train"}))

    assert [row.split for row in kept] == ["external", "excluded", "train"]
    assert [row.split for row in trained] == ["train", "train"]


def test_a_held_out_site_is_external_whatever_it_was():
    rows = [_row("a", sha256="a", site="far"), _row("b", sha256="b")]

    later = split_rows(rows, SplitPlan(hold_out=("far",), keep={"a": "train", "b": "test"}))

    assert [row.split for row in later] == ["external", "test"]
