"""The matched skull test: what moves when nothing but the skull changes.

    python -m benchmarks.bench_skull --manifest split.csv --root DATA --output skull.csv

Each scan of a split is answered as it is and once more without its skull or, if it has none, with
one painted around the brain. Prints, by data set and sequence, the median movement of the
probability with its interval over groups, and what was called a tumor or rejected before and after.
Answers are kept in the file, so that the table can be made again without the scans. With
``--record`` the figures of ``skull/`` in ``docs/results/held_out.json`` are replaced: for each
change, of all scans, the median movement, and of tumors the shares called before and after.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.record import check_training, command_line, record_figures
from numpy.typing import NDArray
from scipy.stats import bootstrap

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import RESAMPLES, Estimate, bootstrap_share
from tumorscope.imaging.skull import paint_skull, strip_skull
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.cells import sample_cells
from tumorscope.recipes.model_inputs import SkippedRow, load_rows

COLUMNS: Final = (
    *("set", "sequence", "group_id", "path", "tumor", "change"),
    *("before", "after", "outcome_before", "outcome_after"),
)
FEWEST_GROUPS: Final = 3
"""With fewer no interval is given."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", nargs="+", default=["test"])
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--most", type=int, default=20, help="of a source, sequence and class")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    model = load_model(options.model)
    rows = read_manifest(options.manifest, root=options.root)
    if options.record:
        check_training(rows, model)
    rows = [
        row
        for row in rows
        if row.split in options.split and (not options.sets or row.set in options.sets)
    ]
    rows = sample_cells(rows, options.most, seed=0)
    if not options.output.exists():
        answers = list(_answers(rows, options.root, model))
        with options.output.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(answers)
    answers = list(csv.DictReader(options.output.open(encoding="utf-8")))
    _print(answers)
    if options.record:
        record_figures(
            "skull/",
            figures(answers),
            command=command_line("benchmarks.bench_skull"),
            rows=rows,
            model_sha256=model.identity.sha256,
        )


def figures(answers: Sequence[dict[str, str]]) -> dict[str, Estimate]:
    """Return the median movement by change, and what was called a tumor before and after."""
    found = {}
    for change in sorted({one["change"] for one in answers}):
        some = [one for one in answers if one["change"] == change]
        found[f"{change}/median movement"] = _median(some)
        tumors = [one for one in some if one["tumor"] == "1"]
        groups = np.array([one["group_id"] for one in tumors])
        for when in ("before", "after") if tumors else ():
            hits = np.array([one[f"outcome_{when}"] == "tumor" for one in tumors])
            found[f"{change}/sensitivity {when}"] = bootstrap_share(hits, groups)
    return found


def _answers(
    rows: Sequence[ManifestRow], root: Path, model: Classifier
) -> Iterator[dict[str, object]]:
    rng = np.random.default_rng(0)
    for item in load_rows(rows, root, model.manifest.preprocessing):
        if isinstance(item, SkippedRow):
            continue
        row, change = item.row, "taken away"
        changed = strip_skull(item.canvas)
        if changed is None:
            change, changed = "painted", paint_skull(item.canvas, rng)
        if changed is None:
            continue
        before, after = (_answer(canvas, model) for canvas in (item.canvas, changed[0]))
        yield {
            **{name: getattr(row, name) for name in ("set", "sequence", "group_id", "tumor")},
            "path": row.name,
            "change": change,
            "before": before[0],
            "after": after[0],
            "outcome_before": before[1],
            "outcome_after": after[1],
        }


def _answer(canvas: NDArray[np.uint8], model: Classifier) -> tuple[float, str]:
    probability = float(model.calibrate(model.run(canvas[None])[0])[0])
    return probability, model.predict(canvas).outcome


def _print(answers: Sequence[dict[str, str]]) -> None:
    print("| data set | sequence | skull | tumor | scans | median movement | tumor | rejected |")
    print("|---|---|---|---|---|---|---|---|")
    keys = [(one["set"], one["sequence"], one["change"], one["tumor"]) for one in answers]
    for key in sorted(set(keys)):
        of_key = [one for one, its in zip(answers, keys, strict=True) if its == key]
        _line(key, of_key)
    _line(("all", "", "", ""), answers)


def _line(key: Sequence[str], answers: Sequence[dict[str, str]]) -> None:
    shares = " | ".join(
        " → ".join(
            f"{np.mean([one[f'outcome_{when}'] == name for one in answers]):.2f}"
            for when in ("before", "after")
        )
        for name in ("tumor", "rejected")
    )
    moved = _median(answers)
    interval = f" [{moved.low:.3f}, {moved.high:.3f}]" if np.isfinite(moved.low) else ""
    print(f"| {' | '.join(key)} | {len(answers)} | {moved.estimate:.3f}{interval} | {shares} |")


def _median(answers: Sequence[dict[str, str]]) -> Estimate:
    """Return the median over groups of the median movement within each, with its interval."""
    groups: dict[str, list[float]] = {}
    for one in answers:
        moved = abs(float(one["after"]) - float(one["before"]))
        groups.setdefault(one["group_id"], []).append(moved)
    moves = np.array([np.median(some) for some in groups.values()])
    low = high = float("nan")
    if len(moves) >= FEWEST_GROUPS:
        found = bootstrap((moves,), np.median, n_resamples=RESAMPLES, method="percentile", rng=0)
        ends = found.confidence_interval
        low, high = float(ends.low), float(ends.high)
    return Estimate(float(np.median(moves)), low, high, len(answers), len(moves), RESAMPLES)


if __name__ == "__main__":
    main()
