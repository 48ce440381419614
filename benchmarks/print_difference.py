"""A row of a table of two models: both figures and their difference, on the same resamples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from benchmarks.estimate_cell import estimate_cell
from numpy.typing import NDArray

from tumorscope.evaluation.intervals import bootstrap
from tumorscope.evaluation.statistic import Statistic, less


def print_difference(
    name: str, metric: str, pair: Sequence[Statistic], groups: NDArray[np.str_]
) -> None:
    """Print the row; ``pair`` is the metric of one model and of the other."""
    one, other = pair
    found = bootstrap({"one": one, "other": other, "less": less(one, other)}, groups)
    count = f"{int(one.rows.sum())}; {len(set(groups[one.rows]))}"
    cells = " | ".join(estimate_cell(found[key]) for key in ("one", "other", "less"))
    print(f"| {name} | {metric} | {count} | {cells} |", flush=True)
