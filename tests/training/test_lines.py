import numpy as np
import pytest

from tumorscope.training.lines import fit_line


@pytest.mark.parametrize("classes", [2, 3])
def test_classes_that_lie_apart_are_told_apart(rng, classes):
    y = np.arange(300) % classes
    features = rng.exponential(1.0, (300, 20))
    features[np.arange(300), y] += 9

    line = fit_line(features, y, np.ones(300), count=classes)

    assert (line.logits(features).argmax(axis=1) == y).mean() > 0.97
    assert line.cooled(2.0).logits(features) == pytest.approx(line.logits(features) / 2, rel=1e-4)


def test_class_without_examples_is_never_named(rng):
    features = rng.exponential(1.0, (100, 5))

    line = fit_line(features, np.arange(100) % 2 * 2, np.ones(100), count=3)

    assert (line.logits(features).argmax(axis=1) != 1).all()
