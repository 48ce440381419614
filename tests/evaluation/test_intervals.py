import math
import time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from tumorscope.errors import UsageError
from tumorscope.evaluation.intervals import (
    bootstrap,
    bootstrap_mean,
    bootstrap_share,
    clopper_pearson,
    measure,
    resample_weights,
)
from tumorscope.evaluation.statistic import (
    average_precision,
    expected_calibration_error,
    mean,
    mean_of,
    roc_auc,
    share,
)


@pytest.fixture
def study(rng):
    n = 400
    y_true = rng.integers(0, 2, n)
    score = 1 / (1 + np.exp(-(2 * y_true - 1 + rng.normal(0, 1.2, n))))
    return y_true, score, rng.integers(0, 60, n)


def test_counts_and_estimates_by_hand():
    y_true = np.array([1, 1, 1, 0, 0])
    score = np.array([0.9, 0.6, 0.2, 0.6, 0.1])
    found = measure(y_true, score, np.array(["a", "a", "b", "b", "c"]), threshold=0.5)
    counts = {name: (one.n_images, one.n_groups) for name, one in found.items()}
    assert found["sensitivity"].estimate == pytest.approx(2 / 3)
    assert counts["sensitivity"] == (3, 2)
    assert counts["specificity"] == (2, 2)
    assert counts["roc_auc"] == counts["accuracy"] == (5, 3)


def test_ungrouped_share_agrees_with_scipy(study):
    hits = (study[1] > 0.5).astype(float)
    ours = bootstrap_mean(hits, np.arange(len(hits)), resamples=4000)
    theirs = stats.bootstrap(
        (hits,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_ungrouped_area_agrees_with_scipy(study):
    y_true, score, _ = study

    def area(y, s):
        return roc_auc_score(y, s)

    theirs = stats.bootstrap(
        (y_true, score), area, paired=True, vectorized=False, method="percentile",
        n_resamples=1500, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    ours = measure(y_true, score, np.arange(len(y_true)), threshold=0.5)["roc_auc"]
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.005)


def test_ungrouped_area_agrees_with_delong(study):
    y_true, score, _ = study
    tumor, free = score[y_true == 1], score[y_true == 0]
    wins = (tumor[:, None] > free) + 0.5 * (tumor[:, None] == free)
    # DeLong, DeLong & Clarke-Pearson 1988: the variances of the two structural components.
    variance = wins.mean(axis=1).var(ddof=1) / len(tumor) + wins.mean(axis=0).var(ddof=1) / len(
        free
    )
    ours = measure(y_true, score, np.arange(len(y_true)), threshold=0.5)["roc_auc"]
    assert ours.estimate == pytest.approx(wins.mean())
    expected = wins.mean() + stats.norm.ppf((0.025, 0.975)) * np.sqrt(variance)
    assert (ours.low, ours.high) == pytest.approx(tuple(expected), abs=0.005)


def test_copies_of_one_patient_bring_no_precision(study):
    hits = (study[1] > 0.5).astype(float)
    once = bootstrap_mean(hits, np.arange(len(hits)))
    copied = bootstrap_mean(np.repeat(hits, 9), np.repeat(np.arange(len(hits)), 9))
    naive = bootstrap_mean(np.repeat(hits, 9), np.arange(9 * len(hits)))
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))
    assert naive.high - naive.low < 0.5 * (copied.high - copied.low)


def test_same_seed_same_interval_and_other_seed_other_interval(study):
    first, again, other = (measure(*study, threshold=0.5, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first["roc_auc"].low != other["roc_auc"].low


def test_names_of_groups_do_not_matter(study):
    y_true, score, groups = study
    texts = np.array([f"patient {group:03}" for group in groups])
    assert measure(y_true, score, groups, threshold=0.5) == measure(
        y_true, score, texts, threshold=0.5
    )


def test_every_resample_draws_as_many_groups_as_there_are():
    groups = np.array([3, 3, 3, 5, 8])
    drawn = np.concatenate(list(resample_weights(groups, resamples=50)))
    assert drawn.shape == (50, 5)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, [0, 3, 4]].sum(axis=1) == 3).all()


def test_all_right_has_the_exact_interval_over_groups():
    found = bootstrap_share(np.ones(500), np.repeat(np.arange(25), 20))
    assert (found.estimate, found.high) == (1, 1)
    assert found.low == pytest.approx(stats.binomtest(25, 25).proportion_ci().low)
    assert found.method == "clopper-pearson"


def test_all_wrong_has_the_exact_interval_over_groups():
    found = bootstrap_share(np.zeros(500), np.repeat(np.arange(25), 20))
    assert (found.estimate, found.low) == (0, 0)
    assert found.high == pytest.approx(stats.binomtest(0, 25).proportion_ci().high)


def test_one_patient_tells_next_to_nothing():
    found = bootstrap_share(np.array([1, 1, 1, 0]), np.zeros(4, int))
    assert found.high - found.low > 0.9


def test_perfect_ranking_is_not_certain():
    y_true = np.repeat([0, 1], 20)
    found = measure(y_true, y_true.astype(float), np.arange(40), threshold=0.5)
    assert found["roc_auc"].estimate == 1
    assert found["roc_auc"].low == pytest.approx(0.025 ** (1 / 20))
    assert math.isnan(found["average_precision"].low)
    assert found["average_precision"].method == "none"


def test_metric_that_most_resamples_lack_has_no_interval():
    # The area within two groups of 100, which 40 % of resamples draw together.
    y_true = np.zeros(100, int)
    y_true[:1] = 1
    rows = np.arange(100) < 2
    area = roc_auc(y_true, np.arange(100.0), np.arange(100), rows=rows)
    found = bootstrap({"area": area}, np.arange(100))["area"]
    assert found.n_valid_resamples < 1000
    assert (found.method, math.isnan(found.low)) == ("none", True)


def test_mean_with_a_perfect_part_is_as_wide_as_its_parts_make_it():
    groups = np.arange(60)
    hits = np.where(groups < 40, groups % 4 != 0, 1)  # 30 of 40, and 20 of 20
    parts = [share(hits, groups, rows=rows) for rows in (groups < 40, groups >= 40)]
    found = bootstrap({"mean": mean_of(parts), "first": parts[0]}, groups)
    low_of_perfect = clopper_pearson(20, 20)[0]
    below = math.hypot(0.75 - found["first"].low, 1 - low_of_perfect) / 2
    assert found["mean"].low == pytest.approx(0.875 - below)
    assert found["mean"].high == pytest.approx(0.875 + (found["first"].high - 0.75) / 2)
    assert found["mean"].method == "mover"


def test_mean_of_a_metric_below_zero_keeps_its_interval():
    # Each part has two groups of 15, and most resamples lack one of the six parts.
    groups = np.arange(90)
    values = np.where(groups % 15 == 0, -0.9, -0.1)
    parts = [mean(values, rows=(groups // 15 == part) & (groups % 15 < 2)) for part in range(6)]
    found = bootstrap({"mean": mean_of(parts)}, groups)["mean"]
    assert found.method == "mover"
    assert found.low < found.estimate == pytest.approx(-0.5)
    assert found.high < 0


def test_mean_of_ordinary_parts_is_resampled_as_a_whole():
    groups = np.arange(60)
    parts = [share(groups % 4 != 0, groups, rows=rows) for rows in (groups < 40, groups >= 40)]
    assert bootstrap({"mean": mean_of(parts)}, groups)["mean"].method == "bootstrap"


def test_mean_with_a_part_without_interval_has_none():
    y_true = np.repeat([0, 1], 20)
    precision = average_precision(y_true, y_true.astype(float), rows=np.ones(40, bool))
    found = bootstrap({"mean": mean_of([precision, precision])}, np.arange(40))["mean"]
    assert (found.estimate, found.method, math.isnan(found.low)) == (1, "none", True)


@pytest.mark.parametrize(("successes", "trials"), [(0, 7), (3, 10), (10, 10), (199, 200)])
def test_clopper_pearson_agrees_with_scipy(successes, trials):
    theirs = stats.binomtest(successes, trials).proportion_ci(method="exact")
    assert clopper_pearson(successes, trials) == pytest.approx((theirs.low, theirs.high))


def test_few_groups_are_flagged():
    hits = np.array([1, 0, 1, 1, 1, 0])
    assert bootstrap_share(hits, np.arange(6)).has_few_groups
    assert not bootstrap_share(np.tile(hits, 4), np.arange(24)).has_few_groups
    assert not bootstrap_share(np.ones(6), np.arange(6)).has_few_groups  # exact


def test_to_dict_has_no_nan():
    y_true = np.repeat([0, 1], 20)
    found = measure(y_true, y_true.astype(float), np.arange(40), threshold=0.5)
    assert found["average_precision"].to_dict() == {
        "estimate": 1.0, "low": None, "high": None, "n_images": 40, "n_groups": 40,
        "n_valid_resamples": 2000, "method": "none",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "", "b", ""], "2 of 4 rows have no group, the first at index 1"),
        ([0.0, 1.0, 2.0, 3.0], "texts or integers; received dtype float64"),
        (["a", "b"], "one length"),
    ],
)
def test_bad_groups_are_named(groups, message):
    with pytest.raises(UsageError, match=message):
        measure(np.array([0, 1, 0, 1]), np.linspace(0, 1, 4), np.array(groups), threshold=0.5)


def test_2000_resamples_of_2000_images_take_seconds(rng):
    y_true = rng.integers(0, 2, 2000)
    start = time.process_time()
    measure(y_true, rng.random(2000), rng.integers(0, 300, 2000), threshold=0.5)
    assert time.process_time() - start < 5  # 0.3 s measured on one core


def _coverage(draw, truth, *, trials=250):
    """Return how often the grouped and the ungrouped interval hold the truth."""
    held = np.zeros(2)
    for trial in range(trials):
        estimate, arrays, groups = draw(np.random.default_rng(trial))
        for index, units in enumerate((groups, np.arange(len(groups)))):
            found = estimate(*arrays, units)
            held[index] += found.low <= truth <= found.high
    return held / trials


def test_share_covers_the_truth_over_groups_and_not_over_images():
    def draw(rng):
        groups = np.repeat(np.arange(150), rng.integers(1, 16, 150))
        skill = rng.beta(4, 1, 150)  # mean 0.8
        hits = (rng.random(len(groups)) < skill[groups]).astype(float)
        return lambda h, g: bootstrap_share(h, g, resamples=500), (hits,), groups

    grouped, ungrouped = _coverage(draw, 0.8)
    assert 0.91 <= grouped <= 0.98
    assert ungrouped < 0.85


def test_area_covers_the_truth_over_groups_and_not_over_images():
    def draw(rng):
        groups = np.repeat(np.arange(150), rng.integers(2, 12, 150))
        y_true = rng.integers(0, 2, 150)[groups]
        score = 2 * y_true + rng.normal(0, 1, 150)[groups] + rng.normal(0, 1, len(groups))
        return _area, (y_true, score), groups

    # The difference of two images has mean 2 and variance 4.
    grouped, ungrouped = _coverage(draw, stats.norm.cdf(1))
    assert 0.91 <= grouped <= 0.98
    assert ungrouped < 0.85


def _area(y_true, score, groups):
    area = roc_auc(y_true, score, groups, rows=np.ones(len(groups), bool))
    return bootstrap({"area": area}, groups, resamples=300)["area"]


def test_share_near_one_covers_the_truth():
    def draw(rng):
        hits = (rng.random(30) < 0.98).astype(float)
        return lambda h, g: bootstrap_share(h, g, resamples=300), (hits,), np.arange(30)

    grouped, _ = _coverage(draw, 0.98)
    assert grouped >= 0.95


def test_mean_over_nearly_perfect_sets_covers_the_truth():
    sizes = (60, 40, 20, 20)

    def draw(rng):
        groups = np.arange(sum(sizes))
        hits = (rng.random(len(groups)) < 0.99).astype(float)
        return _mean_over_sets, (hits, np.repeat(np.arange(4), sizes)), groups

    grouped, _ = _coverage(draw, 0.99)
    assert grouped >= 0.95


def _mean_over_sets(hits, sets, groups):
    parts = [share(hits, groups, rows=sets == one) for one in np.unique(sets)]
    return bootstrap({"mean": mean_of(parts)}, groups, resamples=300)["mean"]


def test_calibration_error_covers_a_true_miscalibration():
    def make(rng, count):
        groups = np.repeat(np.arange(count), rng.integers(1, 12, count))
        logit = rng.normal(0, 2.5, len(groups)) + rng.normal(0, 1, count)[groups]
        y_true = (rng.random(len(groups)) < 1 / (1 + np.exp(-logit))).astype(int)
        return y_true, 1 / (1 + np.exp(-1.6 * logit)), groups

    def estimate(y_true, score, groups):
        every = np.ones(len(groups), bool)
        error = expected_calibration_error(y_true, score, rows=every)
        return bootstrap({"error": error}, groups, resamples=300)["error"]

    def draw(rng):
        y_true, score, groups = make(rng, 200)
        return estimate, (y_true, score), groups

    truth = 0.058  # of 60,000 made groups, with the true probabilities as labels
    grouped, _ = _coverage(draw, truth, trials=120)
    assert grouped >= 0.85
    y_true, score, groups = make(np.random.default_rng(5), 200)
    found = estimate(y_true, score, groups)
    assert found.low <= found.estimate <= found.high
    assert found.method == "basic bootstrap"
