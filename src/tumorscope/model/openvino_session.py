"""The network in OpenVINO instead of ONNX Runtime, for who asks for it.

OpenVINO uses a processor's matrix instructions (AMX) where ONNX Runtime uses them little. It is
an extra, ``tumorscope[openvino]``, chosen with the environment variable ``TUMORSCOPE_RUNTIME``.
See docs/decisions/0042.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import ArtifactError, UsageError
from tumorscope.model.integer_arithmetic import cannot_saturate, multiplies_exactly

VARIABLE: Final = "TUMORSCOPE_RUNTIME"
RUNTIMES: Final = ("onnxruntime", "openvino")

_TYPES: Final = {"u8": "tensor(uint8)", "f32": "tensor(float)"}
"""OpenVINO's names of element types as ONNX Runtime's."""


def chosen_runtime() -> str:
    """Return the name in ``TUMORSCOPE_RUNTIME``; ``onnxruntime`` where it is not set.

    Raises
    ------
    UsageError
        If there is no such runtime.
    """
    name = os.environ.get(VARIABLE) or RUNTIMES[0]
    if name not in RUNTIMES:
        raise UsageError(f"{VARIABLE} must be one of {', '.join(RUNTIMES)}; received {name!r}.")
    return name


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output, described as ONNX Runtime describes it."""

    name: str
    type: str
    shape: list[int | str]


class OpenVinoSession:
    """Answers as an ``onnxruntime.InferenceSession`` does, as far as the classifier asks it.

    Parameters
    ----------
    graph
        Serialized ONNX graph.
    threads
        Processor threads of the network.

    Raises
    ------
    UsageError
        If OpenVINO is not installed, or would round differently on this processor: without VNNI
        its sums of 8-bit products saturate.
    ArtifactError
        If the graph cannot be loaded.
    """

    def __init__(self, graph: bytes, threads: int) -> None:
        if not (cannot_saturate(graph) or multiplies_exactly()):
            raise UsageError(
                "OpenVINO's 8-bit sums would saturate on this processor, which has no VNNI "
                f"instructions, and give wrong answers; unset {VARIABLE}."
            )
        os.environ.setdefault("OPENVINO_TELEMETRY_DISABLED", "1")
        try:
            import openvino
        except ImportError as error:
            raise UsageError(
                f"{VARIABLE} asks for OpenVINO, which is not installed; "
                'pip install "tumorscope[openvino]", or unset it.'
            ) from error
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
        try:
            core = openvino.Core()
            self._network = core.compile_model(core.read_model(graph, b""), "CPU", options)
        except RuntimeError as error:
            raise ArtifactError(f"The artifact's graph cannot be loaded: {error}") from error
        self._own = threading.local()  # a request holds the memory of one answer at a time

    def get_inputs(self) -> list[Port]:
        """Describe the inputs."""
        return [_port(one) for one in self._network.inputs]

    def get_outputs(self) -> list[Port]:
        """Describe the outputs."""
        return [_port(one) for one in self._network.outputs]

    def run(
        self, outputs: Sequence[str], feeds: Mapping[str, NDArray[Any]]
    ) -> list[NDArray[np.float32]]:
        """Return some outputs by name; every thread may call it."""
        request = getattr(self._own, "request", None)
        if request is None:
            request = self._own.request = self._network.create_infer_request()
        request.infer(dict(feeds))
        return [request.get_tensor(name).data.copy() for name in outputs]


def _port(port: Any) -> Port:
    sides = [one.get_length() if one.is_static else str(one) for one in port.partial_shape]
    kind = port.element_type.to_string()
    return Port(port.any_name, _TYPES.get(kind, kind), sides)
