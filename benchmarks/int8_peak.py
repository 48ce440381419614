"""The processor's 8-bit peak, measured by a loop that loads nothing (``int8_peak.c``)."""

from __future__ import annotations

import ctypes
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import onnx

SOURCE = Path(__file__).with_suffix(".c")
ROUNDS = 400_000


class Peak:
    """Compiles the loop with gcc for this processor.

    Parameters
    ----------
    folder
        For the compiled library.
    threads
        That run the loop at once.
    """

    def __init__(self, folder: Path, *, threads: int) -> None:
        library = folder / "int8_peak.so"
        command = ["gcc", "-O3", "-march=native", "-shared", "-fPIC", SOURCE, "-o", library]
        subprocess.run(command, check=True)
        self._library = ctypes.CDLL(str(library))
        self._library.instruction.restype = ctypes.c_char_p
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)  # a call into C lets other threads run

    @property
    def instruction(self) -> str:
        """What the fast loop is made of."""
        return str(self._library.instruction().decode())

    def seconds_for(self, accumulates: int, loop: str) -> Callable[[], float]:
        """Return a call that measures how long so many multiply-accumulates take at the peak."""
        function = self._library[loop]
        function.argtypes, function.restype = [ctypes.c_longlong], ctypes.c_longlong

        def measure() -> float:
            started = time.perf_counter()
            done = sum(self._pool.map(function, [ROUNDS] * self._threads))
            return (time.perf_counter() - started) * accumulates / done

        return measure


def count_accumulates(graph: bytes) -> int:
    """Count the multiply-accumulates of a graph's convolutions for one canvas."""
    model = onnx.load_from_string(graph)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(model).graph
    shapes = {
        one.name: [side.dim_value for side in one.type.tensor_type.shape.dim]
        for one in (*inferred.value_info, *inferred.output)
    }
    shapes |= {one.name: list(one.dims) for one in inferred.initializer}
    total = 0
    for node in inferred.node:
        if node.op_type == "Conv":
            _, inside, rows, columns = shapes[node.input[1]]
            _, outside, height, width = shapes[node.output[0]]
            total += inside * rows * columns * outside * height * width
    return total
