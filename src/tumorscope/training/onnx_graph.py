"""The trained weights as an ONNX graph: uint8 canvas in, logits and evidence out.

The graph is written node by node, in the order of the network, rather than traced: it holds no
trace of the training arithmetic, the constant scales are folded into the kernels, and every node
carries the name of its Keras layer. A test compares it with Keras on random canvases.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from tumorscope.errors import UsageError
from tumorscope.imaging.preprocess import IMAGENET_MEAN_BGR
from tumorscope.labels import TUMOR_TYPES
from tumorscope.model.integer_arithmetic import SAFE_KEY, SAFE_VALUE
from tumorscope.training.config import TrainConfig
from tumorscope.training.input_check import WINDOWS, Novelty
from tumorscope.training.lines import Line
from tumorscope.training.network import (
    CELL_PIXELS,
    FEATURE_SCALES,
    backbone_layers,
)

OPSET: Final = 17
"""The oldest with everything used here, so that old runtimes and browsers can load it."""


LAYOUT_READERS: Final = (
    "block4_conv1/linear/Conv",
    "block4_conv3/mean/GlobalAveragePool",
    "block5_conv3/mean/GlobalAveragePool",
)
"""Nodes that read the maps at which input check and recognition look: ``block3_pool``,
``block4_conv3`` and ``block5_conv3``."""


class _Graph:
    """Nodes and constants of a graph under construction."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(
            helper.make_node(kind, inputs, [name], name=f"{name}/{kind}", **attributes)
        )
        return name

    def convolution(
        self, source: str, name: str, kernel: NDArray[Any], bias: NDArray[Any], *, relu: bool
    ) -> str:
        """Add a stride-1 convolution; ``kernel`` in Keras layout (rows, columns, in, out)."""
        pad = kernel.shape[0] // 2
        output = self.node(
            "Conv",
            [
                source,
                self.constant(f"{name}/kernel", kernel.transpose(3, 2, 0, 1)),
                self.constant(f"{name}/bias", bias),
            ],
            f"{name}/linear" if relu else name,
            kernel_shape=list(kernel.shape[:2]),
            pads=[pad] * 4,
        )
        return self.node("Relu", [output], name) if relu else output


def build_graph(
    weights: Mapping[str, NDArray[np.float32]], *, size: int, config: TrainConfig
) -> onnx.ModelProto:
    """Write the network with given weights.

    Parameters
    ----------
    weights
        By layer name, as kept in a run: ``block1_conv1/kernel`` and so on.
    size
        Side of the canvas in pixels.
    config
        The run's settings; the pooling sharpness is part of the graph.

    Returns
    -------
    ModelProto
        Input ``canvas`` (n, size, size) uint8; outputs ``tumor`` (n,), ``evidence``
        (n, size/8, size/8), ``type`` (n, types) logits and ``features`` (n, 1024 at full
        width), the mean activations of ``block4_conv3`` and ``block5_conv3``.
    """
    graph = _Graph()
    backbone = _add_backbone(graph, weights, backbone_layers())
    fine, coarse = backbone["block4_conv3"], backbone["block5_conv3"]
    evidence, merged = _add_evidence(graph, weights, fine, coarse)
    cells = (size // CELL_PIXELS) ** 2
    _add_pooling(graph, evidence, sharpness=config.pooling_sharpness, cells=cells)
    _add_type(graph, weights, coarse, merged)
    _add_features(graph, [fine, coarse])
    cells = size // CELL_PIXELS
    shapes: dict[str, list[Any]] = {
        "tumor": ["n"],
        "evidence": ["n", cells, cells],
        "type": ["n", len(TUMOR_TYPES)],
        "features": [
            "n",
            sum(len(weights[f"{name}/bias"]) for name in ("block4_conv3", "block5_conv3")),
        ],
    }
    return _finish(graph, size, shapes)


def add_layout(graph: onnx.ModelProto, *, side: int) -> onnx.ModelProto:
    """Return the graph, float or quantized, with one more output: ``layout`` (n, d).

    These are the mean activations of ``block3_pool``, ``block4_conv3`` and ``block5_conv3`` in
    windows of 3 x 3 that overlap by a third, one map after another, each in the order channel,
    row, column.

    Parameters
    ----------
    graph
        With the layers of VGG16 under their names.
    side
        Of the map of ``block5_conv3``, in cells; the others are twice as fine.

    Raises
    ------
    UsageError
        If the graph has other layers.
    """
    part = _Graph()
    _add_layout(part, graph, side, name="layout")
    return _extended(graph, part, {"layout": ["n", None]})


def add_novelty(graph: onnx.ModelProto, novelty: Novelty, *, side: int) -> onnx.ModelProto:
    """Return the graph, float or quantized, with one more output: ``novelty`` (n,).

    A novelty that the graph had is taken out. Parameters as in :func:`add_layout`.
    """
    part = _Graph()
    layout = _add_layout(part, graph, side, name="novelty/layout")
    roots = part.node("Sqrt", [layout], "novelty/roots")
    weights = part.constant("novelty/weights", novelty.weights[:, None])
    product = part.node("MatMul", [roots, weights], "novelty/product")
    bias = part.constant("novelty/bias", np.array(novelty.bias, np.float32))
    logit = part.node("Add", [product, bias], "novelty/logit")
    column = part.node("Sigmoid", [logit], "novelty/column")
    part.node("Squeeze", [column, part.constant("novelty/axis", np.array([1]))], "novelty")
    return _extended(without_novelty(graph), part, {"novelty": ["n"]})


def without_novelty(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph without the output ``novelty`` and what only that needs."""
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    for parts in (model.graph.node, model.graph.initializer, model.graph.output):
        kept = [one for one in parts if not one.name.startswith("novelty")]
        del parts[:]
        parts.extend(kept)
    return model


def add_recognition(
    graph: onnx.ModelProto, lines: Mapping[str, Line], *, side: int
) -> onnx.ModelProto:
    """Return the graph, float or quantized, with one more output of logits for each line.

    Lines of the same names that the graph had are taken out.

    Parameters
    ----------
    graph, side
        As in :func:`add_layout`.
    lines
        Of the layout, by the name of the output, which has shape (n, classes).
    """
    part = _Graph()
    layout = _add_layout(part, graph, side, name="recognition/layout")
    roots = part.node("Sqrt", [layout], "recognition/roots")
    for name, line in lines.items():
        weights = part.constant(f"recognition/{name}/weights", line.weights)
        product = part.node("MatMul", [roots, weights], f"recognition/{name}/product")
        bias = part.constant(f"recognition/{name}/bias", line.bias)
        part.nodes.append(
            helper.make_node("Add", [product, bias], [name], name=f"recognition/{name}/Add")
        )
    shapes: dict[str, list[Any]] = {name: ["n", len(line.bias)] for name, line in lines.items()}
    return _extended(without_recognition(graph), part, shapes)


def without_recognition(graph: onnx.ModelProto) -> onnx.ModelProto:
    """Return the graph without the outputs of :func:`add_recognition`."""
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    added = {
        output
        for node in model.graph.node
        if node.name.startswith("recognition/")
        for output in node.output
    }
    for parts, is_added in (
        (model.graph.node, lambda one: one.name.startswith("recognition/")),
        (model.graph.initializer, lambda one: one.name.startswith("recognition/")),
        (model.graph.output, lambda one: one.name in added),
    ):
        kept = [one for one in parts if not is_added(one)]
        del parts[:]
        parts.extend(kept)
    return model


def _layout_maps(graph: onnx.ModelProto) -> list[str]:
    """Return the maps of which the layout consists, as the layers after them receive them.

    In a quantized graph that is what the integers stand for, so nothing is computed twice.
    """
    sources = {node.name: str(node.input[0]) for node in graph.graph.node if node.input}
    missing = [reader for reader in LAYOUT_READERS if reader not in sources]
    if missing:
        raise UsageError(
            "Input check and recognition need a graph as 'tumorscope export' writes it; this one "
            f"has no {missing[0]}."
        )
    return [sources[reader] for reader in LAYOUT_READERS]


def _add_layout(part: _Graph, graph: onnx.ModelProto, side: int, *, name: str) -> str:
    sides = (2 * side, 2 * side, side)
    rows = [
        _add_windows(part, source, one, name=f"{name}/{index}")
        for index, (source, one) in enumerate(zip(_layout_maps(graph), sides, strict=True))
    ]
    return part.node("Concat", rows, name, axis=1)


def _add_windows(part: _Graph, source: str, side: int, *, name: str) -> str:
    stride = max(1, 2 * side // 7)
    kernel = side - (WINDOWS - 1) * stride
    windows = part.node(
        "AveragePool",
        [source],
        f"{name}/windows",
        kernel_shape=[kernel, kernel],
        strides=[stride, stride],
    )
    return part.node("Flatten", [windows], f"{name}/row", axis=1)


def _extended(
    graph: onnx.ModelProto, part: _Graph, outputs: Mapping[str, list[Any]]
) -> onnx.ModelProto:
    model = onnx.ModelProto()
    model.CopyFrom(graph)
    model.graph.node.extend(part.nodes)
    model.graph.initializer.extend(part.constants)
    for name, shape in outputs.items():
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
    onnx.checker.check_model(model)
    return model


def build_stem_graph(
    weights: Mapping[str, NDArray[np.float32]], *, size: int, layers: list[str]
) -> onnx.ModelProto:
    """Write the layers that are not trained.

    Parameters
    ----------
    weights
        By layer name, of at least these layers.
    size
        Side of the canvas in pixels.
    layers
        The first layers of VGG16, in order.

    Returns
    -------
    ModelProto
        Input ``canvas`` (n, size, size) uint8; output ``stem``
        (n, size/8, size/8, channels).
    """
    graph = _Graph()
    last = _add_backbone(graph, weights, layers)[layers[-1]]
    graph.node("Transpose", [last], "stem", perm=[0, 2, 3, 1])
    cells = size // CELL_PIXELS
    channels = next(
        len(weights[f"{name}/bias"]) for name in reversed(layers) if f"{name}/bias" in weights
    )
    return _finish(graph, size, {"stem": ["n", cells, cells, channels]})


def quantize(
    graph: onnx.ModelProto,
    canvases: NDArray[np.uint8],
    *,
    folder: Path,
    weight_bits: Literal[7, 8] = 8,
) -> onnx.ModelProto:
    """Turn the convolutions into 8-bit integers, per output channel.

    A ReLU is part of the rounding after its convolution: it costs nothing, and no step is spent
    on what is below 0.

    Parameters
    ----------
    graph
        Float graph.
    canvases
        Shape (n, size, size): scans from the training split whose activations set the ranges.
    folder
        For intermediate files.
    weight_bits
        With 7, the fast instructions of every processor are exact, and the graph says so in its
        metadata; 8 round less.
    """
    from onnxruntime.quantization import (
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    source, prepared, target = (folder / f"{stem}.onnx" for stem in ("float", "prepared", "int8"))
    onnx.save(graph, source)
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        target,
        _CanvasReader(canvases),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "Relu", "MaxPool"],
        per_channel=True,
        reduce_range=weight_bits == 7,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        nodes_to_exclude=["evidence_logit/Conv"],
        extra_options={"ActivationSymmetric": False, "CalibMovingAverage": True},
    )
    integers = onnx.load(target)
    if weight_bits == 7:
        integers.metadata_props.add(key=SAFE_KEY, value=SAFE_VALUE)
    return integers


class _CanvasReader:
    """Feeds canvases to the quantizer, one at a time."""

    def __init__(self, canvases: NDArray[np.uint8]) -> None:
        self._feeds = iter([{"canvas": canvas[None]} for canvas in canvases])

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next feed, or ``None`` at the end."""
        return next(self._feeds, None)


def _add_backbone(
    graph: _Graph, weights: Mapping[str, NDArray[np.float32]], layers: list[str]
) -> dict[str, str]:
    """Add the first layers of VGG16; return the output of each by layer name."""
    mean = np.array(IMAGENET_MEAN_BGR, np.float32).reshape(1, 3, 1, 1)
    graph.node("Cast", ["canvas"], "canvas/float", to=TensorProto.FLOAT)
    graph.node("Unsqueeze", ["canvas/float", graph.constant("axis1", np.array([1]))], "canvas/map")
    features = graph.node("Sub", ["canvas/map", graph.constant("mean", mean)], "imagenet_input")
    outputs = {}
    for name in layers:
        if name.endswith("pool"):
            window = {"kernel_shape": [2, 2], "strides": [2, 2]}
            features = graph.node("MaxPool", [features], name, **window)
        else:
            kernel, bias = weights[f"{name}/kernel"], weights[f"{name}/bias"]
            features = graph.convolution(features, name, kernel, bias, relu=True)
        outputs[name] = features
    return outputs


def _add_evidence(
    graph: _Graph, weights: Mapping[str, NDArray[np.float32]], fine: str, coarse: str
) -> tuple[str, str]:
    lateral = {}
    for name, source in (("coarse", coarse), ("fine", fine)):
        kernel = weights[f"{name}_lateral/kernel"] * np.float32(FEATURE_SCALES[name])
        lateral[name] = graph.convolution(
            source, f"{name}_lateral", kernel, weights[f"{name}_lateral/bias"], relu=False
        )
    scales = graph.constant("upsampling", np.array([1, 1, 2, 2], np.float32))
    wide = graph.node(
        "Resize",
        [lateral["coarse"], "", scales],
        "coarse_upsampling",
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )
    merged = graph.node("Relu", [graph.node("Add", [wide, lateral["fine"]], "merge")], "merge_relu")
    hidden = graph.convolution(
        merged,
        "evidence_hidden",
        weights["evidence_hidden/kernel"],
        weights["evidence_hidden/bias"],
        relu=True,
    )
    logit = graph.convolution(
        hidden,
        "evidence_logit",
        weights["evidence_logit/kernel"],
        weights["evidence_logit/bias"],
        relu=False,
    )
    return logit, hidden


def _add_pooling(graph: _Graph, evidence: str, *, sharpness: float, cells: int) -> None:
    axis = graph.constant("axis1_only", np.array([1]))
    graph.node("Squeeze", [evidence, axis], "evidence")
    graph.node("Flatten", ["evidence"], "evidence/cells", axis=1)
    factor = graph.constant("sharpness", np.array(sharpness, np.float32))
    graph.node("Mul", ["evidence/cells", factor], "tumor/sharp")
    graph.node("ReduceLogSumExp", ["tumor/sharp"], "tumor/sum", axes=[1], keepdims=0)
    count = graph.constant("log_cells", np.array(np.log(cells), np.float32))
    graph.node("Sub", ["tumor/sum", count], "tumor/mean")
    graph.node("Div", ["tumor/mean", factor], "tumor")


def _add_features(graph: _Graph, sources: list[str]) -> None:
    """Add the mean activation of each channel."""
    means = [graph.node("GlobalAveragePool", [source], f"{source}/mean") for source in sources]
    graph.node("Concat", means, "features/maps", axis=1)
    graph.node("Flatten", ["features/maps"], "features", axis=1)


def _add_type(
    graph: _Graph, weights: Mapping[str, NDArray[np.float32]], coarse: str, merged: str
) -> None:
    place = graph.node(
        "AveragePool", ["evidence_logit"], "evidence_coarse", kernel_shape=[2, 2], strides=[2, 2]
    )
    attended = _add_attention(graph, coarse, place, "type_attention")
    scale = graph.constant("type_scale", np.array(FEATURE_SCALES["coarse"], np.float32))
    attended = graph.node("Mul", [attended, scale], "type_scaled")
    shared = _add_attention(graph, merged, "evidence_logit", "type_attention_fine")
    pooled = graph.node("Concat", [attended, shared], "type_features", axis=1)
    kernel = graph.constant("type/kernel", weights["type/kernel"])
    bias = graph.constant("type/bias", weights["type/bias"])
    graph.node("Gemm", [pooled, kernel, bias], "type")


def _add_attention(graph: _Graph, features: str, evidence: str, name: str) -> str:
    """Add the softmax-weighted mean of (n, d, r, c) features over the cells: (n, d)."""
    shape = graph.constant(f"{name}/shape", np.array([0, 0, -1]))
    cells = graph.node("Reshape", [features, shape], f"{name}/cells")  # (n, d, r*c)
    logits = graph.node("Reshape", [evidence, shape], f"{name}/logits")  # (n, 1, r*c)
    weights = graph.node("Softmax", [logits], f"{name}/weights", axis=2)
    column = graph.node("Transpose", [weights], f"{name}/column", perm=[0, 2, 1])
    mean = graph.node("MatMul", [cells, column], f"{name}/mean")  # (n, d, 1)
    return graph.node("Flatten", [mean], name, axis=1)


def _finish(graph: _Graph, size: int, shapes: Mapping[str, list[Any]]) -> onnx.ModelProto:
    proto = helper.make_graph(
        graph.nodes,
        "tumorscope",
        [helper.make_tensor_value_info("canvas", TensorProto.UINT8, ["n", size, size])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()
        ],
        graph.constants,
    )
    model = helper.make_model(proto, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8  # belongs to opset 17
    onnx.checker.check_model(model, full_check=True)
    return model
