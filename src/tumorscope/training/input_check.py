"""How unlike a brain MR image a picture is, told from the network's own features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.utils.extmath import randomized_svd

KIND: Final = "counterexamples"
"""What is measured of a picture, in one word: likeness to made pictures that show no brain. Before
it was ``mahalanobis``, the distance from the training scans alone."""

WINDOWS: Final = 3
"""Windows along each side of a map in which its activations are averaged: enough to tell a head
from its parts in another place (decision 0031)."""

COMPONENTS: Final = 384
"""Principal components in which the two are told apart; with all directions a few hundred scans
would be told apart by chance."""

PENALTY: Final = 1e-2
"""Inverse strength of the ridge penalty, in the white components."""


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """A line between brain MR images and other pictures.

    The novelty of a picture is ``sigmoid(sqrt(features) @ weights + bias)``.

    Attributes
    ----------
    weights
        Shape (d,).
    bias
        Logit of a picture without any activation.
    """

    weights: NDArray[np.float32]
    bias: float

    def measure(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the novelty of features of shape (n, d), at least 0: shape (n,), in [0, 1]."""
        logits = np.sqrt(features.astype(np.float64)) @ self.weights + self.bias
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -500, 500))))


def fit_novelty(
    known: NDArray[np.floating[Any]],
    foreign: NDArray[np.floating[Any]],
    *,
    components: int = COMPONENTS,
) -> Novelty:
    """Learn to tell brain MR images from counterexamples.

    Parameters
    ----------
    known
        Shape (n, d), features of training scans: mean activations, at least 0. Their roots are
        less skewed.
    foreign
        Shape (m, d), features of pictures that show no brain.
    components
        At most ``n + m - 1`` are used.
    """
    values = np.sqrt(np.concatenate([known, foreign]).astype(np.float64))
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    wanted = min(components, len(values) - 1)
    _, spread, directions = randomized_svd((values - mean) / deviation, wanted, random_state=0)
    kept = int((spread > spread[0] * 1e-6).sum())
    whitening = directions[:kept].T / spread[:kept] * np.sqrt(len(values))
    is_foreign = np.repeat([0, 1], [len(known), len(foreign)])
    line = LogisticRegression(C=PENALTY, class_weight="balanced", max_iter=1000)
    line.fit((values - mean) / deviation @ whitening, is_foreign)
    weights = whitening @ line.coef_[0] / deviation
    bias = float(line.intercept_[0] - weights @ mean)
    return Novelty(weights.astype(np.float32), bias)
