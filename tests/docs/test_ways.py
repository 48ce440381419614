"""The drawing of a series is that of the code; ``python docs/ways.py --check`` sees to both."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_way_of_a_series_is_drawn_as_it_is() -> None:
    command = [sys.executable, ROOT / "docs" / "ways.py", "--check", "--only", "series"]
    checked = subprocess.run(command, check=False, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
