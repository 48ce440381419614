import numpy as np
import pytest

from tumorscope.audit.labels.suspects import LabelScores, judge_labels, score_labels
from tumorscope.errors import UsageError


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("tumorscope.audit.labels.suspects.TREES", 40)


def _made(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three labels that six numbers tell apart, 40 groups of three pictures each."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.integers(0, 3, 40), 3)
    features = np.eye(3)[labels].repeat(2, axis=1) + rng.normal(0, 0.2, (120, 6))
    return features, np.array(["a", "b", "c"])[labels], np.repeat(np.arange(40), 3)


def test_planted_errors_are_the_worst_and_no_other_is_a_suspect():
    features, labels, groups = _made()
    wrong = labels.copy()
    wrong[[5, 50, 80]] = [{"a": "b", "b": "c", "c": "a"}[one] for one in labels[[5, 50, 80]]]

    scores = score_labels(features, wrong, groups)

    suspects, thresholds = judge_labels(scores)
    assert set(np.argsort(scores.score)[:3]) == {5, 50, 80}
    assert set() < set(np.flatnonzero(suspects)) <= {5, 50, 80}
    assert [scores.classes[one] for one in scores.suggested[[5, 50, 80]]] == list(
        labels[[5, 50, 80]]
    )
    assert set(thresholds) == {"a", "b", "c"}
    assert np.allclose(scores.probabilities.sum(axis=1), 1)


def test_no_group_tells_its_own_label():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(40), 3)
    features = rng.normal(0, 1, (40, 6))[groups]  # the pictures of a group are copies
    labels = np.array(["a", "b"])[rng.integers(0, 2, 40)][groups]

    scores = score_labels(features, labels, groups)

    right = (scores.probabilities.argmax(axis=1) == scores.given).mean()
    assert right < 0.75  # by picture, with copies on both sides, it would be 1


def test_a_suspect_needs_another_label_as_probable_as_that_label_usually_is():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.45, 0.55], [0.1, 0.9]])

    suspects, thresholds = judge_labels(
        LabelScores(("a", "b"), np.array([0, 0, 1, 0, 0]), probabilities)
    )

    assert thresholds == {"a": pytest.approx(0.5875), "b": pytest.approx(0.8)}
    assert suspects.tolist() == [False, False, False, False, True]


@pytest.mark.parametrize(
    ("labels", "message"),
    [(["a"] * 4, "there are a in 4"), (["a", "a", "a", "b"], "there are a in 3, b in 1")],
)
def test_too_few_labels_or_groups_are_explained(labels: list[str], message: str):
    with pytest.raises(UsageError, match=message):
        score_labels(np.zeros((4, 2)), np.array(labels), np.arange(4))
