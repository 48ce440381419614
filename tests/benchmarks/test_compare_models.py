import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks.compare_models import main, read_both

from tumorscope.labels import TUMOR_TYPES

OF_TYPES = [0.8, *(0.2 / (len(TUMOR_TYPES) - 1) for _ in TUMOR_TYPES[1:])]


def report(folder: Path, scores: np.ndarray, *, sha256: str, groups: str = "") -> Path:
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps({"provenance": {"model_sha256": sha256}}))
    with (folder / "predictions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        types = [f"probability_{name}" for name in TUMOR_TYPES]
        names = ("source", "slice_index", "plane", "set", "group_id", "tumor", "type")
        writer.writerow([*names, "probability_tumor", *types])
        for at, score in enumerate(scores):
            tumor = at % 2
            row = [f"{at}.png", "", "axial", "made", f"{groups}{at // 4}", tumor]
            writer.writerow([*row, "glioma" if tumor else "", score, *OF_TYPES])
    return folder


def call(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["compare_models", *map(str, folders)])
    main()


def test_differences_of_two_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    right = np.tile([0.1, 0.9], 40)
    one = report(tmp_path / "one", right, sha256="a" * 64)
    other = report(tmp_path / "other", np.where(np.arange(80) < 20, 1 - right, right), sha256="b")
    call(monkeypatch, one, other)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "80 images; one: aaaaaaaa, other: b"
    (auc,) = (line for line in lines if line.startswith("| all | AUROC"))
    cells = auc.split("|")
    assert cells[4].split()[0] == "1.000"
    assert float(cells[6].split()[0]) > 0.2


def test_reports_that_cannot_be_compared(tmp_path: Path) -> None:
    one = report(tmp_path / "one", np.zeros(8), sha256="a")
    other = report(tmp_path / "other", np.zeros(8), sha256="b", groups="x")
    with pytest.raises(SystemExit, match=r"differ in what they say of 0\.png"):
        read_both(one, other)
    none = report(tmp_path / "none", np.zeros(0), sha256="c")
    with pytest.raises(SystemExit, match="no scan in common"):
        read_both(one, none)
