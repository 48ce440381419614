"""What a finished model says of a training image, as targets for a smaller one.

Learning from a larger network's answers (Hinton et al. 2015, arXiv:1503.02531) tells a small one
the place of tumors that nobody has outlined, and how plain or doubtful each image is.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.model.evidence import sigmoid

LARGEST_LOGIT: Final = 12.0
"""Evidence beyond this, a probability of 6e-6, is as good as certain."""

_STEP: Final = 2 * LARGEST_LOGIT / 255


class Teacher:
    """Canvases to the evidence of a finished model.

    Parameters
    ----------
    artifact
        The model; its canvas and its cells must be those of the network that learns.

    Attributes
    ----------
    graph_sha256
        Of the model's graph.
    """

    def __init__(self, artifact: Artifact) -> None:
        self._classifier = Classifier(artifact)
        self.graph_sha256 = artifact.manifest.graph_sha256

    def __call__(self, canvases: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Map (n, size, size) canvases to (n, rows, columns) evidence, see :func:`decode`."""
        rows = [self._classifier.run(canvas[None])[1] for canvas in canvases]
        return encode(np.concatenate(rows))


def encode(evidence: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return evidence logits as multiples of 24 / 255 from -12, in uint8."""
    within = np.clip(evidence, -LARGEST_LOGIT, LARGEST_LOGIT) + LARGEST_LOGIT
    codes: NDArray[np.uint8] = np.rint(within / _STEP).astype(np.uint8)
    return codes


def decode(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the evidence logits that were encoded."""
    logits: NDArray[np.float32] = codes.astype(np.float32) * np.float32(_STEP) - np.float32(
        LARGEST_LOGIT
    )
    return logits


def pooled_probability(evidence: NDArray[np.float32], sharpness: float) -> NDArray[np.float32]:
    """Pool evidence logits (n, rows, columns) as the network does; return (n,) probabilities."""
    cells = evidence.reshape(len(evidence), -1) * sharpness
    largest = cells.max(axis=1)
    pooled = (np.log(np.exp(cells - largest[:, None]).mean(axis=1)) + largest) / sharpness
    return sigmoid(pooled).astype(np.float32)
