"""Figures into ``docs/results/held_out.json``, each with what made it.

    python -m benchmarks.record
    python -m benchmarks.record --node runs/kill_node/account.json runs/send_wrong/account.json

The first names those of benchmarks of a model that another model than the embedded one made, or
that were written by hand: what is left to measure after a new default model and ``make figures``.
The second takes the counts and ratios of benchmarks of the node, which take an hour and more, and
replaces those of the same names: ``node/``, the folder of the account, and its keys.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tumorscope.data.manifest import ManifestRow
from tumorscope.evaluation.intervals import Estimate
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.provenance import content_sha256, run_record
from tumorscope.system.files import file_sha256

HELD_OUT: Final = Path(__file__).parents[1] / "docs" / "results" / "held_out.json"
PRIVATE: Final = (
    "--root",
    "--weights",
    "--folder",
    "--answers",
    "--features",
    "--output",
    "--model",
    "--manifest",
    "--dicom",
    "--pictures",
    "--report",
    "--start",
    "--cache",
)
"""Options whose paths are written as names: where somebody keeps files is no part of a figure."""

LEARNED: Final = ("train", "val", "calibration")
"""Splits that a model is made with, its epoch and its thresholds included."""

OF_MODEL: Final = (
    "evidence/",
    "input_check/",
    "monitor/",
    "not_brain/",
    "patients/",
    "peers/",
    "robustness/",
    "series/",
    "static_page/parity-default/",
    "unseen/",
    "visibility/",
)
"""Beginnings of the figures that are the default model's; others are of models made for them."""


def main() -> None:
    """Print the names of figures that are not of the embedded model."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", type=Path, help="instead of the embedded one")
    parser.add_argument("--node", type=Path, nargs="+", metavar="ACCOUNT", help="record these")
    if accounts := parser.parse_args().node:
        record_node(accounts)
        return
    model = load_model(parser.parse_args().model)
    names = figures_of_others(model.identity.sha256)
    for name in names:
        print(name)
    print(f"{len(names)} figures are not of the model {model.identity.sha256[:8]}")


def figures_of_others(model_sha256: str, path: Path | None = None) -> list[str]:
    """Return the names of a default model's figures that this model did not make."""
    figures: dict[str, Any] = json.loads((path or HELD_OUT).read_text(encoding="utf-8"))["figures"]
    return [
        name
        for name, one in figures.items()
        if name.startswith(OF_MODEL) and one.get("model_sha256") != model_sha256
    ]


def learned_sets(model: Classifier) -> set[str]:
    """Return the data sets that any part of the model was made with."""
    data = model.manifest.card.get("training", {}).get("data", {})
    return {name for split in LEARNED for name in data.get(split, {}).get("sets", {})}


def check_training(rows: Sequence[ManifestRow], model: Classifier) -> None:
    """Refuse a manifest whose train split is not what the model learned from.

    A picture of its other splits might then be one that the model has seen.

    Parameters
    ----------
    rows
        All of the manifest.
    """
    data = model.manifest.card.get("training", {}).get("data", {})
    known = data.get("train", {}).get("sha256")
    given = content_sha256([row for row in rows if row.split == "train"])
    if known != given:
        named = f"has the hash {known[:8]}" if known else "is not named in its card"
        raise SystemExit(
            f"The train split of the manifest has the hash {given[:8]}; what the model "
            f"{model.identity.sha256[:8]} learned from {named}. Give the manifest that it was "
            "trained with: else what it learned from might be measured."
        )


def command_line(module: str, arguments: Sequence[str] | None = None) -> str:
    """Return the command that runs, with the places of files replaced by names."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for at, word in enumerate(words[:-1]):
        if word in PRIVATE:
            words[at + 1] = Path(words[at + 1]).name if word != "--root" else "DATA"
    return shlex.join(["python", "-m", module, *words])


def run_of_node(module: str, maker: str) -> dict[str, Any]:
    """Return what made the account of a benchmark of the node; its scans are made by a module."""
    return run_record(command_line(module), data_sha256=file_sha256(Path(maker)))


def record_node(accounts: Sequence[Path], path: Path | None = None) -> None:
    """Replace figures of the node by the numbers of accounts, as their benchmarks wrote them."""
    path = path or HELD_OUT
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for account in accounts:
        said = json.loads(account.read_text(encoding="utf-8"))
        if not said.pop("held", True):
            raise SystemExit(f"{account} says that a bound was broken; nothing is recorded.")
        run = said.pop("run")
        for name, number in _numbers(f"node/{account.parent.name}", said):
            plain = dict.fromkeys(("low", "high", "n", "groups"))
            content["figures"][name] = {"estimate": number, **plain, **run}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _numbers(name: str, said: Any) -> Iterator[tuple[str, float]]:
    if isinstance(said, dict):
        for key, value in said.items():
            yield from _numbers(f"{name}/{key}", value)
    elif isinstance(said, int | float) and not isinstance(said, bool):
        yield name, said


def record_figures(
    prefix: str,
    estimates: Mapping[str, Estimate],
    *,
    command: str,
    rows: Sequence[ManifestRow],
    model_sha256: str | None,
    path: Path | None = None,
) -> None:
    """Replace all figures whose name begins with a prefix by new ones.

    What is undefined, as an AUROC of one class, is left out.

    Parameters
    ----------
    prefix
        Such as ``peers/``.
    estimates
        By the rest of the name.
    rows
        What was measured, for the hash of the data.
    model_sha256
        ``None`` for what is of several models.
    path
        File, by default that of the documents.
    """
    run = run_record(command, data_sha256=content_sha256(rows), model_sha256=model_sha256)
    known = {name: one for name, one in estimates.items() if math.isfinite(one.estimate)}
    _replace(prefix, {name: _entry(one) | run for name, one in known.items()}, path)


def record_numbers(
    prefix: str,
    numbers: Mapping[str, float],
    *,
    command: str,
    data_sha256: str,
    model_sha256: str,
    path: Path | None = None,
) -> None:
    """Replace figures as :func:`record_figures` does, by numbers without an interval."""
    run = run_record(command, data_sha256=data_sha256, model_sha256=model_sha256)
    plain = dict.fromkeys(("low", "high", "n", "groups"))
    entries = {name: {"estimate": one, **plain, **run} for name, one in numbers.items()}
    _replace(prefix, entries, path)


def _replace(prefix: str, entries: Mapping[str, dict[str, Any]], path: Path | None) -> None:
    path = path or HELD_OUT
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    kept = {name: one for name, one in content["figures"].items() if not name.startswith(prefix)}
    content["figures"] = kept | {f"{prefix}{name}": one for name, one in entries.items()}
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


if __name__ == "__main__":
    main()
