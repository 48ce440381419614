from dataclasses import replace

from tumorscope.data.manifest import ManifestRow
from tumorscope.recipes.cells import cell_of, most_of_cell, sample_cells


def rows(name: str, groups: int, each: int, *, tumor: int = 1) -> list[ManifestRow]:
    return [
        ManifestRow(name, f"{name}-{tumor}-{group}-{n}.png", tumor, group_id=f"{name}{group}")
        for group in range(groups)
        for n in range(each)
    ]


def test_each_cell_gives_as_many_and_a_small_one_all() -> None:
    large, small, free = rows("large", 20, 10), rows("small", 2, 3), rows("large", 20, 10, tumor=0)
    taken = sample_cells([*large, *small, *free], 30, seed=0)
    assert [sum(row in taken for row in part) for part in (large, small, free)] == [30, 6, 30]


def test_rows_are_spread_over_the_groups() -> None:
    many = rows("one", 1, 500) + rows("two", 1, 2)
    same_set = [replace(row, set="a") for row in many]
    groups = [row.group_id for row in sample_cells(same_set, 4, seed=0)]
    assert sorted(groups) == ["one0", "one0", "two0", "two0"]


def test_a_row_is_taken_whatever_other_cells_there_are() -> None:
    alone = sample_cells(rows("a", 9, 9), 5, seed=1)
    assert sample_cells([*rows("b", 9, 9), *rows("a", 9, 9)], 5, seed=1)[-5:] == alone
    assert sample_cells(rows("a", 9, 9), 5, seed=2) != alone


def test_sequence_and_plane_make_a_cell() -> None:
    (row,) = rows("a", 1, 1)
    cells = {
        cell_of(row),
        cell_of(replace(row, sequence="T1")),
        cell_of(replace(row, plane="axial")),
    }
    assert len(cells) == 3


def test_unlabeled_rows_are_left_out_and_zero_takes_all() -> None:
    unlabeled = [replace(row, tumor=None) for row in rows("a", 2, 2)]
    assert sample_cells(unlabeled, 3, seed=0) == []
    assert sample_cells(unlabeled, 0, seed=0) == unlabeled
    assert most_of_cell(0, "val") == 0
    assert 0 < most_of_cell(100, "calibration") < most_of_cell(100, "train") == 100
