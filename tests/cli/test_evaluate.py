"""One real evaluation, from files to the report."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Result

pytest.importorskip("sklearn", reason="the extra [train] is not installed")


@pytest.fixture
def study(tmp_path: Path, make_head: Callable[..., np.ndarray]) -> Path:
    """Sixteen heads of two sites, with masks; rows of test have no broken file but one."""
    lines = ["set,site,path,tumor,sequence,mask,patient_id,group_id,split"]
    for index in range(16):
        tumor = index % 2
        head = make_head((96, 96), blob=(40, 52) if tumor else None, seed=index)
        Image.fromarray(head).save(tmp_path / f"{index}.png")
        mask = ""
        if tumor:
            mask = f"mask{index}.png"
            side = 1 if index == 15 else 12  # one sliver
            marked = np.zeros((96, 96), np.uint8)
            marked[40 : 40 + side, 46 : 46 + side] = 255
            Image.fromarray(marked).save(tmp_path / mask)
        split = "train" if index < 4 else "test"
        site = f"made/{'AB'[index % 4 // 2]}"
        lines.append(f"made,{site},{index}.png,{tumor},FLAIR,{mask},p{index},g{index},{split}")
    (tmp_path / "14.png").write_bytes(b"")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_rows_are_measured_and_the_unreadable_one_is_named(
    tumorscope: Callable[..., Result], study: Path, tiny_artifact_path: Path, tmp_path: Path
) -> None:
    output = tmp_path / "report"
    words = ("evaluate", "--model", tiny_artifact_path, "--manifest", study, "--output", output)
    result = tumorscope(*words)
    assert result.code == 1
    assert "14.png: The file is empty (0 bytes)." in result.err
    assert "Traceback" not in result.err
    metrics: dict[str, Any] = json.loads((output / "metrics.json").read_text())
    assert metrics["left_out"] == {"14.png": "The file is empty (0 bytes)."}
    assert (metrics["n_images"], metrics["n_tumor"], metrics["n_groups"]) == (11, 6, 11)
    sections = metrics["sections"]
    assert list(sections["by_site_and_sequence"]) == ["made/A, FLAIR", "made/B, FLAIR"]
    assert list(sections["without_slivers"]) == ["made, all", "made, without slivers"]
    counts = [one["sensitivity"]["n_images"] for one in sections["without_slivers"].values()]
    assert counts == [6, 5]
    assert len(sections["controls"]) == 5
    page = (output / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(list(output.glob("*.png")))
    assert "could not be read" in page
    assert tumorscope(*words).code == 2  # the report is there and stays
