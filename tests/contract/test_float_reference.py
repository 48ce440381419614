"""The integers of the embedded models against the same graphs in floating point."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.model.artifact import EMBEDDED_NAMES, Artifact, read_artifact
from tumorscope.model.classifier import INPUT, Classifier

LARGEST_DIFFERENCE = 0.02


def float_reference(artifact: Artifact) -> onnxruntime.InferenceSession:
    """Node by node as written: each integer layer is computed in float32."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    graph = artifact.graph
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_integers_give_the_probabilities_of_floating_point(name: str) -> None:
    """On any processor: without VNNI, 16 bits would saturate (docs/decisions/0040)."""
    artifact = read_artifact(Path(name))
    model, reference = Classifier(artifact), float_reference(artifact)
    for seed, lesion in enumerate((Lesion(), None, Lesion(), None)):
        pixels = head_phantom(lesion=lesion, seed=seed).astype(np.float32)
        canvas, _ = model.manifest.preprocessing.apply(pixels)
        (expected,) = reference.run(["tumor"], {INPUT: canvas[None]})
        answered = model.calibrate(model.run(canvas[None])[0])
        np.testing.assert_allclose(answered, model.calibrate(expected), atol=LARGEST_DIFFERENCE)
