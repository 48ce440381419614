"""The weights of an exported graph, back in the shapes of the Keras layers."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

from tumorscope.errors import UsageError
from tumorscope.training.checkpoint import Arrays
from tumorscope.training.network import FEATURE_SCALES

_KERNEL_INPUT: Final = 1
_BIAS_INPUT: Final = 2


def graph_weights(graph: bytes) -> Arrays:
    """Return kernels and biases by layer name, such as ``block4_conv1/kernel``.

    Parameters
    ----------
    graph
        ONNX, as ``tumorscope export`` writes it: floating point, or integers, of which what they
        stand for is returned.

    Raises
    ------
    UsageError
        If the graph has no layer with weights.
    """
    model = onnx.load_from_string(graph)
    constants = {one.name: numpy_helper.to_array(one) for one in model.graph.initializer}
    producers = {output: node for node in model.graph.node for output in node.output}
    arrays: Arrays = {}
    for node in model.graph.node:
        if node.op_type not in {"Conv", "Gemm"}:
            continue
        layer = node.name.split("/")[0]
        kernel, bias = (
            _value(node.input[position], constants, producers)
            for position in (_KERNEL_INPUT, _BIAS_INPUT)
        )
        arrays[f"{layer}/kernel"] = _keras_kernel(layer, kernel)
        arrays[f"{layer}/bias"] = bias.astype(np.float32)
    if not arrays:
        raise UsageError("The graph has no convolution or dense layer to take weights from.")
    return arrays


def _value(
    name: str, constants: dict[str, NDArray[Any]], producers: dict[str, onnx.NodeProto]
) -> NDArray[Any]:
    """Return a constant, or what integers with a scale for each output channel stand for."""
    if name in constants:
        return constants[name]
    integers, scale, zero = (constants[one] for one in producers[name].input)
    by_channel = (-1, *[1] * (integers.ndim - 1))
    centered = integers.astype(np.float32) - zero.astype(np.float32).reshape(by_channel)
    value: NDArray[Any] = centered * scale.reshape(by_channel)
    return value


def _keras_kernel(layer: str, kernel: NDArray[Any]) -> NDArray[np.float32]:
    """Undo what the export does to a kernel: its axes' order, and a scale that it folds in."""
    is_dense = kernel.ndim == 2
    restored = kernel if is_dense else kernel.transpose(2, 3, 1, 0)
    scale = FEATURE_SCALES.get(layer.removesuffix("_lateral"), 1.0)
    return np.ascontiguousarray(restored / np.float32(scale), np.float32)
