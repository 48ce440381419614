import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.evaluation.intervals import measure
from tumorscope.evaluation.subgroups import by_subgroup, macro_average, name_bands

BOTH = {
    "sensitivity_at_specificity_95",
    "roc_auc",
    "average_precision",
    "sensitivity",
    "specificity",
    "accuracy",
    "balanced_accuracy",
}


@pytest.fixture
def study():
    names = np.array(["a"] * 6 + ["b"] * 2 + ["c"] * 2)
    y_true = np.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 0])
    score = np.array([0.9, 0.8, 0.2, 0.1, 0.2, 0.7, 0.9, 0.1, 0.1, 0.2])
    return names, y_true, score, np.arange(10)


def test_bands_of_long_numbers_keep_their_last_digits():
    """Days as 20240101 differ where six digits end; bands of one name would be one subgroup."""
    days = [str(20240101 + day) for day in range(20)]
    assert sorted(set(name_bands(days).tolist())) == [
        "20240101 to 20240105",
        "20240106 to 20240110",
        "20240111 to 20240115",
        "20240116 to 20240120",
    ]


def test_each_subgroup_is_measured_alone(study):
    names, y_true, score, groups = study
    found = by_subgroup(*study, threshold=0.5)
    rows = names == "a"
    assert found["a"] == measure(y_true[rows], score[rows], groups[rows], threshold=0.5)
    assert list(found) == ["a", "b", "c"]


def test_one_class_has_no_area_and_no_accuracy(study):
    found = by_subgroup(*study, threshold=0.5)
    assert set(found["a"]) == BOTH
    assert set(found["b"]) == {"sensitivity"}
    assert set(found["c"]) == {"specificity"}
    assert found["b"]["sensitivity"].estimate == 0.5
    assert found["c"]["specificity"].estimate == 1


def test_subgroup_without_images_does_not_appear(study):
    rows = study[0] != "b"
    found = by_subgroup(*(array[rows] for array in study), threshold=0.5)
    assert set(found) == {"a", "c"}


def test_no_images_at_all_is_an_error(study):
    with pytest.raises(UsageError, match="nothing to measure"):
        by_subgroup(*(array[:0] for array in study), threshold=0.5)


def test_macro_counts_each_subgroup_alike_where_it_is_defined(study):
    found = macro_average(*study, threshold=0.5)
    single = by_subgroup(*study, threshold=0.5)
    assert found["sensitivity"].estimate == pytest.approx((2 / 3 + 1 / 2) / 2)  # a and b
    assert found["specificity"].estimate == pytest.approx((2 / 3 + 1) / 2)  # a and c
    assert found["roc_auc"].estimate == single["a"]["roc_auc"].estimate
    assert found["accuracy"].estimate == pytest.approx((4 / 6 + 1 / 2 + 1) / 3)
    assert found["accuracy"].n_images == 10
    assert found["sensitivity"].n_images == 5


def test_macro_of_perfect_subgroups_is_limited_by_the_smallest():
    groups = np.arange(400)
    y_true = np.tile([0, 1], 200)
    alike = macro_average(
        np.repeat(["a", "b"], 200), y_true, y_true.astype(float), groups, threshold=0.5
    )
    uneven = macro_average(
        np.repeat(["a", "b"], [388, 12]), y_true, y_true.astype(float), groups, threshold=0.5
    )
    assert alike["accuracy"].method == uneven["accuracy"].method == "mover"
    assert alike["accuracy"].low > 0.985
    assert uneven["accuracy"].low < 0.93
    both = uneven["balanced_accuracy"]
    assert (both.estimate, both.method) == (1, "mover")
    assert both.low < uneven["accuracy"].low


def test_mismatched_names_are_an_error(study):
    names, *rest = study
    with pytest.raises(UsageError, match="'names': 9"):
        by_subgroup(names[:9], *rest, threshold=0.5)
    with pytest.raises(UsageError, match="'names': 9"):
        macro_average(names[:9], *rest, threshold=0.5)


def test_nan_score_is_an_error(study):
    names, y_true, score, groups = study
    score[4] = np.nan
    with pytest.raises(UsageError, match="y_score holds NaN"):
        by_subgroup(names, y_true, score, groups, threshold=0.5)
