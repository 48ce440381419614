"""A minute of the fuzzer of formats; docs/reference/formats.md has the whole of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 60


@pytest.mark.slow
def test_a_minute_of_damaged_files_finds_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-W", "ignore", "-m", "benchmarks.fuzz_formats"),
            *("--count", "1000000", "--seconds", str(SECONDS), "--output", str(tmp_path)),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
        capture_output=True,
        text=True,
        timeout=10 * SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "state.json").read_text())["next"] >= 500
