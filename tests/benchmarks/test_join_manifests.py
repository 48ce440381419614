"""Several manifests as one."""

import sys
from pathlib import Path

import pytest
from benchmarks.join_manifests import main

from tumorscope.data.manifest import read_manifest


def _join(monkeypatch: pytest.MonkeyPatch, *texts: str, folder: Path) -> Path:
    output = folder / "all.csv"
    files = [folder / f"{number}.csv" for number in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text, encoding="utf-8-sig")
    monkeypatch.setattr(sys, "argv", ["join", *map(str, files), "--output", str(output)])
    main()
    return output


def test_rows_of_all_are_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    output = _join(
        monkeypatch,
        "path,tumor,set\na.png,1,one\n",
        "path;tumor;set;plane;slice_index\nv.nii;0;two;axial;3\nv.nii;0;two;coronal;3\n",
        folder=tmp_path,
    )
    for name in ("a.png", "v.nii"):
        (tmp_path / name).touch()
    rows = read_manifest(output, root=tmp_path)
    assert [(row.path, row.plane) for row in rows] == [
        ("a.png", None),
        ("v.nii", "axial"),
        ("v.nii", "coronal"),
    ]


def test_an_image_that_stands_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit, match=r"a\.png is in these manifests 2 times"):
        _join(monkeypatch, "path,tumor\na.png,1\n", "path,tumor\na.png,1\n", folder=tmp_path)
    assert not (tmp_path / "all.csv").exists()
