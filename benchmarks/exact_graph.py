"""A quantized graph in exact arithmetic: integers as they are, everything between them in float64.

ONNX's own reference evaluator, with the operators replaced that round to float32 on the way: a
sum of 8-bit products is exact in float64, so what is left of rounding is 2 ** -29 of float32's.
Slow: seconds an image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

Array = NDArray[Any]


def open_exact(graph: bytes) -> ReferenceEvaluator:
    """Open a graph; its ``run`` is called as a session's."""
    return ReferenceEvaluator(onnx.load_from_string(graph), new_ops=list(_OPERATORS))


class DequantizeLinear(OpRun):
    """Integers to float64."""

    op_domain = ""

    def _run(
        self, x: Array, scale: Array, zero: Array | None = None, **settings: Any
    ) -> tuple[Array]:
        axis = settings.get("axis")

        def along(values: Array) -> Array:
            values = np.asarray(values)
            if values.size == 1:
                return values.reshape(())
            return values.reshape([-1 if at == axis else 1 for at in range(x.ndim)])

        offset = 0 if zero is None else along(zero).astype(np.int64)
        return ((x.astype(np.int64) - offset) * along(scale).astype(np.float64),)


class QuantizeLinear(OpRun):
    """Float64 to integers, half to even."""

    op_domain = ""

    def _run(self, x: Array, scale: Array, zero: Array, **_: Any) -> tuple[Array]:
        kind = np.asarray(zero).dtype
        whole = np.rint(x / np.asarray(scale, np.float64)) + np.asarray(zero, np.int64)
        return (np.clip(whole, np.iinfo(kind).min, np.iinfo(kind).max).astype(kind),)


class Conv(OpRun):
    """Convolution in float64, of one group and step 1."""

    op_domain = ""

    def _run(
        self, x: Array, kernel: Array, bias: Array | None = None, **settings: Any
    ) -> tuple[Array]:
        if settings.get("group") not in (None, 1) or set(settings.get("strides") or [1]) != {1}:
            raise NotImplementedError("convolutions in groups or steps")
        top, left, bottom, right = settings.get("pads") or (0, 0, 0, 0)
        x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right))).astype(np.float64)
        filters, channels, high, wide = kernel.shape
        rows, columns = x.shape[2] - high + 1, x.shape[3] - wide + 1
        total = np.zeros((len(x), filters, rows * columns))
        for row in range(high):
            for column in range(wide):
                part = x[:, :, row : row + rows, column : column + columns]
                flat = part.reshape(len(x), channels, -1)
                total += kernel[:, :, row, column].astype(np.float64) @ flat
        total = total.reshape(len(x), filters, rows, columns)
        return (total if bias is None else total + np.reshape(bias, (1, -1, 1, 1)),)


class Gemm(OpRun):
    """Matrix product in float64."""

    op_domain = ""

    def _run(self, a: Array, b: Array, c: Array | None = None, **settings: Any) -> tuple[Array]:
        a = a.T if settings.get("transA") else a
        b = b.T if settings.get("transB") else b
        product = (settings.get("alpha") or 1.0) * (a.astype(np.float64) @ b.astype(np.float64))
        return (product if c is None else product + (settings.get("beta") or 1.0) * c,)


def _binary(name: str, compute: Callable[[Array, Array], Array]) -> type[OpRun]:
    def run(_: OpRun, a: Array, b: Array) -> tuple[Array]:
        is_real = any(np.issubdtype(np.asarray(one).dtype, np.floating) for one in (a, b))
        kind = np.float64 if is_real else np.asarray(a).dtype
        return (np.asarray(compute(np.asarray(a, kind), np.asarray(b, kind))),)

    return type(name, (OpRun,), {"op_domain": "", "_run": run})


_OPERATORS: Final = (
    DequantizeLinear,
    QuantizeLinear,
    Conv,
    Gemm,
    _binary("Add", np.add),
    _binary("Sub", np.subtract),
    _binary("Mul", np.multiply),
    _binary("Div", np.divide),
    _binary("MatMul", np.matmul),
)
