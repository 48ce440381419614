"""Has an intake drifted from a reference? Tested case by case, at any time, without labels.

Each case of the intake gets a conformal p-value: where its value stands among those of the
reference and of the cases before it. While the intake is like the reference these are uniform and
independent, and a bet against that (the simple jumper martingale of Vovk, Gammerman & Shafer,
*Algorithmic Learning in a Random World*, section 7.1, by MAPIE) does not grow. By Ville's
inequality the chance that it *ever* exceeds 1 / level is at most ``level``: one may look after
every case, as long as one likes. With several measures each has its share of the level
(Bonferroni).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from mapie.exchangeability_testing import OnlineMartingaleTest

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import Floats

LEVEL: Final = 0.05
LEAST_REFERENCE: Final = 20
"""Cases of the reference in which a measure must be known. With fewer, p-values are so coarse that
even an intake which is quite different takes dozens of cases to show."""

MOST_CASES: Final = 200_000
"""Of an intake: each is compared with all before it."""

MOST_EVIDENCE: Final = 1e12
"""Nothing more is bet from here on: it would say no more, and in the end overflow."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What one measure says.

    Attributes
    ----------
    reference_mean, intake_mean
        Over the cases in which the measure is known.
    reference_cases, cases
        How many these are.
    evidence
        Largest value that the bet has reached, its start being 1; it ends at ``MOST_EVIDENCE``.
    limit
        Above this the measure has drifted.
    drifted_after
        Cases of the intake, in their order, after which it had; ``None`` if it has not.
    """

    reference_mean: float
    intake_mean: float
    reference_cases: int
    cases: int
    evidence: float
    limit: float
    drifted_after: int | None


def find_drift(
    reference: Mapping[str, Floats],
    intake: Mapping[str, Floats],
    *,
    level: float = LEVEL,
    seed: int = 0,
) -> dict[str, Drift]:
    """Compare an intake with a reference, measure by measure.

    Parameters
    ----------
    reference
        Values by measure, one for each case; NaN where not known.
    intake
        The same of the intake, in the order in which the cases came.
    level
        In (0, 1): largest chance of a false alarm in any measure, however often one looks.
    seed
        Of the draw that orders equal values.

    Returns
    -------
    dict
        By measure, for those that are known in at least 20 cases of the reference and in one of
        the intake. The first share the level, whether the intake knows them or not.

    Raises
    ------
    UsageError
        If there is no such measure, there are too many cases, or ``level`` lies outside (0, 1).
    """
    if not 0 < level < 1:
        raise UsageError(f"level must lie between 0 and 1; received {level}.")
    known = {name: _known(values) for name, values in reference.items() if name in intake}
    # Of the reference alone: were the level shared anew with each measure that the intake comes to
    # know, the chance of a false alarm at any time would be larger than promised.
    large = {name: values for name, values in known.items() if len(values) >= LEAST_REFERENCE}
    seen = {name for name in large if len(_known(intake[name]))}
    if not seen:
        counts = max((len(values) for values in known.values()), default=0)
        raise UsageError(
            f"A reference needs at least {LEAST_REFERENCE} cases in which a measure is known, and "
            f"the intake one; received {counts} in the reference."
        )
    if max(map(len, intake.values())) > MOST_CASES:
        raise UsageError(f"An intake has at most {MOST_CASES:,} cases; give fewer at a time.")
    share = level / len(large)
    return {
        name: _follow(values, intake[name], share, seed + position)
        for position, (name, values) in enumerate(large.items())
        if name in seen
    }


def _follow(reference: Floats, intake: Floats, level: float, seed: int) -> Drift:
    bet = OnlineMartingaleTest(test_level=level, warn=False, random_state=np.int_(seed))
    values = np.concatenate([reference, _known(intake)])
    limit, evidence, after, count = 1 / level, 1.0, None, len(reference)
    for position in np.flatnonzero(~np.isnan(intake)).tolist():
        p_value = bet.compute_p_value(values[count], values[:count])
        evidence = max(evidence, bet.update_simple_jumper_martingale(p_value))
        count += 1
        if after is None and evidence > limit:
            after = position + 1
        if evidence > max(limit, MOST_EVIDENCE):
            break
    seen = _known(intake)
    return Drift(
        reference_mean=float(reference.mean()),
        intake_mean=float(seen.mean()),
        reference_cases=len(reference),
        cases=len(seen),
        evidence=evidence,
        limit=limit,
        drifted_after=after,
    )


def _known(values: Floats) -> Floats:
    return values[~np.isnan(values)]
