"""What the model inside the browser is held to is what Python says today.

The other half is ``web/src/local/vectors.test.ts``, which reads the same file.
"""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.contract.browser_vectors import vectors

WEB = Path(__file__).parents[2] / "web"
LOCAL = WEB / "src" / "local"


def test_the_vectors_are_those_of_this_python() -> None:
    stored = json.loads((LOCAL / "vectors.json").read_text())
    now = json.loads(json.dumps(vectors()))
    command = "run: python -m tests.contract.browser_vectors > web/src/local/vectors.json"
    for before, after in zip(stored.pop("canvases"), now.pop("canvases"), strict=True):
        one, other = (
            np.frombuffer(base64.b64decode(each.pop("canvas")), np.uint8).astype(int)
            for each in (before, after)
        )
        assert np.abs(one - other).max() <= 1, command  # another Pillow may round otherwise
        assert before["picture"] == after["picture"], command
        for name, value in after["geometry"].items():
            assert before["geometry"][name] == pytest.approx(value, abs=1e-9), command
    for before, after in zip(stored.pop("series"), now.pop("series"), strict=True):
        assert before["answer"].pop("probabilities") == pytest.approx(
            after["answer"].pop("probabilities"), abs=1e-9
        )
        assert before["answer"].pop("type_probabilities") == pytest.approx(
            after["answer"].pop("type_probabilities"), abs=1e-9
        )
        assert before == after, command
    assert stored == now, command


def test_no_constant_of_the_browser_is_out_of_date() -> None:
    made = subprocess.run(
        [sys.executable, WEB / "constants.py"], capture_output=True, text=True, check=True
    ).stdout
    assert (LOCAL / "constants.gen.ts").read_text() == made, (
        "run: python web/constants.py > web/src/local/constants.gen.ts"
    )
