"""How many processor threads a process computes with."""

from __future__ import annotations

from typing import Any

import onnxruntime


def limit_threads(count: int) -> None:
    """Compute with so many threads from now on; before anything was computed in this process.

    An affinity would not do: ONNX Runtime starts a thread for each processor of the machine and
    ties it there. It has no setting for a process but the options of each session, and sessions
    are made in its own calibration, too. So this is for processes that do nothing else.
    """
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(count)

    class Limited(onnxruntime.SessionOptions):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            self.intra_op_num_threads = count

    onnxruntime.SessionOptions = Limited
