import numpy as np
import pytest

from tumorscope.evaluation.measurements import take_measurements


@pytest.fixture
def outcome(fields):
    called = np.where(fields["y_score"] >= 0.5, "tumor", "no_tumor").astype("<U8")
    called[:30], called[30:40] = "abstain", "rejected"
    return called


def test_open_answers_are_counted_and_the_rest_is_judged(make_data, fields, outcome):
    in_set = np.random.default_rng(0).random(len(outcome)) < 0.9
    sections = take_measurements(make_data(outcome=outcome, in_set=in_set)).sections
    found = {name: one.estimate for name, one in sections["abstention"]["all images"].items()}
    y_true = fields["y_true"]
    right = (outcome == "tumor") == (y_true == 1)
    assert found == pytest.approx(
        {
            "abstained": 30 / 300,
            "rejected": 10 / 300,
            "accuracy_of_the_rest": right[40:].mean(),
            # A rejected picture has no prediction set to cover anything.
            "coverage_tumor": in_set[(y_true == 1) & (outcome != "rejected")].mean(),
            "coverage_no_tumor": in_set[(y_true == 0) & (outcome != "rejected")].mean(),
        }
    )
    assert set(sections["abstention"]) == {"all images", *fields["site"]}


def test_all_left_open_leaves_no_accuracy(make_data, fields):
    n = len(fields["y_true"])
    data = make_data(outcome=np.full(n, "abstain"), in_set=np.ones(n, np.bool_))
    found = take_measurements(data).sections["abstention"]["all images"]
    assert "accuracy_of_the_rest" not in found
    assert found["abstained"].estimate == 1


def test_pictures_of_something_else_are_counted_by_kind(make_data):
    kinds = np.array(["photo"] * 8 + ["chest"] * 2)
    rejected = np.array([True] * 7 + [False] + [True, False])
    groups = np.array(["one body"] * 6 + ["a", "b", "c", "d"])
    data = make_data(foreign_kind=kinds, foreign_rejected=rejected, foreign_groups=groups)
    found = take_measurements(data).sections["rejection"]
    shares = {name: row["rejected"].estimate for name, row in found.items()}
    assert shares == pytest.approx({"all kinds": 0.8, "photo": 7 / 8, "chest": 0.5})
    assert found["all kinds"]["rejected"].n_images == 10
    assert found["all kinds"]["rejected"].n_groups == 5


def test_without_outcomes_there_is_no_such_table(make_data):
    assert not {"abstention", "rejection"} & set(take_measurements(make_data()).sections)
