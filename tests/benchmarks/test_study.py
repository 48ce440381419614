"""Sequences together against each alone, from the answers that bench_sources keeps."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the extra [train] is not installed")

from benchmarks import bench_sources, bench_study


def test_answers_as_bench_sources_keeps_them_give_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blind = {"FLAIR": 0, "T1+C": 1}
    answers = [
        dict.fromkeys(bench_sources.COLUMNS, "")
        | {
            "set": "one",
            "sequence": sequence,
            "path": f"one/{patient}_{sequence.replace('+', '')}_{place}.png",
            "unit": f"one/{patient}",
            "tumor": place % 2,
            "probability": 0.5 if patient == blind[sequence] else (0.1, 0.9)[place % 2],
        }
        for patient in range(8)
        for place in range(6)
        for sequence in blind
    ]
    path = tmp_path / "answers.csv"
    bench_sources._write(path, iter(answers))
    monkeypatch.setattr(sys, "argv", ["bench_study", "--answers", str(path)])
    bench_study.main()
    printed = capsys.readouterr().out
    assert printed.startswith("one, 48 places, 8 patients: FLAIR 0.992 ")
    assert "together less FLAIR 0.008 [0.000, " in printed
