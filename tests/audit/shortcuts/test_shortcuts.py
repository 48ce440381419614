import numpy as np
import pytest

from tumorscope.audit.shortcuts.report import describe
from tumorscope.audit.shortcuts.shortcuts import (
    ShortcutThresholds,
    Traces,
    measure_shortcuts,
    picture_traces,
    radial_spectrum,
    score_out_of_fold,
)
from tumorscope.errors import UsageError
from tumorscope.evaluation.intervals import Estimate


def _traces(features: dict[str, np.ndarray], y_true: np.ndarray, groups: np.ndarray) -> Traces:
    return Traces(
        {name: one.astype(np.float32) for name, one in features.items()},
        y_true,
        groups.astype(str),
    )


def _estimate(low: float) -> Estimate:
    return Estimate(low + 0.1, low, min(1.0, low + 0.2), 90, 45, 2000)


def test_a_trace_that_is_the_label_separates_and_noise_does_not(rng):
    y_true = np.arange(80) % 2
    features = {"size": y_true[:, None] + 10.0, "file": rng.normal(size=(80, 2))}

    found = measure_shortcuts(_traces(features, y_true, np.arange(80)), resamples=200)

    assert found["size"].estimate == 1.0
    assert found["size"].low > 0.8
    assert abs(found["file"].estimate - 0.5) < 0.2


def test_what_only_tells_the_group_is_no_shortcut(rng):
    # Each group has its own size; with its twins on both sides that would tell every label.
    groups = np.repeat(np.arange(40), 6)
    y_true = np.repeat(rng.permutation(40) % 2, 6)
    features = {"size": np.repeat(rng.normal(size=(40, 2)), 6, axis=0)}

    by_group = measure_shortcuts(_traces(features, y_true, groups), resamples=200)["size"]
    by_picture = measure_shortcuts(_traces(features, y_true, np.arange(240)), resamples=200)["size"]

    assert by_picture.low > 0.9
    assert not ShortcutThresholds().is_shortcut(by_group)


def test_every_picture_is_asked_about_once(rng):
    y_true = np.arange(30) % 2
    traces = _traces({"size": rng.normal(size=(30, 2))}, y_true, np.arange(30) // 2)
    scores = score_out_of_fold(traces)["size"]
    assert scores.shape == (30,)
    assert (scores > 0).all()  # a forest of 50 trees is never wholly sure of noise


@pytest.mark.parametrize("groups", [np.zeros(8), np.array([0, 0, 0, 0, 1, 2, 3, 4])])
def test_one_group_of_a_class_is_refused(groups):
    y_true = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    with pytest.raises(UsageError, match="two groups"):
        measure_shortcuts(_traces({"size": np.ones((8, 2))}, y_true, groups))


def test_threshold_is_what_decides():
    thresholds = ShortcutThresholds()
    assert thresholds.is_shortcut(_estimate(0.61))
    assert not thresholds.is_shortcut(_estimate(0.59))
    assert not ShortcutThresholds(0.7).is_shortcut(_estimate(0.61))
    assert not thresholds.is_shortcut(Estimate(0.9, np.nan, np.nan, 9, 3, 0, "none"))


@pytest.mark.parametrize("auroc", [0.4, 1.0, float("nan")])
def test_threshold_below_chance_is_refused(auroc):
    with pytest.raises(UsageError, match=r"at least 0\.5"):
        ShortcutThresholds(auroc)


def test_verdict_says_what_separates():
    assert describe("size", _estimate(0.8), ShortcutThresholds()) == (
        "ALARM, width and height alone separate the classes: AUROC 0.90 [0.80, 1.00], "
        "chance is 0.50"
    )
    assert "file size and type alone do not separate" in describe(
        "file", _estimate(0.4), ShortcutThresholds()
    )
    assert "outer frame alone does not separate" in describe(
        "frame", _estimate(0.4), ShortcutThresholds()
    )


def test_spectrum_sees_enlarging_and_not_brightness(rng):
    sharp = rng.normal(size=(96, 80))
    enlarged = np.repeat(np.repeat(sharp[:48, :40], 2, axis=0), 2, axis=1)
    assert radial_spectrum(sharp) == pytest.approx(radial_spectrum(3 * sharp + 7), abs=1e-3)
    assert radial_spectrum(enlarged)[-4:].mean() < radial_spectrum(sharp)[-4:].mean() - 0.5


def test_traces_have_the_documented_shapes_and_are_finite(rng):
    for pixels in (rng.normal(size=(40, 64)), np.full((40, 64), 3.0)):
        found = picture_traces(pixels, np.zeros((224, 224), np.uint8))
        shapes = {name: one.shape for name, one in found.items()}
        assert shapes == {
            "frame": (2928,),
            "histogram": (32,),
            "spectrum": (32,),
            "thumbnail": (1024,),
            "skull": (1,),
        }
        assert all(np.isfinite(one).all() for one in found.values())
