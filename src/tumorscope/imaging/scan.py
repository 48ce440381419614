"""One grey picture with what is known of where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import ImageError
from tumorscope.labels import Plane, SequenceName

WITHOUT_UID: Final = "without-uid:"
"""Begins the ``series_uid`` made for slices in files of their own that carry none."""


@dataclass(frozen=True, slots=True)
class SliceMember:
    """What tells a slice in a file of its own from the others of its series.

    Attributes
    ----------
    digest
        Of the pixels, in hexadecimal.
    is_placed
        Whether the position is one in the patient, and not just a number.
    orientation
        Directions of rows and columns in the patient; ``None`` where unknown.
    number
        ``InstanceNumber``.
    traits
        What the header says of echo, phase, time and the like; the keys are keywords.
    """

    digest: str
    is_placed: bool = False
    orientation: tuple[float, ...] | None = None
    number: int | None = None
    traits: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """One grey slice or image as read, before any preprocessing.

    Attributes
    ----------
    pixels
        Shape (rows, columns), float32; brighter is larger, in the file's own units (after modality
        LUT, VOI LUT and photometric inversion for DICOM).
    source
        Path or name under which the input was given; for a member of an archive
        ``archive.zip/member``.
    slice_index
        Zero-based index of the frame or slice in its file; ``None`` for a single image.
    sop_instance_uid, series_uid
        DICOM identifiers. A NIfTI volume or multi-page file without identifiers has
        ``series_uid`` equal to its ``source``. Scans of one ``series_uid`` form one series.
    study_uid
        DICOM ``StudyInstanceUID``, ``None`` where unknown.
    series_description
        DICOM ``SeriesDescription``, at most 64 characters, ``None`` where unknown. Free text that
        may name a person: for whoever gave the input, never for a log.
    position_mm
        Position along the slice normal in millimetres, ``None`` where unknown. Slices of a
        series are sorted by it.
    spacing_mm
        (row, column) spacing in millimetres, ``None`` where unknown.
    plane
        Orientation of the slice, ``None`` where unknown.
    sequence
        MR sequence as the header tells it, ``None`` where unknown.
    modality
        DICOM ``Modality``, ``None`` where unknown.
    body_part
        DICOM ``BodyPartExamined``, or the meaning of the ``AnatomicRegionSequence``'s code, in
        capitals; ``None`` where unknown.
    sides
        Anatomical directions of the image's (left, top) edges as letters of ``LRAPHF``,
        ``None`` where unknown.
    member
        What tells this slice from the others of its series.
    notes
        What a reader of the answer has to know of the file.
    """

    pixels: NDArray[np.float32]
    source: str
    slice_index: int | None = None
    sop_instance_uid: str | None = None
    series_uid: str | None = None
    position_mm: float | None = None
    spacing_mm: tuple[float, float] | None = None
    plane: Plane | None = None
    modality: str | None = None
    sides: tuple[str, str] | None = None
    body_part: str | None = None
    study_uid: str | None = None
    series_description: str | None = None
    member: SliceMember | None = None
    notes: tuple[str, ...] = ()
    sequence: SequenceName | None = None

    @property
    def series_instance_uid(self) -> str | None:
        """DICOM ``SeriesInstanceUID``; ``None`` where the file has none."""
        is_dicom = self.sop_instance_uid is not None or self.member is not None
        if not is_dicom or self.series_uid in (None, self.source):
            return None
        return None if str(self.series_uid).startswith(WITHOUT_UID) else self.series_uid

    @property
    def is_blank(self) -> bool:
        """Tell whether all pixels have the same value."""
        return bool(self.pixels.min() == self.pixels.max())


@dataclass(frozen=True, slots=True)
class ReadFailure:
    """An input that could not be read, in the place where its scans would have stood."""

    source: str
    error: ImageError
