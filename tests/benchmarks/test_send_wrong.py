"""The named cases and a few mutants: ten thousand take minutes."""

from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")

from benchmarks import send_wrong

pytestmark = [
    pytest.mark.slow,
    # What is sent is wrong on purpose, and pydicom says so.
    pytest.mark.filterwarnings("ignore:Invalid value for VR UI"),
    pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux"),
]


def test_what_is_wrong_has_its_status_and_the_node_lives(tmp_path: Path) -> None:
    account = send_wrong.run(tmp_path, first=0, mutants=24, threads=2)
    assert account["cases with another answer"] == []
    assert account["mutants with another status than reading gives"] == []
    assert sum(account["statuses"].values()) == 24
    assert account["held"], account
