"""The benchmark of the static page compares the right answers and takes all kinds of scans."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

bench = pytest.importorskip("benchmarks.bench_static", reason="playwright is not installed")


def answer(source: str, tumor: float | None, index: int | None = None) -> dict[str, Any]:
    return {
        "source": source,
        "slice_index": index,
        "outcome": "rejected" if tumor is None else "tumor" if tumor >= 0.5 else "no_tumor",
        "probabilities": None if tumor is None else {"tumor": tumor, "no_tumor": 1 - tumor},
    }


def test_answers_are_compared_by_file_and_slice() -> None:
    ours = [answer("x/a.png", 0.9), answer("x/b.nii", 0.6, 0), answer("x/b.nii", None, 1)]
    ours += [answer("x/c.png", 0.2)]
    theirs = [answer("z.zip/b.nii", 0.45, 0), answer("z.zip/a.png", 0.9)]
    theirs += [answer("z.zip/b.nii", None, 1), answer("z.zip/d.png", 0.1)]
    values, report = bench.compare(theirs, ours)
    assert values["scans"] == 3
    assert values["outcome_equal"] == pytest.approx(2 / 3)
    assert values["difference_most"] == pytest.approx(0.15)
    assert (values["only_python"], values["only_page"]) == (1, 1)
    assert report[0] == {"outcome": [("b.nii", 0)], "missing": [("c.png", None)]}


def test_targets_say_whether_they_are_met() -> None:
    assert bench.TARGETS["first_s"].judge(3.1).endswith("(<= 3, MISSED)")
    assert bench.TARGETS["lite_outcome_equal"].judge(0.996).endswith("(>= 0.995, met)")


def test_scans_are_of_all_sets_and_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "FOLDER", tmp_path / "scans")
    bench.FOLDER.mkdir()
    names = [f"{one}/{number}.jpg" for one in ("first", "second") for number in range(9)]
    names.append("volumes/one.nii.gz")
    lines = [f"{name.partition('/')[0]},{name}" for name in names]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    voxels = np.arange(20 * 20 * 30, dtype=np.int16).reshape(20, 20, 30)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), tmp_path / "volumes" / "one.nii.gz")
    (tmp_path / "manifest.csv").write_text("\n".join(["set,path", *lines]) + "\n")
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "one.dcm").write_bytes(b"")
    found = bench.collect([tmp_path / "manifest.csv"], tmp_path, tmp_path / "dicom", 8)
    assert [one.name for one in found[:2]] == ["volumes-one.nii", "dicom-one.dcm"]
    assert nibabel.load(found[0]).shape == (20, 20, bench.VOLUME_SLICES)
    assert sum("-first-" in one.name for one in found) == 3
    assert sum("-second-" in one.name for one in found) == 3
