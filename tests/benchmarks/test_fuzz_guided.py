"""Coverage-guided runs of a few seconds: they begin with valid files, and find what is there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("atheris", reason="it exists for Linux on x86-64 and some Pythons alone")

ROOT = Path(__file__).parents[2]
SECONDS = 3
FINDS = """
import sys
from benchmarks import fuzz_guided

def broken(content):
    if b"[" in content:
        raise KeyError("found")

fuzz_guided.TARGETS["settings"] = broken
sys.argv[1:] = ["settings", "--seconds", "20", "--output", sys.argv[1]]
fuzz_guided.main()
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    # Linux hands the largest size that this process ever had on to the program that it becomes, and
    # libFuzzer would take it for its own; a shell in between, which forks, begins at nothing.
    return subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", sys.executable, "-W", "ignore", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")])},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=200,
        check=False,
    )


@pytest.mark.parametrize("target", ["scan", "artifact", "manifest", "audit", "readings"])
def test_a_few_seconds_find_nothing(tmp_path: Path, target: str) -> None:
    words = ("-m", "benchmarks.fuzz_guided", target, "--seconds", str(SECONDS))
    done = run(*words, "--output", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    assert "Done" in done.stderr
    assert len(list((tmp_path / target).iterdir())) > 1  # what reached new lines was kept


def test_another_exception_is_found_and_its_input_kept(tmp_path: Path) -> None:
    done = run("-c", FINDS, str(tmp_path))
    assert done.returncode != 0
    assert "KeyError: 'found'" in done.stdout + done.stderr
    (found,) = tmp_path.glob("settings-crash-*")
    assert b"[" in found.read_bytes()
