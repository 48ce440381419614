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


ENDED_BY_CASES = """
import os, sys, time
from pathlib import Path
from benchmarks import fuzz_formats

def run_case(number, *_):
    if number == 2:
        return "FOUND: garbage"
    if number == 3:
        os._exit(7)
    while number == 5:
        pass
    if number == 6:
        time.sleep(600)
    return "read"

fuzz_formats.run_case, fuzz_formats.HANG_S, fuzz_formats.STILL_S = run_case, 0.05, 10
sys.exit(fuzz_formats.run(9, 300, Path(sys.argv[1]), {}))
"""


@pytest.mark.slow
def test_cases_that_end_or_stop_the_reader_are_found(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    done = subprocess.run(
        [sys.executable, "-c", ENDED_BY_CASES, str(state)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    account = json.loads(state.read_text())
    assert account["next"] == 9
    assert account["found"] == [
        [2, "FOUND: garbage"],
        [3, "FOUND: the reader ended with code 7"],
        [5, "FOUND: more than 0.05 s of processor time"],
        [6, "FOUND: 10 s without an end"],
    ]
