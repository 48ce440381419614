"""The integers of the embedded model against the same graph in floating point."""

from collections.abc import Iterator

import numpy as np
import onnxruntime
import pytest

from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import INPUT, Classifier

LARGEST_DIFFERENCE = 0.02


@pytest.fixture(scope="module")
def reference() -> Iterator[onnxruntime.InferenceSession]:
    """Node by node as written: each integer layer is computed in float32."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    graph = read_artifact().graph
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def test_integers_give_the_probabilities_of_floating_point(
    reference: onnxruntime.InferenceSession,
) -> None:
    """On any processor: without VNNI, 16 bits would saturate (docs/decisions/0040)."""
    model = Classifier(read_artifact())
    for seed, lesion in enumerate((Lesion(), None, Lesion(), None)):
        pixels = head_phantom(lesion=lesion, seed=seed).astype(np.float32)
        canvas, _ = model.manifest.preprocessing.apply(pixels)
        (expected,) = reference.run(["tumor"], {INPUT: canvas[None]})
        answered = model.calibrate(model.run(canvas[None])[0])
        np.testing.assert_allclose(answered, model.calibrate(expected), atol=LARGEST_DIFFERENCE)
