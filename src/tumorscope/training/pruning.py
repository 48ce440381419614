"""Fewer filters in each convolution, so that little of what the network computes is lost.

Layer by layer: the filters whose activations tell most of the others' are kept, as columns chosen
by a pivoted QR factorization (interpolative decomposition, Chee et al., NeurIPS 2022), and their
kernels are fitted anew by least squares, from what the narrow layers before give to what the full
layer gave (He et al., ICCV 2017). Nothing is trained here; ``tumorscope train`` does that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.linalg import qr

from tumorscope.imaging.preprocess import IMAGENET_MEAN_BGR
from tumorscope.training.checkpoint import Arrays
from tumorscope.training.network import FEATURE_SCALES, backbone_layers, filters_of

SAMPLES: Final = 24_000
"""Cells of all canvases on which a layer is fitted: ten to an unknown of the widest kernel."""

RIDGE: Final = 1e-3
"""Of the mean square of an input: kernels are not to grow on what hardly varies."""

HEAD_INPUTS: Final = {"fine": "block4_conv3", "coarse": "block5_conv3"}

FloatArray = NDArray[np.float32]


def prune_filters(
    weights: Mapping[str, NDArray[Any]],
    canvases: NDArray[np.uint8],
    *,
    width: float,
    seed: int = 0,
    progress: Callable[[str], None] = lambda _: None,
) -> Arrays:
    """Return the weights of a network with a share of the filters.

    Parameters
    ----------
    weights
        Of the full network, head included, by layer name.
    canvases
        Shape (n, size, size): training scans whose activations decide.
    width
        Share of the filters of each convolution of VGG16.
    seed
        Of the choice of cells.
    progress
        Called with the name of each layer before it is narrowed.
    """
    rng = np.random.default_rng(seed)
    result = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    mean = np.array(IMAGENET_MEAN_BGR, np.float32)
    full = slim = canvases[..., None].astype(np.float32) - mean
    layers = backbone_layers()
    taps: dict[str, tuple[FloatArray, FloatArray]] = {}
    for position, name in enumerate(layers):
        progress(name)
        if name.endswith("pool"):
            full, slim = _pool(full), _pool(slim)
            continue
        full = _convolve(full, weights[f"{name}/kernel"], weights[f"{name}/bias"])
        following = _next_kernel(weights, layers[position + 1 :])
        cells = _choose_cells(full.shape[:3], rng)
        wanted = full[cells]
        kept = choose_filters(np.maximum(wanted, 0), following, count=filters_of(name, width))
        kernel, bias = _fit(slim, cells, wanted[:, kept], side=3)
        result[f"{name}/kernel"], result[f"{name}/bias"] = kernel, bias
        full = np.maximum(full, 0)
        slim = np.maximum(_convolve(slim, kernel, bias), 0)
        if name in HEAD_INPUTS.values():
            taps[name] = full, slim
    _fit_head(weights, result, taps, rng)
    return result


def choose_filters(
    activations: FloatArray, following: FloatArray | None, *, count: int
) -> NDArray[np.intp]:
    """Choose the filters that tell most of all, in their order.

    Parameters
    ----------
    activations
        Shape (n, filters).
    following
        Kernel of the next convolution, (rows, columns, filters, out): how much of each filter it
        uses; ``None`` to count all alike.
    count
        How many to keep.
    """
    use = 1.0 if following is None else np.sqrt((following**2).sum(axis=(0, 1, 3)))
    centred = (activations - activations.mean(axis=0)) * use
    _, order = qr(centred, mode="r", pivoting=True)
    return np.sort(order[:count])


def _next_kernel(
    weights: Mapping[str, NDArray[Any]], names: list[str]
) -> NDArray[np.float32] | None:
    kernels = [weights[f"{name}/kernel"] for name in names if not name.endswith("pool")]
    return np.asarray(kernels[0], np.float32) if kernels else None


def _choose_cells(
    shape: tuple[int, ...], rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    total = int(np.prod(shape))
    flat = np.sort(rng.choice(total, min(SAMPLES, total), replace=False))
    image, row, column = np.unravel_index(flat, shape)
    return image, row, column


def _fit(
    source: FloatArray, cells: tuple[NDArray[np.intp], ...], wanted: FloatArray, *, side: int
) -> tuple[FloatArray, FloatArray]:
    """Return kernel and bias that come closest to what is wanted in some cells.

    Parameters
    ----------
    source
        Shape (n, rows, columns, channels).
    cells
        Image, row and column of m cells.
    wanted
        Shape (m, filters).
    side
        Of the kernel; the source is padded with zeros.
    """
    image, row, column = cells
    pad = side // 2
    padded = np.pad(source, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    parts = [padded[image, row + r, column + c] for r in range(side) for c in range(side)]
    inputs = np.concatenate(parts, axis=1).astype(np.float64)
    kernel, bias = _ridge(inputs, wanted.astype(np.float64))
    shape = (side, side, source.shape[3], wanted.shape[1])
    return kernel.reshape(shape).astype(np.float32), bias.astype(np.float32)


def _ridge(
    inputs: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    means = inputs.mean(axis=0), wanted.mean(axis=0)
    inputs, wanted = inputs - means[0], wanted - means[1]
    gram = inputs.T @ inputs
    gram += np.eye(len(gram)) * (RIDGE * np.trace(gram) / len(gram) + np.finfo(float).tiny)
    kernel = np.asarray(np.linalg.solve(gram, inputs.T @ wanted), np.float64)
    bias = np.asarray(means[1] - means[0] @ kernel, np.float64)
    return kernel, bias


def _fit_head(
    weights: Mapping[str, NDArray[Any]],
    result: Arrays,
    taps: Mapping[str, tuple[FloatArray, FloatArray]],
    rng: np.random.Generator,
) -> None:
    """Fit the layers of the head that read the features; those behind them stay."""
    for scale, name in HEAD_INPUTS.items():
        full, slim = (tap * np.float32(FEATURE_SCALES[scale]) for tap in taps[name])
        cells = _choose_cells(full.shape[:3], rng)
        kernel = weights[f"{scale}_lateral/kernel"][0, 0]
        wanted = full[cells] @ kernel + weights[f"{scale}_lateral/bias"]
        fitted = _fit(slim, cells, wanted, side=1)
        result[f"{scale}_lateral/kernel"], result[f"{scale}_lateral/bias"] = fitted
        if scale == "coarse":  # the type reads these features, and the evidence's own behind them
            split = full.shape[3]
            wanted = full[cells] @ weights["type/kernel"][:split] + weights["type/bias"]
            kernel, bias = _fit(slim, cells, wanted, side=1)
            result["type/kernel"] = np.concatenate([kernel[0, 0], weights["type/kernel"][split:]])
            result["type/bias"] = bias


def _convolve(source: FloatArray, kernel: NDArray[Any], bias: NDArray[Any]) -> FloatArray:
    """Return a convolution with zeros around, image by image for the memory."""
    kernel = tf.constant(kernel, tf.float32)
    parts = [tf.nn.conv2d(one[None], kernel, 1, "SAME").numpy() for one in source]
    return np.asarray(np.concatenate(parts) + bias, np.float32)


def _pool(source: FloatArray) -> FloatArray:
    return np.asarray(tf.nn.max_pool2d(source, 2, 2, "VALID").numpy(), np.float32)
