import pytest

from tumorscope.model.conformal import Conformal
from tumorscope.model.decision import DecisionRule
from tumorscope.operating_point import OperatingPoint

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
    decided = DecisionRule(0.5, WIDE).decide(probability)
    assert decided[:2] == (outcome, plausible)
    reason = ("Tumor and no tumor are both plausible at 95% coverage.",)
    assert decided[2] == (reason if outcome == "abstain" else ())


@pytest.mark.parametrize(
    ("probability", "outcome", "plausible"),
    [(0.4, "no_tumor", ("no_tumor",)), (0.6, "abstain", ()), (0.8, "tumor", ("tumor",))],
)
def test_neither_plausible_is_an_abstention(probability, outcome, plausible):
    decided = DecisionRule(0.5, GAP).decide(probability)
    assert decided[:2] == (outcome, plausible)
    assert all("Neither is plausible at 80% coverage" in reason for reason in decided[2])
    assert bool(decided[2]) == (outcome == "abstain")


@pytest.mark.parametrize(
    ("threshold", "probability", "reason"),
    [
        (0.05, 0.1, "No tumor alone is plausible at 95% coverage, but the probability reaches the"),
        (0.95, 0.9, "Tumor alone is plausible at 95% coverage, but the probability lies below the"),
    ],
)
def test_a_call_that_the_set_does_not_hold_is_an_abstention(threshold, probability, reason):
    outcome, plausible, reasons = DecisionRule(threshold, WIDE).decide(probability)
    assert outcome == "abstain"
    assert plausible == ("no_tumor" if threshold < 0.5 else "tumor",)
    assert reasons == (f"{reason} threshold of {threshold}.",)


def test_an_operating_point_that_prefers_an_error_calls_what_it_asks_for():
    rule_out, rule_in = (DecisionRule(one, WIDE, is_neutral=False) for one in (0.05, 0.95))
    assert rule_out.decide(0.1) == ("tumor", ("no_tumor",), ())
    assert rule_in.decide(0.9) == ("no_tumor", ("tumor",), ())
    assert rule_out.decide(0.5)[0] == rule_in.decide(0.5)[0] == "abstain"


def test_without_conformal_thresholds_the_model_never_abstains():
    assert DecisionRule(0.5).decide(0.5) == ("tumor", ("tumor",), ())
    assert DecisionRule(0.5).decide(0.49) == ("no_tumor", ("no_tumor",), ())


@pytest.mark.parametrize("probability", [0.05, 0.45, 0.5, 0.95])
@pytest.mark.parametrize("conformal", [WIDE, GAP])
def test_threshold_of_ones_own_decides_alone(probability: float, conformal: Conformal) -> None:
    rule = DecisionRule.at(OperatingPoint("custom", 0.45), conformal)
    outcome, plausible, reasons = rule.decide(probability)
    assert outcome == ("tumor" if probability >= 0.45 else "no_tumor")
    assert plausible == conformal.prediction_set(probability)
    assert reasons == ()
