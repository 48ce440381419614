"""Write the lock files: exact versions with hashes, for all platforms, no registry named.

python deploy/supply/lock.py          (make locks)
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
EXTRAS: Final = {
    "runtime": (),
    "dicom": ("dicom",),
    "dev": ("train", "data", "dicom", "dev"),
}
TOOLS: Final = {
    "build": "hatchling>=1.27\nbuild>=1.2\n",
    "audit": "pip-audit>=2.9\nbandit>=1.8\ncyclonedx-bom>=7\n",
}


def main() -> None:
    """Resolve each set and replace its file."""
    for name, extras in EXTRAS.items():
        _lock(name, "pyproject.toml", *(word for one in extras for word in ("--extra", one)))
    for name, wanted in TOOLS.items():
        _lock(name, "-", content=wanted)


def _lock(name: str, *words: str, content: str = "") -> None:
    output = ROOT / "deploy" / "locks" / f"{name}.txt"
    options = ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate"]
    options += ["--no-emit-index-url", "--no-header", "--quiet", "--output-file", str(output)]
    command = [sys.executable, "-m", "uv", "pip", "compile", *words, *options]
    subprocess.run(command, input=content, text=True, cwd=ROOT, check=True)
    print(output.relative_to(ROOT))


if __name__ == "__main__":
    main()
