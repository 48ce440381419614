"""A promised threshold keeps its promise on cases that it was not chosen on."""

import numpy as np
import pytest
from scipy.stats import binom

pytest.importorskip("mapie", reason="the extra [train] is not installed")

from tumorscope.errors import UsageError
from tumorscope.evaluation.promise import Promise, hold


def draw(rng: np.random.Generator, groups: int, each: int = 1) -> tuple[np.ndarray, ...]:
    """Groups that agree within, every second with a tumor."""
    y_true = np.repeat(np.arange(groups) % 2, each)
    level = np.repeat(rng.normal(size=groups), each)
    score = 1 / (1 + np.exp(-(2 * y_true - 1 + level + 0.3 * rng.normal(size=groups * each))))
    return y_true, score, np.repeat(np.arange(groups), each)


@pytest.mark.parametrize(
    ("level", "confidence", "needed"), [(0.95, 0.95, 59), (0.9, 0.95, 29), (0.98, 0.9, 114)]
)
def test_groups_needed_are_those_of_the_binomial(level, confidence, needed) -> None:
    promise = Promise("sensitivity", level, confidence)
    assert promise.groups_needed == needed
    assert level**needed <= 1 - confidence < level ** (needed - 1)


@pytest.mark.parametrize("measure", ["sensitivity", "specificity"])
@pytest.mark.parametrize("groups", [58, 59])
def test_too_few_groups_are_refused_with_the_number(measure, groups: int) -> None:
    y_true = np.repeat([0, 1], groups)
    score = np.where(y_true == 1, 0.9, 0.1)
    promise = Promise(measure, 0.95)
    if groups == 59:
        held = hold(promise, y_true, score, np.arange(2 * groups))
        assert (held.observed, held.groups) == (1, 59)
        assert (score >= held.threshold).astype(int).tolist() == y_true.tolist()
    else:
        with pytest.raises(UsageError, match=r"at least 59 independent groups.*there are 58"):
            hold(promise, y_true, score, np.arange(2 * groups))


@pytest.mark.parametrize(("groups", "allowed"), [(157, 3), (166, 3), (210, 5), (349, 10)])
def test_as_many_errors_are_allowed_as_the_binomial_allows(groups: int, allowed: int) -> None:
    """Sums of 1 / groups are above the share by a rounding, which is no further error."""
    assert binom.cdf(allowed, groups, 0.05) <= 0.05 < binom.cdf(allowed + 1, groups, 0.05)
    y_true = np.append(np.ones(groups, int), 0)
    score = np.append(np.linspace(0.1, 0.9, groups), 0.05)
    held = hold(Promise("sensitivity", 0.95), y_true, score, np.arange(groups + 1))
    assert held.threshold == score[allowed]
    assert held.observed == pytest.approx(1 - allowed / groups)


@pytest.mark.parametrize(
    "option", [{"confidence": 0.78}, {"level": 0.9}], ids=["confidence", "level"]
)
def test_a_refusal_names_what_so_few_can_hold(option: dict[str, float]) -> None:
    y_true = np.repeat([0, 1], 30)
    score = np.where(y_true == 1, 0.9, 0.1)
    offer = r"30 can be enough for --confidence 0\.78, or for --sensitivity 0\.9\.$"
    with pytest.raises(UsageError, match=offer):
        hold(Promise("sensitivity", 0.95), y_true, score, np.arange(60))
    offered = Promise("sensitivity", **({"level": 0.95} | option))
    assert hold(offered, y_true, score, np.arange(60)).observed == 1


def test_a_refusal_offers_no_predictive_value_that_calling_everyone_would_need() -> None:
    y_true = np.repeat([0, 1], 20)
    with pytest.raises(UsageError, match=r"there are 40\. .*lower --confidence\.$"):
        hold(Promise("ppv", 0.95), y_true, y_true.astype(float), np.arange(40))


def test_a_refusal_offers_nothing_that_is_no_promise() -> None:
    y_true = np.repeat([0, 1], 10)
    with pytest.raises(UsageError, match=r"lower --confidence\.$"):
        hold(Promise("sensitivity", 0.95), y_true, y_true.astype(float), np.arange(20))


def test_images_of_a_patient_count_once() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(UsageError, match="there are 20"):
        hold(Promise("sensitivity", 0.95), *draw(rng, 40, each=50))


@pytest.mark.parametrize("measure", ["sensitivity", "specificity", "ppv"])
@pytest.mark.parametrize("each", [1, 3])
def test_promise_is_kept_on_others(measure, each: int) -> None:
    rng = np.random.default_rng(1)
    others = draw(rng, 20_000)
    level = 0.75 if measure == "ppv" else 0.9
    broken = refused = 0
    for _ in range(40):
        try:
            held = hold(Promise(measure, level, 0.9), *draw(rng, 200, each))
        except UsageError:
            refused += 1
            continue
        called = others[1] >= held.threshold
        truth = {
            "sensitivity": called[others[0] == 1].mean(),
            "specificity": 1 - called[others[0] == 0].mean(),
            "ppv": others[0][called].mean() if called.any() else 1,
        }[measure]
        broken += truth < level
    assert refused <= 10
    assert broken <= 9  # of 40, where 4 are allowed on average


def test_what_cannot_be_held_is_told() -> None:
    rng = np.random.default_rng(2)
    y_true, score, groups = draw(rng, 400)
    with pytest.raises(UsageError, match=r"No threshold holds.*reaches 0\.\d+ on"):
        hold(Promise("ppv", 0.9), y_true, np.full_like(score, 0.5), groups)


@pytest.mark.parametrize(("level", "confidence"), [(1.0, 0.95), (0.95, 0.0), (95, 0.95)])
def test_shares_are_shares(level: float, confidence: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        Promise("sensitivity", level, confidence)
