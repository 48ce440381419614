from pathlib import Path

import numpy as np
import pytest

from tumorscope.data.inventory import (
    INVENTORY_COLUMNS,
    ISSUES,
    InventoryThresholds,
    count_findings,
    take_inventory,
)
from tumorscope.data.manifest import ManifestRow


def _look(path: str, root: Path, **thresholds):
    row = ManifestRow(set="s", path=path, tumor=1)
    (finding,) = take_inventory([row], root, thresholds=InventoryThresholds(**thresholds))
    return finding


def _issues(finding) -> set[str]:
    return {issue for issue in ISSUES if finding[f"is_{issue}_issue"]}


def test_an_ordinary_picture_has_its_facts_and_no_issue(save, make_picture, tmp_path: Path):
    finding = _look(save("a.jpg", make_picture(0)), tmp_path)

    assert tuple(finding) == INVENTORY_COLUMNS
    assert (finding["format"], finding["rows"], finding["bit_depth"]) == ("JPEG", 128, 8)
    assert _issues(finding) == set()
    assert finding["error"] is None


@pytest.mark.parametrize(
    ("change", "issue"),
    [
        (np.zeros_like, "blank"),
        (lambda picture: np.uint8(100 + picture // 20), "low_contrast"),
        (lambda picture: picture[:40], "odd_aspect"),
        (lambda picture: np.uint8(np.clip(picture * 3.0, 0, 255)), "clipped"),
    ],
    ids=["black", "faint", "strip", "saturated"],
)
def test_an_issue_is_found(save, make_picture, tmp_path: Path, change, issue):
    assert issue in _issues(_look(save("a.png", change(make_picture(0))), tmp_path))


def test_sixteen_bits_are_told(save, make_picture, tmp_path: Path):
    finding = _look(save("a.png", np.uint16(make_picture(0)) * 200), tmp_path)

    assert finding["bit_depth"] == 16
    assert "low_contrast" not in _issues(finding)


@pytest.mark.parametrize("content", [b"", b"no picture", None], ids=["empty", "text", "missing"])
def test_what_cannot_be_read_is_a_finding(tmp_path: Path, content):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)

    finding = _look("a.png", tmp_path)

    assert _issues(finding) == {"unreadable"}
    assert finding["error"]
    assert finding["blank_score"] is None


def test_a_threshold_moves_the_verdict_and_not_the_score(save, make_picture, tmp_path: Path):
    path = save("a.png", make_picture(0)[20:110])
    loose, strict = _look(path, tmp_path), _look(path, tmp_path, odd_aspect=0.9)

    assert loose["odd_aspect_score"] == strict["odd_aspect_score"] == round(90 / 128, 4)
    assert (loose["is_odd_aspect_issue"], strict["is_odd_aspect_issue"]) == (False, True)


def test_counts(save, make_picture, tmp_path: Path):
    findings = [_look(save("a.png", make_picture(0)), tmp_path), _look("gone.png", tmp_path)]

    counts = count_findings(findings)

    assert counts["set"] == {"s": 2}
    assert counts["format"] == {"PNG": 1, "(unknown)": 1}
    assert counts["issue"]["unreadable"] == 1
