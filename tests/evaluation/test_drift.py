import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.evaluation.drift import LEAST_REFERENCE, MOST_CASES, MOST_EVIDENCE, find_drift


def drawn(mean: float, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, 1, count)


def test_an_intake_like_the_reference_raises_few_alarms_however_often_one_looks() -> None:
    alarms = sum(
        find_drift({"score": drawn(0, 60, seed)}, {"score": drawn(0, 150, 1000 + seed)}, seed=seed)[
            "score"
        ].drifted_after
        is not None
        for seed in range(60)
    )
    # At most 5 % by Ville's inequality: 9 or more of 60 would be seen once in 500 times.
    assert alarms < 9


def test_an_intake_that_has_moved_is_found_after_some_cases() -> None:
    intake = np.concatenate([drawn(0, 20, 1), drawn(2.5, 60, 2)])
    found = find_drift({"score": drawn(0, 100, 0)}, {"score": intake})["score"]
    assert found.drifted_after is not None
    assert 20 < found.drifted_after < 60
    assert found.evidence > found.limit == pytest.approx(20)


def test_a_move_in_either_direction_is_found() -> None:
    for sign in (-1, 1):
        found = find_drift({"score": drawn(0, 100, 0)}, {"score": sign * drawn(3, 60, 1)})
        assert found["score"].drifted_after is not None


def test_measures_share_the_level() -> None:
    both = {"one": drawn(0, 50, 0), "two": drawn(0, 50, 1)}
    assert find_drift(both, both)["one"].limit == pytest.approx(40)


def test_the_level_is_shared_before_the_intake_knows_a_measure() -> None:
    reference = {"one": drawn(0, 50, 0), "two": drawn(0, 50, 1)}
    found = find_drift(reference, {"one": drawn(0, 5, 2), "two": np.full(5, np.nan)})
    assert set(found) == {"one"}
    assert found["one"].limit == pytest.approx(40)


def test_a_drift_that_goes_on_for_ever_ends_the_bet() -> None:
    found = find_drift({"score": drawn(0, 50, 0)}, {"score": np.arange(10.0, 4010.0)})["score"]
    assert MOST_EVIDENCE < found.evidence < 2 * MOST_EVIDENCE
    assert found.drifted_after is not None
    assert found.cases == 4000


def test_an_intake_is_bounded() -> None:
    with pytest.raises(UsageError, match="at most 200,000 cases"):
        find_drift({"score": np.zeros(30)}, {"score": np.zeros(MOST_CASES + 1)})


def test_equal_values_are_no_evidence() -> None:
    found = find_drift({"share": np.zeros(50)}, {"share": np.zeros(300)})["share"]
    assert found.drifted_after is None


def test_what_is_not_known_does_not_count() -> None:
    intake = np.array([np.nan, 0.5, np.nan, 0.6])
    found = find_drift({"score": np.append(drawn(0, 50, 0), np.nan)}, {"score": intake})["score"]
    assert (found.reference_cases, found.cases) == (50, 2)


@pytest.mark.parametrize(
    ("reference", "intake", "level", "words"),
    [
        (np.zeros(LEAST_REFERENCE - 1), np.zeros(3), 0.05, "at least 20 cases"),
        (np.zeros(30), np.full(3, np.nan), 0.05, "the intake one"),
        (np.zeros(30), np.zeros(3), 1.5, "between 0 and 1; received 1.5"),
    ],
)
def test_too_little_to_compare_is_refused(
    reference: np.ndarray, intake: np.ndarray, level: float, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        find_drift({"score": reference}, {"score": intake}, level=level)
