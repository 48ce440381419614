"""Takes what identifies a patient out of data sets, the same way in a whole run."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from importlib.metadata import version
from typing import Final

import pydicom
from pydicom.dataelem import DataElement
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

from tumorscope.imaging.deidentification.profile import Action, Option, action, dummy

BURNT_IN: Final = "The pixels may hold text that names the patient; look at them before you share."
FACE: Final = "A head can be recognized from a volume; nothing is done about faces."

_STANDARD: Final = "1.2.840.10008."
"""Root of UIDs that name classes and syntaxes and no patient's objects."""

_CODES: Final[dict[str, tuple[str, str]]] = {
    "basic": ("113100", "Basic Application Confidentiality Profile"),
    "dates": ("113106", "Retain Longitudinal Temporal Information Full Dates Option"),
    "shifted": ("113107", "Retain Longitudinal Temporal Information Modified Dates Option"),
    "patient": ("113108", "Retain Patient Characteristics Option"),
    "device": ("113109", "Retain Device Identity Option"),
    "uids": ("113110", "Retain UIDs Option"),
    "institution": ("113112", "Retain Institution Identity Option"),
}
"""CID 7050."""

_SCREENS: Final = frozenset({"SC", "OT", "US", "XA", "ES", "XC", "GM", "DOC"})
"""Modalities whose pixels often hold text."""

_MAX_SHIFT_DAYS: Final = 3650


class NotAnImageError(Exception):
    """An object whose content the profile cannot be held for; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Options of the profile.

    Attributes
    ----------
    retain
        Attributes that stay.
    shift_dates
        Whether dates stay, moved by a number of days that is the same for all of a patient.
    """

    retain: tuple[Option, ...] = ()
    shift_dates: bool = False


@dataclass(slots=True)
class Deidentifier:
    """De-identifies data sets.

    Identifiers and patients are mapped under a key that is made anew for each run and kept
    nowhere: the same in one run, and not to be undone after it.

    Parameters
    ----------
    choices
        Options.
    """

    choices: Choices = field(default_factory=Choices)
    _key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def apply(self, ds: pydicom.Dataset) -> list[str]:
        """Take out of a data set, in place, what the profile removes.

        Returns
        -------
        list of str
            Warnings.

        Raises
        ------
        NotAnImageError
            If it holds no pixels: reports and documents would have to be read by a person.
        """
        if not any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
            raise NotAnImageError(
                "It is not an image. Reports, documents and presentation states hold text that no "
                "table of attributes can clean."
            )
        warnings = [BURNT_IN] if may_hold_text(ds) else []
        patient = self._pseudonym(ds)
        days = self._days(ds)
        syntax = getattr(ds, "file_meta", FileMetaDataset()).get(
            "TransferSyntaxUID", ExplicitVRLittleEndian
        )
        self._clean(ds, days)
        ds.PatientID = ds.PatientName = patient
        self._say(ds)
        ds.preamble = bytes(128)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = syntax
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        return warnings

    def uid(self, value: str) -> str:
        """Return the new identifier of an old one."""
        if not value or value.startswith(_STANDARD):
            return value
        digest = bytearray(self._digest("uid", value)[:16])
        digest[6] = digest[6] & 0x0F | 0x80  # version 8 and variant of RFC 9562
        digest[8] = digest[8] & 0x3F | 0x80
        return f"2.25.{int.from_bytes(digest, 'big')}"

    def _digest(self, *parts: str) -> bytes:
        return hmac.new(self._key, "\0".join(parts).encode(), hashlib.sha256).digest()

    def _pseudonym(self, ds: pydicom.Dataset) -> str:
        return "ANON" + self._digest("patient", *_patient(ds)).hex()[:12].upper()

    def _days(self, ds: pydicom.Dataset) -> int | None:
        if not self.choices.shift_dates:
            return None
        number = int.from_bytes(self._digest("days", *_patient(ds))[:4], "big")
        return 1 + number % _MAX_SHIFT_DAYS

    def _clean(self, ds: pydicom.Dataset, days: int | None) -> None:
        for tag in list(ds.keys()):
            try:
                element = ds[tag]
            # What cannot be read cannot be cleaned.
            except Exception:
                del ds[tag]
                continue
            if days is not None and _is_date(element) and _shift(element, days):
                continue
            self._act(action(element.tag, element.VR, self.choices.retain), ds, element, days)

    def _act(
        self, what: Action, ds: pydicom.Dataset, element: DataElement, days: int | None
    ) -> None:
        if what == "remove":
            del ds[element.tag]
        elif what == "empty":
            element.value = Sequence() if element.VR == "SQ" else None
        elif what == "dummy":
            self._dummy(element, days)
        elif what == "uid":
            self._map(element, days)
        elif element.VR == "SQ":
            self._clean_items(element, days)

    def _clean_items(self, element: DataElement, days: int | None) -> None:
        for item in element.value:
            self._clean(item, days)

    def _dummy(self, element: DataElement, days: int | None) -> None:
        if element.VR == "UI":
            self._map(element, days)
        elif element.VR == "SQ":
            for inner in [item[tag] for item in element.value for tag in list(item.keys())]:
                self._dummy(inner, days)
            self._clean_items(element, days)
        else:
            element.value = dummy(element)

    def _map(self, element: DataElement, days: int | None) -> None:
        if element.VR == "SQ":
            self._clean_items(element, days)
        elif element.VM > 1:
            element.value = [self.uid(str(one)) for one in element.value]
        else:
            element.value = self.uid(str(element.value or ""))

    def _say(self, ds: pydicom.Dataset) -> None:
        ds.PatientIdentityRemoved = "YES"
        ds.DeidentificationMethod = f"tumorscope {version('tumorscope')}, DICOM PS3.15 Annex E"
        names = ["basic", *self.choices.retain, *(["shifted"] if self.choices.shift_dates else [])]
        ds.DeidentificationMethodCodeSequence = [_code(*_CODES[name]) for name in names]
        kept = "dates" in self.choices.retain
        ds.LongitudinalTemporalInformationModified = (
            "MODIFIED" if self.choices.shift_dates else "UNMODIFIED" if kept else "REMOVED"
        )


def may_hold_text(ds: pydicom.Dataset) -> bool:
    """Tell whether the pixels may name the patient: the header says so, or cannot rule it out."""
    said = str(ds.get("BurnedInAnnotation") or "").upper()
    if said in ("YES", "NO"):
        return said == "YES"
    kind = [str(one).upper() for one in ds.get("ImageType") or []]
    return (
        str(ds.get("Modality") or "").upper() in _SCREENS
        or "Secondary Capture" in UID(str(ds.get("SOPClassUID") or "")).name
        or "ConversionType" in ds
        or (kind[:1] == ["DERIVED"] and kind[1:2] == ["SECONDARY"])
        or any("SCREEN" in one for one in kind)
    )


def _patient(ds: pydicom.Dataset) -> Iterable[str]:
    """Return what tells one patient from another; without an ID, the study does."""
    named = str(ds.get("PatientID") or "").strip()
    return [str(ds.get("IssuerOfPatientID") or ""), named or f"study {ds.get('StudyInstanceUID')}"]


def _code(value: str, meaning: str) -> pydicom.Dataset:
    code = pydicom.Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "DCM", meaning
    return code


def _is_date(element: DataElement) -> bool:
    """Tell whether the table keeps a date under the option for dates."""
    is_kept = action(element.tag, element.VR, ("dates",)) == "keep"
    return is_kept and action(element.tag, element.VR, ()) != "keep"


def _shift(element: DataElement, days: int) -> bool:
    """Move a date or date and time; times alone stay. ``False`` for what cannot be moved."""
    if element.VR not in ("DA", "DT", "TM"):
        return False
    values = list(element.value) if element.VM > 1 else [element.value]
    if element.VR == "TM":
        return True
    try:
        moved = [_moved(str(one or ""), days) for one in values]
    except (ValueError, OverflowError):
        return False
    element.value = moved if element.VM > 1 else moved[0]
    return True


def _moved(value: str, days: int) -> str:
    if not value:
        return value
    day = date(int(value[:4]), int(value[4:6]), int(value[6:8])) - timedelta(days)
    return f"{day:%Y%m%d}{value[8:]}"
