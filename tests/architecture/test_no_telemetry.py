"""Nothing is written to the user's home and nothing is sent, whatever the libraries would like."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREDICT = """
from tumorscope import load_model
from tumorscope.imaging.phantom import head_phantom
load_model().predict(head_phantom())
"""


def run(program: str, home: Path) -> None:
    left_out = ("CI", "ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME")
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    subprocess.run(
        [sys.executable, "-c", program], check=True, cwd=ROOT, env={**kept, "HOME": str(home)}
    )


@pytest.mark.skipif(sys.platform != "linux", reason="looks into a home as Linux has it")
def test_prediction_leaves_nothing_in_the_home(tmp_path: Path) -> None:
    run(PREDICT, tmp_path)
    assert [str(path) for path in tmp_path.rglob("*")] == []
