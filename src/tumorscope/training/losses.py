"""Losses of the two heads that need more than a stock Keras loss."""

from __future__ import annotations

from typing import Any, Final

import keras
from keras import ops

TUMOR_CELL_WEIGHT: Final = 3.0
"""Weight of cells inside a tumor: they are rarer than cells outside."""


@keras.saving.register_keras_serializable("tumorscope")
class EvidenceLoss(keras.losses.Loss):
    """Cell-wise cross-entropy of the evidence map plus soft Dice where there is a tumor.

    ``y_true`` has shape (n, rows, columns) with the covered fraction of each cell in [0, 1],
    ``y_pred`` the evidence logits. Dice (Milletari et al., 3DV 2016) keeps small tumors from
    being outvoted by the many empty cells.
    """

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return one loss per image, shape (n,)."""
        shape = (ops.shape(y_true)[0], -1)
        target = ops.reshape(ops.cast(y_true, "float32"), shape)
        logits = ops.reshape(ops.cast(y_pred, "float32"), shape)
        weight = 1 + (TUMOR_CELL_WEIGHT - 1) * target
        entropy = ops.softplus(logits) - target * logits
        cells = ops.mean(weight * entropy, axis=1)

        covered = ops.sigmoid(logits)
        overlap = 2 * ops.sum(covered * target, axis=1) + 1
        extent = ops.sum(covered, axis=1) + ops.sum(target, axis=1) + 1
        has_tumor = ops.cast(ops.max(target, axis=1) > 0, "float32")
        return 4 * cells + 0.5 * has_tumor * (1 - overlap / extent)
