import numpy as np
import pytest

from tumorscope.errors import UsageError
from tumorscope.evaluation.controls import ControlFeatures, score_controls
from tumorscope.evaluation.intervals import Estimate, measure

N = 60


def _features(rng, *, n=N, y_true=None, change=None):
    """Measure made images of noise with a bright disk; ``change(y, arrays)`` plants a shortcut."""
    y_true = rng.integers(0, 2, n) if y_true is None else y_true
    rows, columns = np.mgrid[:64, :64]
    disk = (rows - 32) ** 2 + (columns - 32) ** 2 < 20**2
    pixels = rng.normal(0, 0.3, (n, 64, 64)) + 30 * disk
    arrays = {
        "pixels": pixels,
        "sizes": rng.integers(200, 600, (n, 2)),
        "canvases": rng.integers(0, 255, (n, 224, 224)).astype(np.uint8),
    }
    if change:
        change(y_true, arrays)
    return ControlFeatures.measure(y_true=y_true, groups=np.arange(n).astype(str), **arrays)


def evaluate_controls(train, test, **options) -> dict[str, dict[str, Estimate]]:
    return {
        name: measure(test.y_true, score, test.groups, threshold=0.5, **options)
        for name, score in score_controls(train, test).items()
    }


def _evaluate(rng, change=None):
    both = [_features(rng, change=change) for _ in range(2)]
    found = evaluate_controls(*both, resamples=200)
    return {name: row["roc_auc"].estimate for name, row in found.items()}


def _by_size(y_true, arrays):
    arrays["sizes"][y_true == 1] = 512


def _by_frame(y_true, arrays):
    arrays["pixels"][y_true == 1, 0, :] = 1.2  # above the noise, below the foreground


def _by_thumbnail(y_true, arrays):
    arrays["canvases"][y_true == 1, 50:100, 50:100] = 255


def _by_area(y_true, arrays):
    # A hole in the disk, far from the frame; the canvas, and so the thumbnail, stays as it is.
    arrays["pixels"][y_true == 1, 20:30, 20:44] = 0


CASES = {
    "width and height only": _by_size,
    "outer frame only": _by_frame,
    "nearest thumbnail": _by_thumbnail,
    "foreground area only": _by_area,
}


@pytest.mark.parametrize("name", CASES)
def test_each_control_finds_its_own_shortcut_and_no_other(rng, name):
    found = _evaluate(rng, CASES[name])
    assert found.pop(name) > 0.95
    assert max(found.values()) < 0.75


def test_controls_find_nothing_where_nothing_is_planted(rng):
    assert max(_evaluate(rng).values()) < 0.75


def test_controls_report_accuracy_and_intervals(rng):
    train, test = (_features(rng, change=_by_size) for _ in range(2))
    accuracy = evaluate_controls(train, test, resamples=200)["width and height only"]["accuracy"]
    assert accuracy.estimate > 0.95
    assert accuracy.low <= accuracy.estimate <= accuracy.high
    assert accuracy.n_groups == N


def test_same_seed_same_answer(rng):
    train, test = (_features(rng) for _ in range(2))
    assert evaluate_controls(train, test, resamples=50) == evaluate_controls(
        train, test, resamples=50
    )


def test_test_split_of_one_class_has_no_area(rng):
    train, test = _features(rng), _features(rng, n=20, y_true=np.zeros(20, int))
    found = evaluate_controls(train, test, resamples=50)["outer frame only"]
    assert list(found) == ["specificity"]


def test_exact_copies_in_both_classes_are_undecided():
    # A picture that stands in train with both labels is as near to one as to the other.
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 255, (1, 224, 224)).astype(np.uint8)
    features = ControlFeatures.measure(
        pixels=rng.normal(size=(2, 64, 64)),
        sizes=np.ones((2, 2)),
        canvases=np.repeat(picture, 2, axis=0),
        y_true=np.array([0, 1]),
        groups=np.array(["a", "b"]),
    )
    found = evaluate_controls(features, features, resamples=50)["nearest thumbnail"]
    assert found["roc_auc"].estimate == 0.5


def test_features_have_the_documented_shapes(rng):
    found = _features(rng, n=3)
    assert found.frames.shape == (3, 128**2 - 116**2)
    assert found.thumbnails.shape == (3, 32 * 32)
    assert np.linalg.norm(found.thumbnails, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    disk = np.pi * 20**2 / 64**2
    assert found.areas[:, 0] == pytest.approx([disk] * 3, abs=0.01)


def test_constant_image_has_features():
    flat = np.full((1, 64, 64), 7.0)
    found = ControlFeatures.measure(
        pixels=flat,
        sizes=np.ones((1, 2)),
        canvases=np.zeros((1, 224, 224), np.uint8),
        y_true=np.array([1]),
        groups=np.array(["a"]),
    )
    assert np.isfinite(found.frames).all()
    assert found.areas.tolist() == [[0]]


def test_training_images_of_one_class_are_refused(rng):
    train, test = _features(rng, n=10, y_true=np.ones(10, int)), _features(rng)
    with pytest.raises(UsageError, match="training images with and without tumor"):
        evaluate_controls(train, test)


def test_mismatched_lengths_are_named(rng):
    with pytest.raises(UsageError, match="one length"):
        ControlFeatures.measure(
            pixels=rng.normal(size=(3, 64, 64)),
            sizes=np.ones((2, 2)),
            canvases=np.zeros((3, 224, 224), np.uint8),
            y_true=np.array([0, 1, 1]),
            groups=np.array(["a", "b", "c"]),
        )
