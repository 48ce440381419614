"""Which MR sequence a DICOM header tells of.

No element says it outright in most files. What says most goes first: the contrast of enhanced
images, the kind of a derived image, the names that the scanner gave, then the times of the pulse
sequence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

import pydicom

from tumorscope.imaging.formats.dicom_header import joined, number, term
from tumorscope.labels import SequenceName

_ACQUISITION_CONTRAST: Final[Mapping[str, SequenceName]] = {
    "T1": "T1",
    "T2": "T2",
    "FLUID_ATTENUATED": "FLAIR",
    **dict.fromkeys(
        ("DIFFUSION", "FLOW_ENCODED", "PERFUSION", "PROTON_DENSITY", "STIR", "T2_STAR", "TAGGING"),
        "other",
    ),
}
"""Defined terms of ``AcquisitionContrast``. DICOM PS3.3 C.8.13.3.1.1."""

_DERIVED: Final = re.compile(
    r"(^|\\)(ADC|TRACEW?|FA|DIFFUSION|PERFUSION|R?CB[FV]|MTT|TTP|TENSOR|PHASE MAP|P)(\\|$)"
)
"""Values of ``ImageType`` that name a map or a phase image."""

_WORDS: Final[tuple[tuple[str, SequenceName], ...]] = (
    (
        r"\b(dwi|adc|dti|swi|swan|asl|pwi|tof|mra|mrv|bold|fmri|pd|pdw|proton|mrs|svs|csi)\b"
        r"|diff|perf|\bdsc\b|angio|t2\W?star|t2\*|field ?map|local|scout|survey|spectro",
        "other",
    ),
    (r"\bt1\b.*flair|flair.*\bt1\b", "T1"),
    (r"flair|\btirm\b|dark.?fluid", "FLAIR"),
    (r"(?<![a-z0-9])t2", "T2"),
    (r"(?<![a-z0-9])t1|mp.?rage|bravo|spgr|\b3d.?tfe\b", "T1"),
)
"""Words of a series' names and what they mean; the first that is found counts."""

_CONTRAST_NAME: Final = re.compile(
    r"\+ ?c\b|\bc ?\+|(?<![a-z])(gd|gad\w*|post\w*|ce|km|contrast|enhanced)(?![a-z])|t1c(e|\b)"
)
_NO_CONTRAST_NAME: Final = re.compile(
    r"(?<![a-z])(pre\w*|non|nativ\w*|without|w/?o|unenhanced|ohne)(?![a-z])"
)
_NO_AGENT: Final = frozenset({"", "0", "n", "na", "n/a", "no", "none", "nil", "without"})

FLAIR_INVERSION_MS: Final = 1500.0
LONG_ECHO_MS: Final = 60.0
LONG_REPETITION_MS: Final = 2000.0
SHORT_ECHO_MS: Final = 30.0
SHORT_REPETITION_MS: Final = 1200.0
"""At 1.5 to 3 T: a FLAIR inverts 1.7 to 2.8 s before, T2 echoes after 80 to 120 ms of repetitions
above 3 s, T1 after 2 to 20 ms of repetitions up to 0.8 s (McRobbie et al., MRI from Picture to
Proton, 3rd ed., chapter 3)."""


def header_sequence(
    ds: pydicom.Dataset, groups: Mapping[str, pydicom.Dataset] | None = None
) -> SequenceName | None:
    """Return the sequence that a header tells of, or ``None`` where it is silent.

    Parameters
    ----------
    ds
        Of an image.
    groups
        Functional groups of the frame, by keyword.
    """
    if term(ds, "Modality") not in ("MR", None):
        return None
    owners = [ds, *(groups or {}).values()]
    sequence = _by_contrast(owners) or _by_kind(owners) or _by_names(ds) or _by_times(owners)
    if sequence == "T1" and _has_contrast(ds):
        return "T1+C"
    return sequence


def _by_contrast(owners: Iterable[pydicom.Dataset]) -> SequenceName | None:
    for owner in owners:
        found = _ACQUISITION_CONTRAST.get(term(owner, "AcquisitionContrast") or "")
        if found is not None:
            return found
    return None


def _by_kind(owners: Iterable[pydicom.Dataset]) -> SequenceName | None:
    for owner in owners:
        kind = (joined(owner, "ImageType") or joined(owner, "FrameType") or "").upper()
        if _DERIVED.search(kind) or (number(owner, "DiffusionBValue") or 0) > 0:
            return "other"
    return None


def _by_names(ds: pydicom.Dataset) -> SequenceName | None:
    for keyword in ("SeriesDescription", "ProtocolName"):
        name = _name(ds, keyword)
        for pattern, sequence in _WORDS:
            if re.search(pattern, name):
                return sequence
    return None


def _by_times(owners: list[pydicom.Dataset]) -> SequenceName | None:
    echo = _first_number(owners, ("EchoTime", "EffectiveEchoTime"))
    repetition = _first_number(owners, ("RepetitionTime",))
    inversion = _first_number(owners, ("InversionTime", "InversionTimes"))
    if echo is None or repetition is None:
        return None
    if echo >= LONG_ECHO_MS and repetition >= LONG_REPETITION_MS:
        return "FLAIR" if (inversion or 0) >= FLAIR_INVERSION_MS else "T2"
    is_prepared = 0 < (inversion or 0) < FLAIR_INVERSION_MS  # MPRAGE repeats slowly
    if echo <= SHORT_ECHO_MS and (repetition <= SHORT_REPETITION_MS or is_prepared):
        return "T1"
    return None


def _has_contrast(ds: pydicom.Dataset) -> bool:
    name = _name(ds, "SeriesDescription")
    if _NO_CONTRAST_NAME.search(name):
        return False
    agent = (joined(ds, "ContrastBolusAgent") or "").strip().lower()
    return agent not in _NO_AGENT or _CONTRAST_NAME.search(name) is not None


def _name(ds: pydicom.Dataset, keyword: str) -> str:
    return (joined(ds, keyword) or "").lower().replace("_", " ")


def _first_number(owners: Iterable[pydicom.Dataset], keywords: tuple[str, ...]) -> float | None:
    found = (number(owner, keyword) for owner in owners for keyword in keywords)
    return next((one for one in found if one is not None), None)
