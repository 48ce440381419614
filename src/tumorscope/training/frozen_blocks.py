"""The layers that are not trained, as a graph that ONNX Runtime computes in 8-bit integers.

They are the costliest part of VGG16, and integers compute them several times faster than Keras.
The exported model computes them in the same way.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from tumorscope.model.integer_arithmetic import keep_exact
from tumorscope.training.checkpoint import Arrays
from tumorscope.training.config import FrozenArithmetic
from tumorscope.training.onnx_graph import build_stem_graph, quantize

STEP_KEY: Final = "tumorscope_step"
FULL_SCALE: Final = 255


class FrozenStem:
    """Canvases to the output of the last frozen layer.

    Parameters
    ----------
    graph
        As made by :func:`make_stem`.

    Attributes
    ----------
    step
        Value of one unit of the features; they are stored as multiples of it in uint8.
    """

    def __init__(self, graph: bytes) -> None:
        self._session = _open(graph)
        self.step = float(self._session.get_modelmeta().custom_metadata_map[STEP_KEY])

    @property
    def feature_shape(self) -> tuple[int, ...]:
        """Shape of the features of one canvas: (rows, columns, channels)."""
        return tuple(self._session.get_outputs()[0].shape[1:])

    def __call__(self, canvases: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Map (n, size, size) canvases to (n, rows, columns, channels) uint8 features."""
        (features,) = self._session.run(["stem"], {"canvas": canvases})
        features *= np.float32(1 / self.step)
        np.rint(features, out=features)
        stored: NDArray[np.uint8] = np.minimum(features, FULL_SCALE).astype(np.uint8)
        return stored


def make_stem(
    weights: Arrays,
    *,
    size: int,
    layers: list[str],
    canvases: NDArray[np.uint8],
    arithmetic: FrozenArithmetic,
) -> bytes:
    """Write the graph of the frozen layers.

    Parameters
    ----------
    weights
        By layer name.
    size
        Side of the canvas in pixels.
    layers
        Names of the frozen layers, in order.
    canvases
        Shape (n, size, size): training scans that set the integer ranges and the step.
    arithmetic
        ``int8`` or ``float32``.
    """
    graph = build_stem_graph(weights, size=size, layers=layers)
    if arithmetic == "int8":
        with tempfile.TemporaryDirectory() as folder:
            graph = quantize(graph, canvases, folder=Path(folder))
    session = _open(graph.SerializeToString())
    largest = max(session.run(["stem"], {"canvas": canvas[None]})[0].max() for canvas in canvases)
    step = graph.metadata_props.add()
    step.key, step.value = STEP_KEY, repr(float(largest) / FULL_SCALE)
    return bytes(graph.SerializeToString())


def _open(graph: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    keep_exact(options, graph)
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
