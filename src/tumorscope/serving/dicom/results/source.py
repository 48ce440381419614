"""The series that a result is about, and what every result takes over from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

import pydicom
from highdicom.base import SOPClass
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from tumorscope import __version__
from tumorscope.answer import Prediction, SeriesPrediction
from tumorscope.imaging.formats.dicom_geometry import functional_groups
from tumorscope.imaging.formats.dicom_header import numbers, text, whole
from tumorscope.serving.dicom.origin import MANUFACTURER

Kind = Literal["sr", "sc", "pm", "seg", "pdf"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""Structured report, secondary captures, parametric map, segmentation, encapsulated PDF."""

NAME: Final = MANUFACTURER
SCHEME: Final = "99TUMORSCOPE"
"""Designator of the codes of :mod:`tumorscope.serving.dicom.results.codes`."""

DESCRIPTIONS: Final[dict[Kind, str]] = {
    "sr": "AI brain tumor report (research use only)",
    "sc": "AI suspicious slices (research use only)",
    "pm": "AI tumor evidence map (research use only)",
    "seg": "AI tumor evidence overlay (research use only)",
    "pdf": "AI brain tumor report, PDF (research use only)",
}
"""Series descriptions, at most 64 characters."""

_SERIES_NUMBERS: Final[dict[Kind, int]] = {
    "sr": 9601, "sc": 9602, "pm": 9603, "seg": 9604, "pdf": 9605
}  # fmt: skip
"""Behind what scanners and post-processing use."""

_NEEDED: Final = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")

_EMPTY: Final = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID",
    "StudyDate", "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
"""Attributes of type 2, present and perhaps empty in every result."""

_IMAGE: Final = (
    *_NEEDED, "Modality", "Rows", "Columns", "NumberOfFrames", "ImagePositionPatient",
    "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "SpacingBetweenSlices",
    "FrameOfReferenceUID", "PositionReferenceIndicator", "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence", "ImageType", "DimensionOrganizationSequence",
    "DimensionIndexSequence",
)  # fmt: skip
"""What a result needs of the source to lie where it lies."""


class NoResultError(Exception):
    """A result cannot be made of this series; the message says why."""


@dataclass(frozen=True, slots=True)
class SourceSlice:
    """One answered slice with the header of its file.

    Attributes
    ----------
    header
        Without pixels.
    prediction
        With evidence of shape (rows, columns).
    """

    header: pydicom.Dataset
    prediction: Prediction

    @property
    def frame(self) -> int | None:
        """Number of the frame, from 1; ``None`` for a file of one frame."""
        index = self.prediction.slice_index
        return None if index is None else index + 1

    @property
    def frames(self) -> list[int] | None:
        """Frame numbers as a reference has them."""
        return None if self.frame is None else [self.frame]

    @property
    def geometry(self) -> tuple[Any, ...]:
        """What slices of one map have in common: frame of reference, direction, matrix, spacing."""
        groups = functional_groups(self.header, self.prediction.slice_index or 0)
        orientation = numbers(
            groups.get("PlaneOrientationSequence", self.header), "ImageOrientationPatient", 6
        )
        spacing = numbers(groups.get("PixelMeasuresSequence", self.header), "PixelSpacing", 2)
        position = numbers(
            groups.get("PlanePositionSequence", self.header), "ImagePositionPatient", 3
        )
        return (
            text(self.header, "FrameOfReferenceUID"),
            orientation and tuple(round(one, 4) for one in orientation),
            spacing and tuple(spacing),
            position is not None,
            whole(self.header, "Rows"),
            whole(self.header, "Columns"),
        )


@dataclass(frozen=True, slots=True)
class SourceSeries:
    """An answered series, slices in the order of their position.

    Attributes
    ----------
    answer
        Of the series; of the image where it is a single one.
    slices
        At least one.
    """

    answer: SeriesPrediction | Prediction
    slices: tuple[SourceSlice, ...]
    references: dict[str, pydicom.Dataset] = field(default_factory=dict)

    @classmethod
    def of(
        cls, answer: SeriesPrediction | Prediction, slices: Sequence[SourceSlice]
    ) -> SourceSeries:
        """Check and sort the slices of a series.

        Raises
        ------
        NoResultError
            If the headers have no identifiers that a result could refer to.
        """
        for one in slices:
            missing = [name for name in _NEEDED if text(one.header, name) is None]
            if missing:
                raise NoResultError(
                    f"{one.prediction.source} has no {', '.join(missing)}; a result in the same "
                    "study cannot refer to it."
                )
            if any(not is_uid(str(one.header[name].value)) for name in _NEEDED):
                raise NoResultError(f"{one.prediction.source} has identifiers that are not UIDs.")
        ordered = sorted(slices, key=_place)
        references = {str(one.header.SOPInstanceUID): _reference(one.header) for one in ordered}
        return cls(answer, tuple(ordered), references)

    @property
    def header(self) -> pydicom.Dataset:
        """Header from which patient and study are taken."""
        return self.slices[0].header

    def reference(self, one: SourceSlice) -> pydicom.Dataset:
        """Return of a slice's header what places it, in a form that every library takes."""
        return self.references[str(one.header.SOPInstanceUID)]

    def most_suspicious(self) -> list[SourceSlice]:
        """Return the slices that the series answer names, in its order; of one image, itself."""
        if isinstance(self.answer, Prediction):
            return [self.slices[0]]
        by_name = {
            (one.prediction.sop_instance_uid, one.prediction.slice_index): one
            for one in self.slices
        }
        names = [
            (one["sop_instance_uid"], one["slice_index"]) for one in self.answer.most_suspicious
        ]
        return [by_name[name] for name in names if name in by_name]

    def uid(self, kind: Kind, name: str) -> str:
        """Return an identifier that is the same whenever the same answer is made of the same input.

        So a result that is sent twice, after a crash as well, is one instance to its receiver.
        """
        answer, model = self.answer, self.answer.model.sha256
        parts = [kind, name, model, __version__, repr(answer.operating_point)]
        parts += [repr(answer.probabilities), str(self.header.StudyInstanceUID)]
        for one in self.slices:
            member = one.prediction.member
            parts += [str(one.header.SOPInstanceUID), str(one.frame), str(member and member.digest)]
        return hashed_uid(*parts)

    def identity(self, kind: Kind, *, instance: int = 1) -> dict[str, Any]:
        """Return series, instance and equipment of a result, as highdicom takes them."""
        return {
            "series_instance_uid": self.uid(kind, "series"),
            "series_number": _SERIES_NUMBERS[kind],
            "series_description": DESCRIPTIONS[kind],
            "sop_instance_uid": self.uid(kind, f"instance {instance}"),
            "instance_number": instance,
            "manufacturer": NAME,
            "manufacturer_model_name": self.answer.model.id,
            "device_serial_number": self.answer.model.sha256,
            "software_versions": __version__,
            "coding_schemes": [
                CodingSchemeIdentificationItem(designator=SCHEME, name="tumorscope")
            ],
        }

    def finish(self, result: SOPClass) -> pydicom.Dataset:
        """Copy patient and study as they are in the source, whatever they hold."""
        header = self.header
        if "SpecificCharacterSet" in header:
            result.SpecificCharacterSet = header.SpecificCharacterSet
        if result.Modality not in ("SR", "DOC"):
            result.BodyPartExamined = "BRAIN"
        copied = pydicom.Dataset()
        copied.update(header)
        if not UID(str(header.SOPClassUID)).name.endswith("Storage"):
            copied.SOPClassUID = MRImageStorage
        result.copy_patient_and_study_information(copied)
        result.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        return result


def is_uid(value: str) -> bool:
    """Tell whether a text is an identifier and nothing else: names of files are made of it."""
    return 0 < len(value) <= 64 and set(value) <= set("0123456789.") and ".." not in value


def hashed_uid(*parts: str) -> str:
    """Return a UID of the arc for UUIDs (PS3.5 annex B.2), the same for the same parts."""
    digest = bytearray(hashlib.sha256("\0".join(parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80  # version 8 and variant of RFC 9562: made by a hash
    digest[8] = digest[8] & 0x3F | 0x80
    return f"2.25.{int.from_bytes(digest, 'big')}"


def _place(one: SourceSlice) -> tuple[float, int, int]:
    position = one.prediction.position_mm
    number = whole(one.header, "InstanceNumber")
    return (0.0 if position is None else position, one.prediction.slice_index or 0, number)


def _reference(header: pydicom.Dataset) -> pydicom.Dataset:
    """Return a header of sound values: patient and study are copied over it at the end."""
    reference = pydicom.Dataset()
    for keyword in _IMAGE:
        if header.get(keyword) not in (None, ""):
            reference[keyword] = header[keyword]
    if "SliceThickness" not in reference and "PixelSpacing" in reference:
        reference.SliceThickness = header.get("SpacingBetweenSlices") or None
    for keyword in _EMPTY:
        setattr(reference, keyword, "")
    # Both are needed to construct a result; what the source has replaces them.
    reference.PatientBirthDate = reference.StudyDate = reference.StudyTime = None
    return reference
