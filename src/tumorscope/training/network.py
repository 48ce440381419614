"""VGG16 with an evidence map: the network that is trained.

The tumor logit *is* the log-sum-exp pooling of the evidence map, so the heat map is the model and
not an afterthought. The map is learned from tumor masks where they exist and from image labels
elsewhere; its resolution is that of VGG16's fourth block (28 x 28 cells for a 224 x 224 canvas).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from keras import ops

from tumorscope.errors import UsageError
from tumorscope.imaging.preprocess import IMAGENET_MEAN_BGR
from tumorscope.labels import TUMOR_TYPES
from tumorscope.training.config import TrainConfig

STACKWISE_NUM_FILTERS: Final = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)
"""Filters of the convolutions of each block (Simonyan 2015, configuration D)."""

NARROW_FIRST: Final = 0.5
"""Share of its width that a narrow network leaves to ``block1_conv1``: its filters tell nine grey
values, which fewer can (docs/decisions/0045-lite-by-narrowing.md has what it saves)."""

CELL_PIXELS: Final = 8
"""Canvas pixels to a cell of the evidence map: three poolings lie before block 4."""

FEATURE_SCALES: Final = {"fine": 1 / 80, "coarse": 1 / 6}
"""Inverse root mean square of ``block4_conv3`` and ``block5_conv3`` with ImageNet weights over 64
scans, so that the new layers start from features of about unit size."""

HEAD_FILTERS: Final = 128
PRIOR_LOGIT: Final = -4.0
"""Start of the evidence: about 2 % of the cells of a training set's masks lie in a tumor."""


@keras.saving.register_keras_serializable("tumorscope")
class ImagenetInput(keras.layers.Layer):
    """Grey canvas to VGG16's input: three equal channels in BGR order less the ImageNet mean."""

    def call(self, canvas: Any) -> Any:
        """Map (n, height, width) in 0-255 to (n, height, width, 3)."""
        grey = ops.cast(canvas, "float32")[..., None]
        mean = ops.convert_to_tensor(IMAGENET_MEAN_BGR, dtype="float32")
        return ops.cast(grey - mean, self.compute_dtype)


@keras.saving.register_keras_serializable("tumorscope")
class EvidencePooling(keras.layers.Layer):
    """Log-sum-exp over the cells of an evidence map.

    ``log(mean(exp(sharpness * evidence))) / sharpness``: between mean and maximum
    (Pinheiro & Collobert, CVPR 2015).
    """

    def __init__(self, sharpness: float, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self.sharpness = sharpness

    def call(self, evidence: Any) -> Any:
        """Map (n, rows, columns) logits to (n,) logits."""
        cells = ops.reshape(ops.cast(evidence, "float32"), (ops.shape(evidence)[0], -1))
        total = ops.logsumexp(cells * self.sharpness, axis=1)
        return (total - ops.log(ops.cast(ops.shape(cells)[1], "float32"))) / self.sharpness

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "sharpness": self.sharpness}


@keras.saving.register_keras_serializable("tumorscope")
class EvidenceAttention(keras.layers.Layer):
    """Mean of the features over the cells, weighted by the softmax of the evidence."""

    def call(self, features: Any, evidence: Any) -> Any:
        """Map (n, r, c, d) features and (n, r, c) evidence to (n, d)."""
        shape = ops.shape(features)
        cells = ops.reshape(features, (shape[0], -1, features.shape[-1]))
        weights = ops.softmax(ops.reshape(evidence, (shape[0], -1)), axis=-1)
        weights = ops.stop_gradient(ops.cast(weights, cells.dtype))
        return ops.sum(cells * weights[..., None], axis=1)


@dataclass(frozen=True, slots=True)
class Network:
    """The two halves of the network.

    Attributes
    ----------
    stem
        Canvas (n, size, size) uint8 to the output of the last frozen layer, of shape
        (n, size/8, size/8, channels). It is never trained, so its output can be kept.
    trunk
        Output of the stem to ``{"tumor": (n,), "evidence": (n, size/8, size/8),
        "type": (n, types)}``, all logits.
    """

    stem: keras.Model
    trunk: keras.Model


def build_network(config: TrainConfig, *, size: int, weights: str | Path | None) -> Network:
    """Build the network with pre-trained convolutions and a new head.

    Parameters
    ----------
    config
        Settings of the run.
    size
        Side of the canvas in pixels, a multiple of 32.
    weights
        ``"imagenet"`` (downloaded by Keras), the path of an ``.npz`` with arrays named
        ``block1_conv1/kernel`` and so on, such as the ``weights.npz`` of a run, or ``None`` for
        random weights.

    Raises
    ------
    UsageError
        If the weights file does not hold every convolution in the right shape, or a narrow
        network is asked for with Keras' own weights.
    """
    stem = _build_stem(config, size)
    trunk = _build_trunk(config, stem.output_shape[1:])
    if weights == "imagenet":
        if config.width < 1:
            raise UsageError(
                f"Keras has no weights for a width of {config.width}; create them with "
                "'tumorscope prune' and give the file."
            )
        _copy_from_keras(stem, trunk)
    elif weights is not None:
        load_weights(Path(weights), stem, trunk)
    stem.trainable = False
    return Network(stem, trunk)


def convolutions(*models: keras.Model) -> dict[str, keras.layers.Conv2D]:
    """Return VGG16's convolution layers of some models by name, in order."""
    layers = [layer for model in models for layer in model.layers]
    return {
        layer.name: layer
        for layer in layers
        if layer.name.startswith("block") and isinstance(layer, keras.layers.Conv2D)
    }


def load_weights(path: Path, *models: keras.Model) -> None:
    """Load VGG16's convolutions from an ``.npz``, and the head where the file has one.

    Raises
    ------
    UsageError
        If a convolution is absent, only a part of the head is there, or a shape is not that of
        the layer.
    """
    if not path.is_file():
        raise UsageError(f"The weights file {path} does not exist; give 'imagenet' or a path.")
    layers = {layer.name: layer for model in models for layer in model.layers if layer.weights}
    with np.load(path, allow_pickle=False) as arrays:
        has_head = any(f"{name}/kernel" in arrays for name in layers.keys() - convolutions(*models))
        for name, layer in layers.items():
            if has_head or name in convolutions(*models):
                layer.set_weights(_layer_weights(path, arrays, layer))


def set_layers(model: keras.Model, arrays: Mapping[str, Any], *, source: str) -> None:
    """Give every layer of a model its weights by name, such as ``type/kernel``.

    Parameters
    ----------
    source
        What the arrays come from, for the message of an error.

    Raises
    ------
    UsageError
        If the weights of a layer are absent or of another shape.
    """
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(_layer_weights(source, arrays, layer))


def _layer_weights(
    source: str | Path, arrays: Mapping[str, Any], layer: keras.layers.Layer
) -> list[Any]:
    keys = f"{layer.name}/kernel", f"{layer.name}/bias"
    if any(key not in arrays for key in keys):
        raise UsageError(f"{source} has no array {keys[0]!r} or {keys[1]!r}.")
    values = [np.asarray(arrays[key], dtype=np.float32) for key in keys]
    expected = [tuple(variable.shape) for variable in layer.weights[: len(keys)]]
    if [value.shape for value in values] != expected:
        raise UsageError(
            f"{layer.name} in {source} has shapes {[value.shape for value in values]}; "
            f"expected {expected}."
        )
    return values


def _copy_from_keras(*models: keras.Model) -> None:
    try:
        source = keras.applications.VGG16(include_top=False, weights="imagenet")
    except Exception as error:  # Keras raises a bare Exception where the download fails
        raise UsageError(
            f"Keras cannot download ImageNet's weights: {error}. Without internet, continue from "
            "the embedded model (--start default), or give a file of weights (--weights FILE.npz)."
        ) from error
    for name, layer in convolutions(*models).items():
        layer.set_weights(source.get_layer(name).get_weights())


def backbone_layers() -> list[str]:
    """Return the names of VGG16's convolutions and inner poolings, in order."""
    names = []
    for block, filters in enumerate(STACKWISE_NUM_FILTERS, start=1):
        names += [f"block{block}_conv{position}" for position in range(1, len(filters) + 1)]
        names.append(f"block{block}_pool")
    return names[:-1]  # the last pooling leads to the classifier that is not used here


def frozen_layers(config: TrainConfig) -> list[str]:
    """Return the names of the layers of the stem, in order."""
    names = backbone_layers()
    frozen = names[: names.index(config.fine_tune_from)]
    # The evidence map needs block 4 before its pooling, so that pooling belongs to the trunk.
    return [name for name in frozen if name != "block4_pool"]


def filters_of(name: str, width: float) -> int:
    """Return the filters of a convolution of the backbone."""
    if name == "block1_conv1" and width < 1:
        width *= NARROW_FIRST
    return round(STACKWISE_NUM_FILTERS[int(name[len("block")]) - 1][0] * width)


def _apply(features: Any, name: str, config: TrainConfig) -> Any:
    """Apply one layer of the backbone."""
    if name.endswith("pool"):
        return keras.layers.MaxPooling2D(2, name=name)(features)
    filters = filters_of(name, config.width)
    return keras.layers.Conv2D(filters, 3, padding="same", activation="relu", name=name)(features)


def _build_stem(config: TrainConfig, size: int) -> keras.Model:
    canvas = keras.Input((size, size), dtype="uint8", name="canvas")
    features = ImagenetInput(name="imagenet_input")(canvas)
    for name in frozen_layers(config):
        features = _apply(features, name, config)
    return keras.Model(canvas, features, name="stem")


def _build_trunk(config: TrainConfig, feature_shape: tuple[int, ...]) -> keras.Model:
    # === Layers ===
    penalty = keras.regularizers.L2(config.l2)
    features = keras.Input(feature_shape, name="frozen_features")

    # === Functional model ===
    taps = {frozen_layers(config)[-1]: features}
    last = features
    for name in backbone_layers():
        if name not in frozen_layers(config):
            last = taps[name] = _apply(last, name, config)
    fine, coarse = taps["block4_conv3"], taps["block5_conv3"]  # 28 x 28 and 14 x 14 cells
    evidence, shared = _evidence(fine, coarse, config, penalty)
    tumor = EvidencePooling(config.pooling_sharpness, name="tumor")(evidence)
    tumor_type = _tumor_type(coarse, shared, evidence, config, penalty)
    outputs = {"tumor": tumor, "evidence": evidence, "type": tumor_type}
    return keras.Model(features, outputs, name="trunk")


def _evidence(fine: Any, coarse: Any, config: TrainConfig, penalty: Any) -> tuple[Any, Any]:
    """Merge both resolutions as in a feature pyramid (Lin et al., CVPR 2017)."""
    wide = keras.layers.Rescaling(FEATURE_SCALES["coarse"], name="coarse_scale")(coarse)
    wide = keras.layers.SpatialDropout2D(config.dropout, name="coarse_dropout")(wide)
    wide = keras.layers.Conv2D(HEAD_FILTERS, 1, kernel_regularizer=penalty, name="coarse_lateral")(
        wide
    )
    wide = keras.layers.UpSampling2D(2, interpolation="bilinear", name="coarse_upsampling")(wide)
    near = keras.layers.Rescaling(FEATURE_SCALES["fine"], name="fine_scale")(fine)
    near = keras.layers.SpatialDropout2D(config.dropout, name="fine_dropout")(near)
    near = keras.layers.Conv2D(HEAD_FILTERS, 1, kernel_regularizer=penalty, name="fine_lateral")(
        near
    )
    merged = keras.layers.Add(name="merge")([wide, near])
    merged = keras.layers.Activation("relu", name="merge_relu")(merged)
    merged = keras.layers.Conv2D(
        HEAD_FILTERS,
        3,
        padding="same",
        activation="relu",
        kernel_regularizer=penalty,
        name="evidence_hidden",
    )(merged)
    evidence = keras.layers.Conv2D(
        1,
        1,
        dtype="float32",
        kernel_regularizer=penalty,
        bias_initializer=keras.initializers.Constant(PRIOR_LOGIT),
        name="evidence_logit",
    )(merged)
    cells = tuple(evidence.shape[1:3])
    return keras.layers.Reshape(cells, dtype="float32", name="evidence")(evidence), merged


def _tumor_type(coarse: Any, merged: Any, evidence: Any, config: TrainConfig, penalty: Any) -> Any:
    """Tell the type from the features at the place of the evidence."""
    place = keras.layers.Reshape((*evidence.shape[1:], 1), dtype="float32")(evidence)
    place = keras.layers.AveragePooling2D(2, dtype="float32", name="evidence_coarse")(place)
    place = keras.layers.Reshape(tuple(place.shape[1:3]), dtype="float32")(place)
    scaled = keras.layers.Rescaling(FEATURE_SCALES["coarse"], name="type_scale")(coarse)
    attended = EvidenceAttention(name="type_attention")(scaled, place)
    shared = EvidenceAttention(name="type_attention_fine")(merged, evidence)
    pooled = keras.layers.Concatenate(name="type_features")([attended, shared])
    pooled = keras.layers.Dropout(config.dropout, name="type_dropout")(pooled)
    return keras.layers.Dense(
        len(TUMOR_TYPES), dtype="float32", kernel_regularizer=penalty, name="type"
    )(pooled)
