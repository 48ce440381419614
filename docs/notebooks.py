"""Run the notebooks of ``docs/tutorials`` and write their outputs into them.

    python docs/notebooks.py [NAME...]            # runs them and rewrites their outputs
    python docs/notebooks.py --check [NAME...]    # writes nothing; exit code 1 where a cell fails

Each runs in an empty folder of its own, with the ``tumorscope`` of this Python first in the path.
What is written holds no times and no paths of the machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any, Final

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

FOLDER: Final = Path(__file__).parent / "tutorials"
SECONDS: Final = 1800
"""For one cell, on a machine that has other things to do."""

_OF_THE_MACHINE: Final = ("language_info", "widgets")


def run(path: Path) -> Any:
    """Return the notebook with the outputs of a run."""
    notebook = nbformat.read(path, as_version=4)
    scripts = sysconfig.get_path("scripts")
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"})
    for cell in notebook.cells:
        cell.metadata.clear()
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
        for output in cell.get("outputs", ()):
            if "image/png" in output.get("data", {}):
                output.data.pop("image/jpeg", None)  # PIL gives each picture in both formats
    for name in _OF_THE_MACHINE:
        notebook.metadata.pop(name, None)
    return notebook


def _joined(outputs: list[Any]) -> list[Any]:
    """Join pieces of a stream, whose borders are of that run."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def main() -> int:
    """Run them all, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="of files in docs/tutorials")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    paths = [FOLDER / name for name in options.names] or sorted(FOLDER.glob("*.ipynb"))
    failed = 0
    for path in paths:
        try:
            notebook = run(path)
        except CellExecutionError as error:
            failed += 1
            sys.stderr.write(f"{path.name}: {error}\n")
            continue
        if not options.check:
            text = nbformat.writes(notebook, indent=1)
            path.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
