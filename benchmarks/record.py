"""Figures into ``docs/results/held_out.json``, each with what made it."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tumorscope.data.manifest import ManifestRow
from tumorscope.evaluation.intervals import Estimate
from tumorscope.recipes.provenance import content_sha256, run_record

HELD_OUT: Final = Path(__file__).parents[1] / "docs" / "results" / "held_out.json"
PRIVATE: Final = (
    "--root",
    "--weights",
    "--folder",
    "--answers",
    "--output",
    "--model",
    "--manifest",
)
"""Options whose paths are written as names: where somebody keeps files is no part of a figure."""


def command_line(module: str, arguments: Sequence[str] | None = None) -> str:
    """Return the command that runs, with the places of files replaced by names."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for at, word in enumerate(words[:-1]):
        if word in PRIVATE:
            words[at + 1] = Path(words[at + 1]).name if word != "--root" else "DATA"
    return shlex.join(["python", "-m", module, *words])


def record_figures(
    prefix: str,
    estimates: Mapping[str, Estimate],
    *,
    command: str,
    rows: Sequence[ManifestRow],
    model_sha256: str,
    path: Path = HELD_OUT,
) -> None:
    """Replace all figures whose name begins with a prefix by new ones.

    Parameters
    ----------
    prefix
        Such as ``peers/``.
    estimates
        By the rest of the name.
    rows
        What was measured, for the hash of the data.
    """
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    run = run_record(command, data_sha256=content_sha256(rows), model_sha256=model_sha256)
    kept = {name: one for name, one in content["figures"].items() if not name.startswith(prefix)}
    new = {f"{prefix}{name}": _entry(one) | run for name, one in estimates.items()}
    content["figures"] = kept | new
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _entry(one: Estimate) -> dict[str, Any]:
    values = one.to_dict()
    is_exact = {"exact": True} if one.method == "clopper-pearson" else {}
    return {
        "estimate": values["estimate"],
        "low": values["low"],
        "high": values["high"],
        "n": one.n_images,
        "groups": one.n_groups,
        **is_exact,
    }
