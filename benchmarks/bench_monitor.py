"""How soon a drift is found, and how often one is that is none.

    python -m benchmarks.bench_monitor --manifest split.csv --root DATA --report REPORT \
        --intake rsna_boxes --record

REPORT is the folder that ``tumorscope evaluate --split test`` has written: the answers for held-out
patients. The patients of one set are the intake, those of all others the reference, in a new
order for each of the repetitions; then the patients of all sets are parted at random into a
reference and an intake, which cannot have drifted. With ``--record`` the figures of ``monitor/`` in
``docs/results/held_out.json`` are replaced; the bounds of the number of patients are those
between which it lies in 95 % of the orders.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.record import check_training, command_line, record_figures

from tumorscope.data.manifest import read_manifest
from tumorscope.evaluation.arrays import Floats
from tumorscope.evaluation.drift import find_drift
from tumorscope.evaluation.intervals import Estimate, bootstrap_share
from tumorscope.labels import TUMOR_TYPES
from tumorscope.model.classifier import load_model
from tumorscope.recipes.intake import cases_of

MEASURES: Final = (
    *("probability_tumor", "rejected", "abstain"),
    *(f"probability_{name}" for name in TUMOR_TYPES),
)
"""Those of which a card holds a reference."""


def main() -> None:
    """Print, and record if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "report"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--intake", required=True, help="name of a data set")
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    with (options.report / "predictions.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    groups = {row["group_id"]: row["set"] for row in rows}
    cases = cases_of([row["group_id"] for row in rows], rows)
    values = {name: cases.values[name] for name in MEASURES}
    is_intake = np.array([one == options.intake for one in groups.values()])
    if not is_intake.any():
        raise SystemExit(f"No patient of {options.intake} is in {options.report}.")
    after = [
        _after(values, is_intake, np.random.default_rng(seed))
        for seed in range(options.repetitions)
    ]
    alarms = np.array(
        [
            _after(values, rng.permutation(len(groups)) % 2 == 0, rng) is not None
            for rng in map(np.random.default_rng, range(options.repetitions))
        ]
    )
    found = [one for one in after if one is not None]
    size = {"n_images": len(rows), "n_groups": int(is_intake.sum())}
    figures = {
        f"{options.intake}/found": bootstrap_share(
            np.array([one is not None for one in after]), np.arange(len(after))
        ),
        "false alarms": bootstrap_share(alarms, np.arange(len(alarms))),
    }
    if found:
        low, middle, high = np.quantile(found, (0.025, 0.5, 0.975), method="higher")
        figures[f"{options.intake}/patients until found"] = Estimate(
            float(middle), float(low), float(high), size["n_images"], size["n_groups"], len(found)
        )
    for name, one in figures.items():
        print(f"{name}: {one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]")
    if options.record:
        report = json.loads((options.report / "metrics.json").read_text(encoding="utf-8"))
        manifest = read_manifest(options.manifest, root=options.root)
        model = load_model()
        check_training(manifest, model)
        if report["provenance"]["model_sha256"] != model.identity.sha256:
            raise SystemExit(f"{options.report} is of another model than the embedded one.")
        record_figures(
            "monitor/",
            figures,
            command=command_line("benchmarks.bench_monitor"),
            rows=[row for row in manifest if row.split == "test"],
            model_sha256=model.identity.sha256,
        )


def _after(
    values: Mapping[str, Floats], is_intake: np.ndarray, rng: np.random.Generator
) -> int | None:
    """Return after how many patients, in a random order, the first measure has drifted."""
    order = rng.permutation(np.flatnonzero(is_intake))
    found = find_drift(
        {name: some[~is_intake] for name, some in values.items()},
        {name: some[order] for name, some in values.items()},
        seed=int(rng.integers(1 << 31)),
    )
    times = [one.drifted_after for one in found.values() if one.drifted_after is not None]
    return min(times, default=None)


if __name__ == "__main__":
    main()
