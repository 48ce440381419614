import pytest

from tumorscope.model.conformal import Conformal
from tumorscope.model.decision import decide

WIDE = Conformal(coverage=0.95, tumor=0.2, no_tumor=0.3)
"""Both classes are plausible from 0.2 to 0.7."""

GAP = Conformal(coverage=0.8, tumor=0.8, no_tumor=0.6)
"""Neither is plausible between 0.4 and 0.8."""


@pytest.mark.parametrize(
    ("probability", "outcome", "plausible"),
    [
        (0.1, "no_tumor", ("no_tumor",)),
        (0.2, "abstain", ("tumor", "no_tumor")),
        (0.7, "abstain", ("tumor", "no_tumor")),
        (0.71, "tumor", ("tumor",)),
    ],
)
def test_both_plausible_is_an_abstention(probability, outcome, plausible):
    decided = decide(probability, threshold=0.5, conformal=WIDE)
    assert decided[:2] == (outcome, plausible)
    reason = ("Tumor and no tumor are both plausible at 95% coverage.",)
    assert decided[2] == (reason if outcome == "abstain" else ())


@pytest.mark.parametrize(
    ("probability", "outcome", "plausible"),
    [(0.4, "no_tumor", ("no_tumor",)), (0.6, "abstain", ()), (0.8, "tumor", ("tumor",))],
)
def test_neither_plausible_is_an_abstention(probability, outcome, plausible):
    decided = decide(probability, threshold=0.5, conformal=GAP)
    assert decided[:2] == (outcome, plausible)
    assert all("Neither is plausible at 80% coverage" in reason for reason in decided[2])
    assert bool(decided[2]) == (outcome == "abstain")


def test_operating_point_decides_where_the_model_does_not_abstain():
    assert decide(0.1, threshold=0.05, conformal=WIDE)[:2] == ("tumor", ("no_tumor",))
    assert decide(0.9, threshold=0.95, conformal=WIDE)[:2] == ("no_tumor", ("tumor",))


def test_without_conformal_thresholds_the_model_never_abstains():
    assert decide(0.5, threshold=0.5, conformal=None) == ("tumor", ("tumor",), ())
    assert decide(0.49, threshold=0.5, conformal=None) == ("no_tumor", ("no_tumor",), ())
