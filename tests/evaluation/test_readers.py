import numpy as np
import pytest
from benchmarks.simulate_readers import simulate
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from tumorscope.errors import UsageError
from tumorscope.evaluation.readers import (
    compare,
    jackknife_covariance,
    mean_kappa,
    obuchowski_rockette,
    study_readers,
)


@pytest.fixture
def study():
    y_true, readings = simulate(np.random.default_rng(3), readers=4, cases=60, gain=0.8)
    return y_true, readings[0], readings[1], np.arange(60)


def test_each_reader_has_scikit_learns_measures(study):
    y_true, alone, helped, groups = study
    found = study_readers(y_true, alone, helped, groups, names=tuple("abcd"))
    for kind, readings in enumerate((alone, helped)):
        for at, reading in enumerate(readings):
            assert found.readers["roc_auc"][kind, at] == pytest.approx(
                roc_auc_score(y_true, reading)
            )
            called = reading == 2
            assert found.readers["sensitivity"][kind, at] == pytest.approx(
                called[y_true == 1].mean()
            )
    gain = found.gain["roc_auc"]
    assert gain.estimate == pytest.approx(
        found.helped["roc_auc"].estimate - found.alone["roc_auc"].estimate
    )
    assert gain.low < gain.estimate < gain.high
    assert (gain.p < 0.05) == (gain.low > 0 or gain.high < 0)


def test_analysis_is_that_of_the_formulas():
    """Obuchowski and Rockette's F, Hillis's degrees of freedom, written out once more."""
    rng = np.random.default_rng(1)
    table = 0.8 + 0.05 * rng.standard_normal((2, 5))
    root = 0.02 * rng.standard_normal((10, 40))
    covariance = root @ root.T / 40 + 1e-4
    _, _, gain = obuchowski_rockette(table, covariance)
    r = 5
    pairs = [(i, j) for i in range(2) for j in range(r)]
    cov2 = np.mean(
        [covariance[a, b] for a, (i, j) in enumerate(pairs) for b, (k, m) in enumerate(pairs)
         if i == k and j != m]
    )  # fmt: skip
    cov3 = np.mean(
        [covariance[a, b] for a, (i, j) in enumerate(pairs) for b, (k, m) in enumerate(pairs)
         if i != k and j != m]
    )  # fmt: skip
    rows, columns = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    ms_tr = ((table - rows - columns + table.mean()) ** 2).sum() / (r - 1)
    ms_t = r * ((rows - table.mean()) ** 2).sum()
    denominator = ms_tr + max(r * (cov2 - cov3), 0)
    assert gain.degrees == pytest.approx(denominator**2 / (ms_tr**2 / (r - 1)))
    from scipy.stats import f

    assert gain.p == pytest.approx(f.sf(ms_t / denominator, 1, gain.degrees))


def test_jackknife_of_a_mean_is_its_known_variance():
    values = np.random.default_rng(0).standard_normal(50)
    left_out = np.array([[np.delete(values, at).mean() for at in range(50)]])
    assert jackknife_covariance(left_out)[0, 0] == pytest.approx(values.var(ddof=1) / 50)


def test_images_of_a_patient_do_not_count_as_independent(study):
    y_true, alone, helped, groups = study
    order = np.tile(np.arange(60), 4)  # every case four times
    readings = np.stack([alone, helped])
    _, once = compare("roc_auc", y_true, readings, groups)
    _, copies = compare("roc_auc", y_true[order], readings[:, :, order], groups[order])
    assert copies[0].low == pytest.approx(once[0].low)
    assert copies[2].high == pytest.approx(once[2].high)


def test_agreement_is_the_mean_kappa_over_pairs(study):
    _, alone, _, _ = study
    pairs = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    wanted = np.mean([cohen_kappa_score(alone[a], alone[b]) for a, b in pairs])
    assert mean_kappa(alone).compute(np.ones((1, 60)))[0] == pytest.approx(wanted)


def test_intervals_hold_a_gain_of_nothing():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(60):
        y_true, readings = simulate(rng, readers=4, cases=50, gain=0)
        _, (_, _, gain) = compare("roc_auc", y_true, readings, np.arange(50))
        held += gain.low <= 0 <= gain.high
    assert held >= 51  # of 60 at 95 %: below this in one of five hundred runs


def test_readers_that_do_not_differ_prove_nothing():
    """Two readers who miss one tumor less each are no proof that help helps everyone."""
    y_true = np.repeat([1, 0], 10)
    alone, helped = np.tile(2 * y_true, (2, 1)), np.tile(2 * y_true, (2, 1))
    alone[0, 0], alone[1, 1] = 0, 0
    found = study_readers(y_true, alone, helped, np.arange(20), names=("a", "b"))
    gain = found.gain["sensitivity"]
    assert gain.estimate == pytest.approx(0.1)
    assert np.isnan([gain.low, gain.high, gain.p]).all()
    assert gain.to_dict()["p"] is None
    assert np.isnan(found.helped["sensitivity"].low)  # 20 of 20 are no certainty either


def test_intervals_end_where_the_measure_does():
    y_true = np.repeat([1, 0], 6)
    alone = np.tile(2 * y_true, (3, 1))
    alone[2, 0] = 0
    found = study_readers(y_true, alone, alone[::-1], np.arange(12), names=("a", "b", "c"))
    assert found.alone["sensitivity"].high == 1
    assert found.alone["sensitivity"].low < 0.9


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda _: {"names": ("one",)}, "at least two readers"),
        (lambda a: {"alone": a[:, :-1]}, "must have shape"),
        (lambda a: {"helped": a + 5}, "other than 0, 1 and 2"),
        (lambda _: {"y_true": np.ones(60, int)}, "without a tumor"),
    ],
)
def test_a_study_that_cannot_be_analyzed_says_why(study, change, reason):
    y_true, alone, helped, groups = study
    given = {"y_true": y_true, "alone": alone, "helped": helped, "names": tuple("abcd")}
    given |= change(alone)
    with pytest.raises(UsageError, match=reason):
        study_readers(
            given["y_true"], given["alone"], given["helped"], groups, names=given["names"]
        )
