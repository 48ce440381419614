"""Batches for the trunk, read from the feature cache."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from tumorscope.model.evidence import sigmoid
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import UNKNOWN, Examples, balancing_weights
from tumorscope.training.feature_cache import FeatureCache
from tumorscope.training.teacher import decode, pooled_probability

FULL_COVERAGE = 255.0

FAINT: Final = 0.1
"""Probability of a cell below which a teacher says that there is nothing, as a mask does: else
every image would seem to have a little of a tumor."""


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """What the losses need beside the cached mask targets, as arrays of length n.

    Attributes
    ----------
    tumor, tumor_weight
        Label and weight of the image-level loss.
    evidence_weight
        Weight of the evidence loss.
    is_placed
        Whether the mask says where the tumor is, or that there is none.
    is_outlined
        Whether there is a tumor with a mask that is no sliver.
    tumor_type, type_weight
        Index and weight of the type loss; 0 where the type is unknown.
    """

    tumor: NDArray[np.float32]
    tumor_weight: NDArray[np.float32]
    evidence_weight: NDArray[np.float32]
    is_placed: NDArray[np.bool_]
    is_outlined: NDArray[np.bool_]
    tumor_type: NDArray[np.int32]
    type_weight: NDArray[np.float32]


def make_targets(examples: Examples, config: TrainConfig) -> Targets:
    """Turn labels into targets and balanced weights."""
    balance = balancing_weights(examples.tumor, examples.source)
    has_mask = examples.mask_index != UNKNOWN
    sliver = _is_sliver(examples, config.min_tumor_fraction)
    return Targets(
        tumor=(examples.tumor == 1).astype(np.float32),
        tumor_weight=balance * ~sliver,
        evidence_weight=balance,
        is_placed=(examples.tumor == 0) | has_mask,
        is_outlined=(examples.tumor == 1) & has_mask & ~sliver,
        tumor_type=np.maximum(examples.tumor_type, 0).astype(np.int32),
        type_weight=_type_weights(examples),
    )


def _type_weights(examples: Examples) -> NDArray[np.float32]:
    """Give every known type the same total weight, with mean 1 over all images."""
    weights = np.zeros(len(examples), dtype=np.float32)
    types = [index for index in np.unique(examples.tumor_type) if index != UNKNOWN]
    for index in types:
        of_type = examples.tumor_type == index
        weights[of_type] = len(examples) / (len(types) * of_type.sum())
    return weights


def _is_sliver(examples: Examples, min_fraction: float) -> NDArray[np.bool_]:
    covered = examples.masks.mean(axis=(1, 2)) / FULL_COVERAGE
    sliver = np.zeros(len(examples), dtype=np.bool_)
    known = (examples.mask_index != UNKNOWN) & (examples.tumor == 1)
    sliver[known] = covered[examples.mask_index[known]] < min_fraction
    return sliver


class FeatureBatches(keras.utils.PyDataset):
    """One epoch of cached features with targets and weights.

    Parameters
    ----------
    cache
        Holds ``keys``.
    keys
        Keys of the records, in the order of ``targets``.
    targets
        Of the same images.
    order
        Row numbers in the order in which the epoch visits them.
    config
        Batch size and label smoothing are taken from here.
    """

    def __init__(
        self,
        cache: FeatureCache,
        keys: list[str],
        targets: Targets,
        *,
        order: NDArray[np.intp],
        config: TrainConfig,
    ) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=4)
        self._cache, self._keys, self._targets = cache, keys, targets
        self._order, self._config = order, config

    def __len__(self) -> int:
        return math.ceil(len(self._order) / self._config.batch_size)

    def __getitem__(self, index: int) -> tuple[Any, dict[str, Any], dict[str, Any]]:
        size = self._config.batch_size
        rows = self._order[index * size : (index + 1) * size]
        features, places = self._cache.read(self._keys[row] for row in rows)
        targets, smoothing = self._targets, np.float32(self._config.label_smoothing)
        has_teacher = self._cache.has_teacher
        is_placed = targets.is_placed[rows]
        labels = {
            "tumor": targets.tumor[rows] * (1 - smoothing) + smoothing / 2,
            "evidence": places[..., 0].astype(np.float32) / FULL_COVERAGE,
            "type": targets.tumor_type[rows],
        }
        by_place = np.zeros_like(is_placed)
        if has_teacher:
            self._ask_teacher(labels, decode(places[..., 1]), is_placed)
        elif self._config.outside_weight:
            by_place = targets.is_outlined[rows]  # their label is taught by the evidence loss
        weights = {
            "tumor": targets.tumor_weight[rows] * ~by_place,
            "evidence": targets.evidence_weight[rows] * (is_placed | has_teacher),
            "type": targets.type_weight[rows],
        }
        return features, labels, weights

    def _ask_teacher(
        self, labels: dict[str, Any], evidence: NDArray[np.float32], is_placed: NDArray[np.bool_]
    ) -> None:
        """Mix into the targets what a teacher says."""
        share = np.float32(self._config.teacher_weight)
        tumor = pooled_probability(evidence, self._config.pooling_sharpness)
        labels["tumor"] = (1 - share) * labels["tumor"] + share * tumor
        shares = np.where(is_placed, share, np.float32(1))[:, None, None]
        place = sigmoid(evidence)
        place[place < FAINT] = 0
        labels["evidence"] = (1 - shares) * labels["evidence"] + shares * place
