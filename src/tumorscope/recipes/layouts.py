"""Where in the picture a network's maps are active: what input check and recognition look at."""

from __future__ import annotations

import hashlib

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from tqdm import tqdm

from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import Artifact
from tumorscope.model.integer_arithmetic import keep_exact
from tumorscope.training.network import CELL_PIXELS
from tumorscope.training.onnx_graph import add_layout, without_novelty, without_recognition


def layouts(
    artifact: Artifact, canvases: NDArray[np.uint8], *, what: str = "input check"
) -> NDArray[np.float32]:
    """Return the layout of each canvas, see :func:`tumorscope.training.onnx_graph.add_layout`.

    Parameters
    ----------
    canvases
        Shape (n, size, size); n is at least 1.
    what
        Shown beside the progress.

    Returns
    -------
    ndarray
        Shape (n, d), mean activations, at least 0.
    """
    graph = _network(artifact)
    side = side_of(artifact.manifest.preprocessing)
    content = add_layout(graph, side=side).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    keep_exact(options, content)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    shown = tqdm(canvases, desc=what, unit="image", disable=None)
    rows = [session.run(["layout"], {"canvas": canvas[None]})[0] for canvas in shown]
    return np.concatenate(rows)


def side_of(preprocessing: Preprocessing) -> int:
    """Return the side of the map of ``block5_conv3`` in cells, half as fine as the evidence."""
    return preprocessing.size // (2 * CELL_PIXELS)


def network_sha256(artifact: Artifact) -> str:
    """Return the SHA-256 of a network without input check and recognition: it fixes the layouts."""
    return hashlib.sha256(_network(artifact).SerializeToString(deterministic=True)).hexdigest()


def _network(artifact: Artifact) -> onnx.ModelProto:
    return without_recognition(without_novelty(onnx.load_from_string(artifact.graph)))
