"""What the model says of data sets that took no part in its training, as figures of the documents.

    python -m benchmarks.bench_unseen --manifest split.csv --root DATA --sets tiantan soop --record
    python -m benchmarks.bench_unseen --manifest split.csv --root DATA --split test --record

For each set, each of its sequences and each lesion type in it: how many tumors are called, left
open, called none or rejected, and how many others are called; with intervals over groups. A set
that the model learned from is refused: what it says of that is not unseen. Without ``--record``
the figures are printed; with it those of ``unseen/`` in ``docs/results/held_out.json`` are replaced
for these sets.

With ``--split`` it is the other way round: sets that the model did learn from, and of these the
patients of one split that it did not. The manifest must have the train split that the card of the
model names. The figures are those of ``patients/``; of ``patients external/`` for that split.
Without ``--sets`` all sets are taken that are of the one or the other kind. ``--report``, the
folder that ``tumorscope evaluate`` wrote for the same model, saves answering labeled images again.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.record import check_training, command_line, learned_sets, record_figures

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap_share
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.model_inputs import SkippedRow, load_rows

NAMES: Final = {
    1: {
        "tumor": "sensitivity",
        "no_tumor": "no_tumor",
        "abstain": "abstained",
        "rejected": "rejected",
    },
    0: {"tumor": "false_alarm", "abstain": "abstained", "rejected": "rejected"},
    None: {"tumor": "false_alarm", "rejected": "rejected"},
}
"""Figures by label and outcome."""

HELD_OUT: Final = ("test", "external")
"""Splits that no part of a model is made with."""

Answer = tuple[ManifestRow, str]


def main() -> None:
    """Print or record the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--sets", nargs="+", help="default all that the question is of")
    parser.add_argument("--split", choices=HELD_OUT, help="held-out patients of sets learned from")
    parser.add_argument("--most", type=int, default=0, help="images of a set, drawn at random")
    parser.add_argument("--report", type=Path, help="of evaluate: its answers are taken")
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    model = load_model(options.model)
    rows = read_manifest(options.manifest, root=options.root)
    if options.split is not None:
        check_training(rows, model)
        rows = [row for row in rows if row.split == options.split]
    prefix = {None: "unseen", "test": "patients"}.get(options.split, f"patients {options.split}")
    names = sets_asked(options.sets, rows, model, is_learned=options.split is not None)
    for name in names:
        of_set = draw([row for row in rows if row.set == name], options.most)
        given = (
            answers(of_set, options.root, model)
            if options.report is None
            else reported(of_set, options.report, model)
        )
        found = figures(list(given))
        for figure, one in found.items():
            print(f"{name}/{figure}: {one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]")
        if options.record:
            record_figures(
                f"{prefix}/{name}/",
                found,
                command=command_line("benchmarks.bench_unseen"),
                rows=of_set,
                model_sha256=model.identity.sha256,
            )


def sets_asked(
    names: Sequence[str] | None,
    rows: Sequence[ManifestRow],
    model: Classifier,
    *,
    is_learned: bool,
) -> list[str]:
    """Return the names of the sets to measure.

    Parameters
    ----------
    names
        As asked for; ``None`` for all of the rows that are of the kind.
    rows
        What can be measured.
    is_learned
        Whether held-out patients of sets are asked for that the model learned from, or sets that
        it did not learn from.
    """
    there = sorted({row.set for row in rows})
    if names is None:
        taught = learned_sets(model)
        names = [name for name in there if (name in taught) == is_learned]
        if not names:
            print("The manifest has no such set; nothing is measured.")
        return list(names)
    if absent := sorted(set(names).difference(there)):
        raise SystemExit(f"There are no images of {', '.join(absent)}; of {', '.join(there)}.")
    (check_learned if is_learned else check_unseen)(names, model)
    return list(names)


def check_unseen(names: Sequence[str], model: Classifier) -> None:
    """Refuse sets that the model learned from."""
    if seen := sorted(learned_sets(model).intersection(names)):
        raise SystemExit(
            f"The model learned from {', '.join(seen)}; that is not unseen. --split test measures "
            "the patients that it did not learn from."
        )


def check_learned(names: Sequence[str], model: Classifier) -> None:
    """Refuse sets that the model did not learn from: all of them can be measured."""
    if unseen := sorted(set(names).difference(learned_sets(model))):
        raise SystemExit(
            f"The model did not learn from {', '.join(unseen)}; measure it without --split."
        )


def draw(rows: Sequence[ManifestRow], most: int) -> list[ManifestRow]:
    """Return rows drawn at random, always the same; all of them where ``most`` is 0."""
    if not most or len(rows) <= most:
        return list(rows)
    chosen = np.random.default_rng(0).choice(len(rows), most, replace=False)
    return [rows[at] for at in sorted(chosen)]


def answers(rows: Sequence[ManifestRow], root: Path, model: Classifier) -> Iterator[Answer]:
    """Yield each row that can be read, with the outcome."""
    for item in load_rows(rows, root, model.manifest.preprocessing):
        if isinstance(item, SkippedRow):
            print(f"left out: {item.name}: {item.reason}")
        else:
            yield item.row, model.predict_scan(item.scan).outcome


def reported(rows: Sequence[ManifestRow], report: Path, model: Classifier) -> Iterator[Answer]:
    """Yield each row of a report of ``evaluate``, with the outcome that stands there."""
    metrics = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    made_with = metrics.get("provenance", {}).get("model_sha256")
    if made_with != model.identity.sha256:
        raise SystemExit(f"{report} is of the model {made_with}, not {model.identity.sha256}.")
    with (report / "predictions.csv").open(encoding="utf-8", newline="") as stream:
        outcomes = {
            (one["source"], one["slice_index"], one["plane"]): one["outcome"]
            for one in csv.DictReader(stream)
        }
    for row in rows:
        key = (row.path, "" if row.slice_index is None else str(row.slice_index), row.plane or "")
        if key in outcomes:
            yield row, outcomes[key]
        else:
            print(f"left out: {row.name}: not in {report}")


def figures(given: Sequence[Answer]) -> dict[str, Estimate]:
    """Return the shares of outcomes for the set, its sequences and its lesion types."""
    cells: dict[str, list[Answer]] = {"": list(given)}
    for row, outcome in given:
        for name in (row.sequence, row.type):
            if name:
                cells.setdefault(f"{name}/", []).append((row, outcome))
    found = {}
    for cell, members in cells.items():
        for label in (1, 0, None):
            of_label = [(row, outcome) for row, outcome in members if row.tumor == label]
            groups = np.array([row.group_id or row.name for row, _ in of_label])
            for outcome, name in NAMES[label].items() if of_label else ():
                hits = np.array([one == outcome for _, one in of_label])
                # What has no label is no brain, or holds what counts as neither.
                is_free = label == 0 and name != "false_alarm"
                key = f"{cell}free {name}" if is_free else f"{cell}{name}"
                if key not in found:
                    found[key] = bootstrap_share(hits, groups)
    return found


if __name__ == "__main__":
    main()
