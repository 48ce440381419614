"""Fine-tuning VGG16 with Keras; needs the extra ``[train]`` and is never imported by serving.

In: images and labels as arrays. Out: a run folder with weights, and the ONNX graph made of them.
Imports `model` and what lies below it, never `data`, `evaluation` or `audit`.
"""

from __future__ import annotations

import os
from typing import Any

# TensorFlow's notes on the processor are no news to a user; its warnings and errors still come.
# It reads this once, when it is loaded.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")

__all__ = ["TumorClassifier"]


def __getattr__(name: str) -> Any:
    """Import the estimator, and Keras with it, only when it is asked for."""
    if name != "TumorClassifier":
        raise AttributeError(f"module 'tumorscope.training' has no attribute {name!r}")
    from tumorscope.training.estimator import TumorClassifier

    return TumorClassifier
