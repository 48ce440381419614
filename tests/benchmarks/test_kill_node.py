"""A few kills: the whole measurement takes a quarter of an hour."""

import argparse
import os
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")

from benchmarks import kill_node

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="kills by a signal"),
]


def options(folder: Path, **changes: object) -> argparse.Namespace:
    known = {
        "kills": 3,
        "instances": 20,
        "senders": 2,
        "seconds": 600.0,
        "seed": 1,
        "model": None,
        "life": 4,
        "series_after": 2.0,
        "results": kill_node.KINDS,
    }
    return argparse.Namespace(**known, output=folder, **changes)


@pytest.mark.slow
def test_killed_and_gone_on_nothing_is_lost_and_nothing_comes_twice(tmp_path: Path) -> None:
    first = options(tmp_path, trials="killed")
    first.kills = 2
    assert kill_node.run(first)["held"]
    account = kill_node.run(options(tmp_path, trials="killed"))["killed"]
    assert account["kills"] == 3
    assert account["acknowledged"] == 20
    assert account["results missing"] == 0
    assert account["held"]


@pytest.mark.slow
def test_full_disk_is_a_status(tmp_path: Path) -> None:
    account = kill_node.run(options(tmp_path, trials="full disk"))["full disk"]
    if "skipped" in account:
        pytest.skip(account["skipped"])
    assert account["statuses while full"]["A700"] > 0
    assert account["held"], account
