"""The closed sets of words that answers are made of, each with its one true order."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal, get_args

ClassName = Literal["tumor", "no_tumor"]
Outcome = Literal["tumor", "no_tumor", "abstain", "rejected"]
TumorType = Literal["glioma", "meningioma", "pituitary"]
Sequence = Literal["T1", "T1+C", "T2", "FLAIR"]
SequenceName = Literal["T1", "T1+C", "T2", "FLAIR", "other"]
Plane = Literal["axial", "coronal", "sagittal"]
Split = Literal["train", "val", "calibration", "test", "external", "excluded"]

CLASSES: Final[tuple[ClassName, ...]] = get_args(ClassName)
"""Order of ``probabilities`` and of every prediction set."""

TUMOR_TYPES: Final[tuple[TumorType, ...]] = get_args(TumorType)
"""Order of the type head's outputs and of ``type_probabilities``."""

LESION_TYPES: Final[Mapping[str, TumorType | None]] = MappingProxyType(
    {
        "glioma": "glioma",
        "astrocytoma": "glioma",
        "ependymoma": "glioma",
        "glioblastoma": "glioma",
        "oligodendroglioma": "glioma",
        "meningioma": "meningioma",
        "pituitary": "pituitary",
        "medulloblastoma": None,
        "metastasis": None,
        "neurocytoma": None,
        "schwannoma": None,
    }
)
"""Tumors that a manifest may name, each with the class of the type head that holds it. The WHO
classification of 2021 counts ependymoma among the gliomas; ``None``: no class holds it."""

OTHER_LESIONS: Final = ("demyelination", "granuloma", "stroke", "tuberculoma")
"""What a manifest may name that is no tumor."""

SEQUENCE_NAMES: Final[tuple[SequenceName, ...]] = get_args(SequenceName)
"""What an answer may call the sequence of an image; ``other``: diffusion, perfusion, proton density
and the like."""

PLANES: Final[tuple[Plane, ...]] = get_args(Plane)

SPLITS: Final[tuple[Split, ...]] = get_args(Split)
"""``external`` holds whole left-out sites; ``excluded`` holds what shares a group with them."""

NOTICE: Final = "Research use only. Not a medical device."
"""Stands on every output."""
