"""What is not a brain MR image is turned away."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar, Final

REJECTION: Final = (
    "The picture is unlike the brain MR images that the model was trained on; it is not answered."
)

BLANK: Final = "The slice is blank: all its pixels have the same value."

ANSWERED_MODALITIES: Final = frozenset({"MR", "OT"})
"""Values of DICOM ``Modality`` (PS3.3 C.7.3.1.1.1) that may hold a brain MR image: magnetic
resonance, and "other", which converted pictures carry."""


def foreign_modality(modality: str | None) -> str | None:
    """Return why a picture of this DICOM ``Modality`` is turned away, or ``None``.

    A picture without a header (``None``) is left to the network's own gate.
    """
    if not modality or modality in ANSWERED_MODALITIES:
        return None
    return f"The DICOM header gives the modality {modality}; only MR images are answered."


@dataclass(frozen=True, slots=True)
class Gate:
    """Largest novelty of a picture that is still answered.

    Attributes
    ----------
    threshold
        On the graph's output ``novelty``: the Mahalanobis distance of a picture's features from
        those of the training scans (Lee et al., NeurIPS 2018, arXiv 1807.03888), at least 0.
    """

    kind: ClassVar[str] = "mahalanobis"
    """What is measured of a picture; a gate that measures something else gets another word."""

    threshold: float

    def rejects(self, novelty: float) -> bool:
        """Tell whether a picture is too far from the training scans to be answered."""
        return not novelty <= self.threshold

    def to_dict(self) -> dict[str, float]:
        """Return the gate as stored in a manifest."""
        return asdict(self)
