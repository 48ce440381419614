"""tumorscope: a brain-tumor classifier for MR images that says where, how sure, and on what.

>>> from tumorscope import load_model
>>> model = load_model()
>>> prediction = model.predict("scan.png")  # doctest: +SKIP

Research use only. Not a medical device.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from tumorscope.errors import (
    ArtifactError,
    CorruptImageError,
    ImageContentError,
    ImageError,
    ImageTooLargeError,
    LeakError,
    ManifestError,
    MissingExtraError,
    TumorscopeError,
    UnsupportedFormatError,
    UsageError,
)

if TYPE_CHECKING:
    from tumorscope.answer import Failure, Prediction, SeriesPrediction, StudyPrediction
    from tumorscope.columns import to_frame
    from tumorscope.imaging.formats.volume import Volume
    from tumorscope.model.classifier import Classifier, load_model

__version__: Final = "0.1.0"

# From 1.29 on, onnxruntime reports each session to its maker, hashes of the model among it, unless
# this is set before it is loaded: docs/decisions/0005.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

_LAZY: Final = {
    "Classifier": "tumorscope.model.classifier",
    "Failure": "tumorscope.answer",
    "Prediction": "tumorscope.answer",
    "SeriesPrediction": "tumorscope.answer",
    "StudyPrediction": "tumorscope.answer",
    "Volume": "tumorscope.imaging.formats.volume",
    "to_frame": "tumorscope.columns",
    "load_model": "tumorscope.model.classifier",
}

__all__ = [
    "ArtifactError",
    "Classifier",
    "CorruptImageError",
    "Failure",
    "ImageContentError",
    "ImageError",
    "ImageTooLargeError",
    "LeakError",
    "ManifestError",
    "MissingExtraError",
    "Prediction",
    "SeriesPrediction",
    "StudyPrediction",
    "TumorscopeError",
    "UnsupportedFormatError",
    "UsageError",
    "Volume",
    "__version__",
    "load_model",
    "to_frame",
]


def __getattr__(name: str) -> Any:
    """Import the classifier only when it is asked for: scripts that do not need it start faster."""
    if name not in _LAZY:
        raise AttributeError(f"module 'tumorscope' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)
