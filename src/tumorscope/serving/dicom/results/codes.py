"""Codes of a scheme of our own, for what no public one names."""

from __future__ import annotations

from typing import Final

from highdicom.sr.coding import CodedConcept
from pydicom.sr.codedict import codes

from tumorscope.serving.dicom.results.source import SCHEME


def _own(value: str, meaning: str) -> CodedConcept:
    return CodedConcept(value=value, scheme_designator=SCHEME, meaning=meaning)


ONE: Final = codes.UCUM.NoUnits
SERIES_ANSWER: Final = _own("SERIES", "Brain tumor classifier, answer for the series")
SLICE_ANSWER: Final = _own("SLICE", "Brain tumor classifier, answer for the image")
OUTCOME: Final = _own("OUTCOME", "Outcome at the operating point")
PREDICTION_SET: Final = _own("PREDICTION_SET", "Class that cannot be excluded")
THRESHOLD: Final = _own("THRESHOLD", "Threshold of the operating point")
TUMOR_PROBABILITY: Final = _own("P_TUMOR", "Probability of tumor")
SEQUENCE: Final = _own("SEQUENCE", "MR sequence of the images answered")
PLANE: Final = _own("PLANE", "Plane of the images answered")
EVIDENCE: Final = _own("EVIDENCE", "Evidence for tumor")
REPORT: Final = _own("REPORT", "Brain tumor classifier report")


def type_probability(name: str) -> CodedConcept:
    """Return the concept of a type's probability."""
    return _own(f"P_{name.upper()}"[:16], f"Probability of {name} if there is a tumor")


def word(name: str) -> CodedConcept:
    """Return an outcome or class as a coded value."""
    return _own(name.upper()[:16], name.replace("_", " "))
