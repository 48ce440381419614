"""The drawings of the two ways are those of the code; ``python docs/ways.py`` makes them anew."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("way", ["series", "training"])
def test_the_way_is_drawn_as_it_is(way: str) -> None:
    if way == "training":
        pytest.importorskip("keras", reason="the extra [train] is not installed")
    command = [sys.executable, ROOT / "docs" / "ways.py", "--check", "--only", way]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
