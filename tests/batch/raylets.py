"""A cluster of two raylets in a process of its own, so that Ray's warnings are not the caller's."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from tests.batch.conftest import quiet

ROOT = Path(__file__).parents[2]
START_S = 120
DONE = {"kill": "killed", "add": "added"}


class TwoRaylets:
    """The cluster, until it is stopped.

    Parameters
    ----------
    log
        Where it writes what goes wrong.
    """

    def __init__(self, log: int | IO[str] = subprocess.DEVNULL) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.batch.two_raylets"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=quiet() | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        )
        self.address = self._line()

    def ask(self, word: str) -> None:
        """Have the second raylet killed, with all that runs on it, or added anew."""
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        assert self._line() == DONE[word]

    def stop(self) -> None:
        """Stop it and close the pipes."""
        self._process.communicate(timeout=START_S)

    def _line(self) -> str:
        return self._process.stdout.readline().strip()
