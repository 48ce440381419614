"""Processor time of one picture in the network, by threads, pictures at once and spinning.

    python -m benchmarks.bench_http_threads

On a machine that does other work too, compare processor times and the rates of one round only.
"""

from __future__ import annotations

import argparse
import itertools
import threading
import time

import numpy as np
import onnxruntime

from tumorscope.model.artifact import read_artifact

SECONDS = 2.0
ROUNDS = 3


def open_session(graph: bytes, *, threads: int, spinning: bool) -> onnxruntime.InferenceSession:
    """Open the embedded network."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def measure(session: onnxruntime.InferenceSession, canvas: np.ndarray, at_once: int) -> str:
    """Run the network for a while from some threads at once."""
    counts = [0] * at_once
    started, processor = time.perf_counter(), time.process_time()

    def work(place: int) -> None:
        while time.perf_counter() - started < SECONDS:
            session.run(None, {"canvas": canvas})
            counts[place] += 1

    threads = [threading.Thread(target=work, args=(place,)) for place in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    return f"{sum(counts) / seconds:.2f} per second, {1000 * processor / sum(counts):.0f} ms each"


def main() -> None:
    """Print all combinations, in turn."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    artifact = read_artifact(None)
    size = artifact.manifest.preprocessing.size
    canvas = np.zeros((1, size, size), np.uint8)
    kinds = list(itertools.product((1, 2), (False, True)))
    sessions = [
        open_session(artifact.graph, threads=threads, spinning=spinning)
        for threads, spinning in kinds
    ]
    for _ in range(ROUNDS):
        for (threads, spinning), session in zip(kinds, sessions, strict=True):
            for at_once in (1, 2):
                result = measure(session, canvas, at_once)
                print(f"{threads=} {spinning=} {at_once=}: {result}", flush=True)


if __name__ == "__main__":
    main()
