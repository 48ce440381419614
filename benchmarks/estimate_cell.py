"""An estimate as a cell of a printed table."""

from __future__ import annotations

import math

from tumorscope.evaluation.intervals import Estimate


def estimate_cell(one: Estimate) -> str:
    """Return the estimate with its interval, marked where the groups are too few for it."""
    if math.isnan(one.low):
        return f"{one.estimate:.3f}, no interval"
    few = " †" if one.has_few_groups else ""
    return f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]{few}"
