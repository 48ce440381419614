"""How unlike the training scans a picture is, measured on the network's own features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf

COMPONENTS: Final = 128
"""Principal components that keep their own variance: as good as the whole covariance, at an
eighth of its size (decision 0031)."""


@dataclass(frozen=True, slots=True, eq=False)
class Novelty:
    """Mahalanobis distance under a covariance of low rank plus an even rest.

    A picture whose square roots of the features are standardized to ``z`` has the novelty
    ``sqrt(sum((z @ components / spread)**2) + (|z|**2 - |z @ components|**2) / rest_variance)``
    (Lee et al., NeurIPS 2018, arXiv 1807.03888, with the covariance of probabilistic principal
    components, Tipping & Bishop 1999).

    Attributes
    ----------
    mean, deviation
        Shape (d,), of the square roots of the training scans' features.
    components
        Shape (d, k), orthonormal columns.
    spread
        Shape (k,), standard deviation along each component.
    rest_variance
        Mean variance of the directions beside them.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    components: NDArray[np.float32]
    spread: NDArray[np.float32]
    rest_variance: float

    def measure(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the novelty of features of shape (n, d), at least 0: shape (n,), at least 0."""
        scaled = (np.sqrt(features) - self.mean) / self.deviation
        along = scaled @ self.components
        rest = (scaled**2).sum(axis=1) - (along**2).sum(axis=1)
        squared = ((along / self.spread) ** 2).sum(axis=1) + np.maximum(
            rest, 0
        ) / self.rest_variance
        return np.asarray(np.sqrt(squared), dtype=np.float64)


def fit_novelty(features: NDArray[np.floating[Any]], *, components: int = COMPONENTS) -> Novelty:
    """Learn what the features of training scans look like.

    Parameters
    ----------
    features
        Shape (n, d), of at least 2 scans: mean activations, at least 0. Their roots are less
        skewed.
    components
        At most ``d - 1`` are used.
    """
    values = np.sqrt(features.astype(np.float64))
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), 1e-6)
    covariance, _ = ledoit_wolf((values - mean) / deviation, assume_centered=True)
    variances, directions = np.linalg.eigh(covariance)  # ascending
    kept = min(components, len(variances) - 1)
    return Novelty(
        mean.astype(np.float32),
        deviation.astype(np.float32),
        directions[:, -kept:].astype(np.float32),
        np.sqrt(variances[-kept:]).astype(np.float32),
        float(variances[:-kept].mean()),
    )
