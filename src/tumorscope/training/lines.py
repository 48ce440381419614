"""Lines between classes in the space of the network's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd

COMPONENTS: Final = 256
"""Principal components of the standardized features in which classes are told apart: ten thousand
features of some thousand scans say little more, and the fit takes seconds."""

PENALTY: Final = 3e-4
"""Inverse strength of the ridge penalty: the scans are of a dozen archives, which must not be told
from each other instead."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """Logits of classes: ``sqrt(features) @ weights + bias``.

    Attributes
    ----------
    weights
        Shape (d, classes), float32.
    bias
        Shape (classes,), float32.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the logits of features of shape (n, d): shape (n, classes)."""
        return np.asarray(np.sqrt(features.astype(np.float64)) @ self.weights + self.bias)

    def cooled(self, temperature: float) -> Line:
        """Return the line whose logits are divided by a temperature."""
        scale = np.float32(1 / temperature)
        return Line(self.weights * scale, self.bias * scale)


def fit_line(
    features: NDArray[np.floating[Any]],
    classes: NDArray[np.intp],
    weight: NDArray[np.floating[Any]],
    *,
    count: int,
) -> Line:
    """Learn to tell classes apart.

    Parameters
    ----------
    features
        Shape (n, d), mean activations, at least 0. Their roots are less skewed.
    classes
        Shape (n,), from 0 to ``count - 1``; a class that does not occur is never named.
    weight
        Shape (n,), of each example.
    count
        Number of classes.
    """
    values = np.sqrt(features.astype(np.float64))
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    standard = (values - mean) / deviation
    wanted = min(COMPONENTS, *standard.shape)
    directions = randomized_svd(standard, wanted, random_state=0)[2].T
    present = np.unique(classes)
    line = LogisticRegression(C=PENALTY, max_iter=2000)
    line.fit(standard @ directions, classes, sample_weight=weight / np.mean(weight))
    found, offset = line.coef_ @ directions.T, line.intercept_
    if len(present) == 2:
        found = np.concatenate([-found / 2, found / 2])
        offset = np.concatenate([-offset / 2, offset / 2])
    weights = np.zeros((features.shape[1], count))
    bias = np.full(count, NEVER)
    weights[:, present] = found.T / deviation[:, None]
    bias[present] = offset - mean @ weights[:, present]
    return Line(weights.astype(np.float32), bias.astype(np.float32))


NEVER: Final = -1e4
"""Logit of a class of which there were no examples."""
