"""Runs side by side on a real Ray of this machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.batch.conftest import quiet
from tests.cli.conftest import QUICK_WORDS

pytest.importorskip("ray", reason="the extra [scale] is not installed")
pytest.importorskip("keras", reason="the extra [train] is not installed")

SCRIPT = """
import json, os, signal, sys
from pathlib import Path
from tumorscope.recipes.fold_run import FoldRun, outcome
from tumorscope.recipes.folds_on_ray import train_on_ray
from tumorscope.training.config import TrainConfig

def train(run):
    begun = run.folder / run.fold
    if run.fold == "dies" or run.fold == "dies once" and not begun.exists():
        begun.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return outcome(run, best={"threads": run.threads, "process": os.getpid()})

place = Path(sys.argv[1])
runs = [
    FoldRun(fold, place, "", place, place, "none", TrainConfig(), threads=1)
    for fold in ("dies", "dies once", "lives")
]
outcomes = list(train_on_ray(runs, address=None, train=train))
print(json.dumps([one.to_dict() for one in outcomes]))
"""


def run(command: list[object]) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=quiet())
    if "timed out during startup" in done.stderr:
        pytest.skip("the machine is too busy for Ray to start within its time")
    return done


@pytest.mark.slow
def test_run_whose_process_died_is_tried_again_and_others_go_on(tmp_path: Path) -> None:
    done = run(["-c", SCRIPT, tmp_path])
    assert done.returncode == 0, done.stderr
    outcomes = {one["fold"]: one for one in json.loads(done.stdout)}
    assert len(outcomes) == 3
    assert outcomes["dies"]["best"] is None
    assert outcomes["dies"]["error"].startswith("Ray failed: ")
    alive = [outcomes[fold]["best"] for fold in ("dies once", "lives")]
    assert [one["threads"] for one in alive] == [1, 1]
    assert len({one["process"] for one in alive}) == 2


@pytest.mark.slow
def test_runs_are_those_of_the_local_engine(folds: Path, tmp_path: Path) -> None:
    words = ["-m", "tumorscope", "train", "--folds", folds, "--root", folds.parent, "--threads", 1]
    bests = []
    for engine in ("local", "ray"):
        output = tmp_path / engine
        done = run([*words, "--engine", engine, "--output", output, *QUICK_WORDS])
        assert done.returncode == 0, done.stderr
        record = json.loads((output / "folds.json").read_text())
        bests.append({one["path"]: one["best"] for one in record["runs"]})
    assert bests[0] == bests[1]
    assert len(bests[0]) == 2


def test_dead_address_is_told_before_any_work(folds: Path, tmp_path: Path) -> None:
    output = tmp_path / "runs"
    words = ["-m", "tumorscope", "train", "--folds", folds, "--output", output, "--engine", "ray"]
    done = run([*words, "--address", "127.0.0.1:1"])
    assert done.returncode == 2
    assert "No Ray cluster answers at 127.0.0.1:1" in done.stderr
    assert not output.exists()
