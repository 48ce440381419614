"""Fine-tuning VGG16 with Keras; needs the extra ``[train]`` and is never imported by serving."""

from __future__ import annotations

from typing import Any

__all__ = ["TumorClassifier"]


def __getattr__(name: str) -> Any:
    """Import the estimator, and Keras with it, only when it is asked for."""
    if name != "TumorClassifier":
        raise AttributeError(f"module 'tumorscope.training' has no attribute {name!r}")
    from tumorscope.training.estimator import TumorClassifier

    return TumorClassifier
