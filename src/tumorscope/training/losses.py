"""Losses of the two heads that need more than a stock Keras loss."""

from __future__ import annotations

from typing import Any, Final

import keras
from keras import ops

TUMOR_CELL_WEIGHT: Final = 3.0
"""Weight of cells inside a tumor: they are rarer than cells outside."""

MARGIN_CELLS: Final = 1
"""Around a mask, in every direction: neither inside nor outside, for masks are drawn roughly."""

LEAST_LOGIT: Final = -20.0
"""Pooled evidence of no cell at all; no image is that free of tumor."""


@keras.saving.register_keras_serializable("tumorscope")
class EvidenceLoss(keras.losses.Loss):
    """Cell-wise cross-entropy of the evidence map plus soft Dice where there is a tumor.

    ``y_true`` has shape (n, rows, columns) with the covered fraction of each cell in [0, 1],
    ``y_pred`` the evidence logits. Dice (Milletari et al., 3DV 2016) keeps small tumors from
    being outvoted by the many empty cells.

    With an ``outside_weight`` the image's label is taught by place, too: what the evidence inside
    of a mask adds up to is to say tumor, and what lies outside of it no tumor. A label for the
    image as a whole would be answered by anything that tells an archive of tumors alone.

    Parameters
    ----------
    outside_weight
        Of what lies outside; 0 leaves both out.
    sharpness
        Of the pooling, as in the network.
    min_tumor_fraction
        A smaller tumor is taught by its cells alone.
    label_smoothing
        Share of both labels that is spread.
    """

    def __init__(
        self,
        outside_weight: float = 0.0,
        *,
        sharpness: float = 2.0,
        min_tumor_fraction: float = 0.0,
        label_smoothing: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.outside_weight, self.sharpness = outside_weight, sharpness
        self.min_tumor_fraction, self.label_smoothing = min_tumor_fraction, label_smoothing

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss per image, shape (n,)."""
        shape = (ops.shape(y_true)[0], -1)
        target = ops.reshape(ops.cast(y_true, "float32"), shape)
        logits = ops.reshape(ops.cast(y_pred, "float32"), shape)
        weight = 1 + (TUMOR_CELL_WEIGHT - 1) * target
        cells = ops.mean(weight * _entropy(logits, target), axis=1)

        covered = ops.sigmoid(logits)
        overlap = 2 * ops.sum(covered * target, axis=1) + 1
        extent = ops.sum(covered, axis=1) + ops.sum(target, axis=1) + 1
        has_tumor = ops.cast(ops.max(target, axis=1) > 0, "float32")
        loss = 4 * cells + 0.5 * has_tumor * (1 - overlap / extent)
        if self.outside_weight:
            is_large = ops.cast(ops.mean(target, axis=1) >= self.min_tumor_fraction, "float32")
            near = ops.reshape(_widened(ops.cast(y_true, "float32")), shape)
            loss += has_tumor * is_large * self._by_place(logits, target > 0, near <= 0)
        return loss

    def _by_place(self, logits: Any, inside: Any, outside: Any) -> Any:
        rest = self.label_smoothing / 2
        within, beyond = (_pool(logits, one, self.sharpness) for one in (inside, outside))
        return _entropy(within, 1 - rest) + self.outside_weight * _entropy(beyond, rest)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "outside_weight": self.outside_weight,
            "sharpness": self.sharpness,
            "min_tumor_fraction": self.min_tumor_fraction,
            "label_smoothing": self.label_smoothing,
        }


def _entropy(logits: Any, target: Any) -> Any:
    return ops.softplus(logits) - target * logits


def _widened(places: Any) -> Any:
    side = 2 * MARGIN_CELLS + 1
    return ops.max_pool(places[..., None], side, strides=1, padding="same")


def _pool(logits: Any, chosen: Any, sharpness: float) -> Any:
    """Pool some of the cells; the part that they have in the pooling of all."""
    cells = ops.where(chosen, logits * sharpness, 2 * LEAST_LOGIT * sharpness)
    total = ops.logsumexp(cells, axis=1) - ops.log(ops.cast(ops.shape(cells)[1], "float32"))
    return ops.maximum(total / sharpness, LEAST_LOGIT)
