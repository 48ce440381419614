import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks.simulate_readers import write_example

from tests.cli.conftest import Result
from tumorscope.labels import NOTICE

Run = Callable[..., Result]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    write_example(tmp_path / "example", readers=3, cases=40)
    return tmp_path / "example"


def exports(folder: Path) -> list[Path]:
    return sorted(folder.glob("reader-*.csv"))


def change(path: Path, edit: Callable[[dict[str, str]], None]) -> None:
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        edit(row)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_exports_of_readers_become_a_report(tumorscope: Run, example: Path, tmp_path: Path) -> None:
    report = tmp_path / "study"
    result = tumorscope(
        "readers", *exports(example), "--truth", example / "cases.csv", "--output", report
    )
    assert (result.code, result.err) == (0, "")
    assert "roc_auc: 0." in result.out
    found = json.loads((report / "readers.json").read_text(encoding="utf-8"))
    assert (found["cases"], found["tumors"]) == (40, 20)
    assert list(found["readers"]) == ["reader-1", "reader-2", "reader-3"]
    assert found["gain"]["roc_auc"]["estimate"] > 0
    assert found["provenance"]["machine"]
    for name in ("report.md", "report.html"):
        text = (report / name).read_text(encoding="utf-8")
        assert NOTICE in text
        assert "reader-2" in text
    assert "data:image/png;base64," in text
    assert (report / "readers.png").stat().st_size > 10_000


def test_a_case_that_one_reader_skipped_is_left_out_for_all(
    tumorscope: Run, example: Path, tmp_path: Path
) -> None:
    first = exports(example)[0]
    change(first, lambda row: row.update(reader_reading="") if "007" in row["source"] else None)
    truth, report = example / "cases.csv", tmp_path / "study"
    result = tumorscope("readers", *exports(example), "--truth", truth, "--output", report)
    assert result.code == 0
    found = json.loads((report / "readers.json").read_text(encoding="utf-8"))
    assert found["cases"] == 39
    assert found["left_out"] == {"reader-1": 1, "reader-2": 0, "reader-3": 0}


def test_help_that_changes_no_reading_has_no_interval(
    tumorscope: Run, example: Path, tmp_path: Path
) -> None:
    for path in exports(example):
        change(path, lambda row: row.update(reader_verdict="unsure"))
    report = tmp_path / "study"
    result = tumorscope(
        "readers", *exports(example), "--truth", example / "cases.csv", "--output", report
    )
    assert (result.code, result.err) == (0, "")
    assert "gain +0.000 [no interval]" in result.out
    text = (report / "report.md").read_text(encoding="utf-8")
    assert "0.000 [no interval]" in text
    assert "nan" not in text


@pytest.mark.parametrize(
    ("name", "edit", "reason"),
    [
        ("cases.csv", lambda row: row.update(tumor="yes"), "tumor must be 0 or 1; received 'yes'"),
        ("cases.csv", lambda row: row.update(source="same.png"), "same.png appears twice"),
        ("reader-1.csv", lambda row: row.update(reader_reading="maybe"), "'maybe' is not known"),
        ("reader-1.csv", lambda row: row.update(source="else.png"), "was read before"),
        (
            "reader-1.csv",
            lambda row: row.update(source=f"x{row['source']}"),
            "No case of the truth",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tumorscope: Run,
    example: Path,
    tmp_path: Path,
    name: str,
    edit: Callable[[dict[str, str]], None],
    reason: str,
) -> None:
    change(example / name, edit)
    truth, report = example / "cases.csv", tmp_path / "study"
    result = tumorscope("readers", *exports(example), "--truth", truth, "--output", report)
    assert result.code == 2
    assert reason in result.err
    assert not report.exists()


def test_one_reader_is_no_study(tumorscope: Run, example: Path, tmp_path: Path) -> None:
    truth = example / "cases.csv"
    one = exports(example)[0]
    result = tumorscope("readers", one, "--truth", truth, "--output", tmp_path / "study")
    assert result.code == 2
    assert "at least two readers" in result.err
