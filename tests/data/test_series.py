from typing import Any

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.series import LabeledSeries, find_series


def rows_of(labels: str, **known: Any) -> list[ManifestRow]:
    """A row for each letter: 1 tumor, 0 no tumor, ? not known."""
    values: dict[str, Any] = {"set": "s", "patient_id": "a", "sequence": "T1"} | known
    return [
        ManifestRow(path=f"a_{number}.png", tumor=None if label == "?" else int(label), **values)
        for number, label in enumerate(labels, start=1)
    ]


def summary(rows: list[ManifestRow]) -> list[tuple[int, list[str]]]:
    return [(one.tumor, [row.path[2:-4] for row in one.rows]) for one in find_series(rows)]


def test_a_series_with_a_tumor_is_all_slices_and_runs_without_are_series() -> None:
    found = summary(rows_of("00000110000000"))
    assert found[0] == (1, [str(number) for number in range(1, 15)])
    assert found[1] == (0, ["1", "2", "3", "4", "5"])
    assert found[2] == (0, ["8", "9", "10", "11", "12", "13", "14"])


def test_slices_go_by_number_and_not_by_letter() -> None:
    rows = rows_of("000000000000")
    assert summary(rows[::-1]) == summary(rows)
    assert summary(rows)[0][1][9:] == ["10", "11", "12"]


def test_short_runs_and_patients_with_tumor_slices_alone_are_left_out() -> None:
    assert summary(rows_of("0000")) == []
    assert summary(rows_of("111111")) == []
    assert [tumor for tumor, _ in summary(rows_of("000010000"))] == [1]


def test_slices_without_label_or_patient_are_left_out() -> None:
    assert summary(rows_of("0000?0"))[0][1] == ["1", "2", "3", "4", "6"]
    assert summary(rows_of("00000", patient_id=None)) == []


def test_patients_sequences_and_planes_are_kept_apart() -> None:
    several = [
        *rows_of("00000"),
        *rows_of("00000", sequence="FLAIR"),
        *rows_of("00000", patient_id="b", sequence=None),
    ]
    found = list(find_series(several))
    assert {(one.patient, one.sequence) for one in found} == {
        ("s/a", "T1"),
        ("s/a", "FLAIR"),
        ("s/b", "unknown"),
    }
    volume = [
        ManifestRow("s", "a.nii", 0, slice_index=index, plane=plane, patient_id="a")
        for index in range(12)
        for plane in ("axial", "coronal")
    ]
    cut: list[LabeledSeries] = list(find_series(volume))
    assert [[row.slice_index for row in one.rows] for one in cut] == [list(range(12))] * 2
