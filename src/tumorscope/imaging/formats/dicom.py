"""DICOM files into grey float slices, as a viewer would show them."""

from __future__ import annotations

import hashlib
import zlib
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.charset import convert_encodings
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_dataset, read_sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from tumorscope.errors import CorruptImageError, ImageError, ImageTooLargeError
from tumorscope.imaging.background import fill_backgrounds
from tumorscope.imaging.counted_bytes import CountedBytes
from tumorscope.imaging.formats.dicom_display import displayed_frames
from tumorscope.imaging.formats.dicom_geometry import (
    SliceGeometry,
    functional_groups,
    slice_geometry,
)
from tumorscope.imaging.formats.dicom_header import joined, term, text, until_control, whole
from tumorscope.imaging.formats.dicom_pixels import (
    PIXEL_KEYWORDS,
    frame_count,
    syntax_name,
    transfer_syntax,
)
from tumorscope.imaging.formats.dicom_sequence import header_sequence
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.quiet import quiet
from tumorscope.imaging.scan import WITHOUT_UID, Scan, SliceMember

NO_SERIES_UID: Final = (
    "The slice has no Series Instance UID; slices of its folder, study and geometry are taken for "
    "one series."
)

ALONE: Final = (
    "The slice has no Series Instance UID, place or number; nothing tells its series, and it is "
    "answered alone."
)

_OF_ONE_SERIES: Final = (
    "StudyInstanceUID",
    "PatientID",
    "PatientName",
    "SeriesNumber",
    "SeriesDescription",
    "FrameOfReferenceUID",
)
"""What slices of one series without a UID have in common, in a digest."""

_TRAITS: Final = (
    "StackID",
    "EchoNumbers",
    "EchoTime",
    "EffectiveEchoTime",
    "DiffusionBValue",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "InversionTime",
    "InversionTimes",
    "ComplexImageComponent",
    "ImageType",
    "FrameType",
    "NominalCardiacTriggerDelayTime",
    "TriggerTime",
    "SequenceName",
    "ScanningSequence",
    "RepetitionTime",
    "FlipAngle",
    "ContrastBolusAgent",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
    "DiffusionGradientOrientation",
)
"""Elements by which the volumes of a series differ, the most telling first."""

_MAX_TRAIT: Final = 100

_LOGGERS: Final = ("pydicom", "pydicom.pixels.decoders.base")
"""Where pydicom reports; a filter is needed at each, for it does not hold for those below."""

_DESCRIPTION_LETTERS: Final = 64
"""Longest text of value representation LO. DICOM PS3.5 table 6.2-1."""

_PREAMBLE: Final = 132
"""Bytes of preamble and prefix. DICOM PS3.10 section 7.1."""


def read_dicom(content: bytes, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every frame of a DICOM file, with or without preamble.

    Raises
    ------
    ImageError
        If the file is damaged, holds no pixels, is over a limit, or its transfer syntax cannot
        be decoded. No message quotes what the file says of the patient.
    """
    with quiet(*_LOGGERS):
        try:
            _check_deflated(content, limits)
            stream = CountedBytes(content)
            ds = pydicom.dcmread(stream, force=True)
            _read_sequences(ds, stream)
        except ImageError:
            raise
        # A damaged header can fail anywhere inside the parser.
        except Exception as error:
            raise CorruptImageError(
                f"The DICOM header cannot be parsed ({type(error).__name__}); the file is "
                "truncated or damaged."
            ) from error
    return from_dataset(ds, source, limits)


def from_dataset(ds: pydicom.Dataset, source: str, limits: Limits = DEFAULT_LIMITS) -> list[Scan]:
    """Read every frame of a data set; see :func:`read_dicom`."""
    with quiet(*_LOGGERS):
        try:
            _check_header(ds, limits)
            frames = fill_backgrounds(displayed_frames(ds))
            return [
                _scan(ds, frame, index, frames=len(frames), source=source)
                for index, frame in enumerate(frames)
            ]
        except ImageError:
            raise
        # Values of a damaged header surface anywhere.
        except Exception as error:
            raise CorruptImageError(
                f"The DICOM file cannot be interpreted ({type(error).__name__}); its header is "
                "damaged."
            ) from error


def _read_sequences(ds: pydicom.Dataset, whole: CountedBytes) -> None:
    """Read the items of sequences of a stated length, which pydicom would read uncounted later."""
    for tag in list(ds.keys()):
        element = ds.get_item(tag)
        if isinstance(element, RawDataElement):
            if not element.value or not _is_sequence(element):
                continue
            items = _items(element, ds, whole)
            if items is None:
                continue
            ds[tag] = pydicom.DataElement(tag, "SQ", items, element.value_tell)
        elif element is None or element.VR != "SQ":
            continue
        for item in ds[tag].value:
            _read_sequences(item, whole)


def _items(
    element: RawDataElement, ds: pydicom.Dataset, whole: CountedBytes
) -> pydicom.Sequence | None:
    """Read the items of one sequence; ``None`` where it is damaged, which may matter to nobody."""
    content = element.value or b""
    encodings = convert_encodings(ds.original_character_set or None)
    try:
        return read_sequence(
            whole.part(content),
            element.is_implicit_VR,
            element.is_little_endian,
            len(content),
            encodings,
        )
    except ImageError:
        raise
    except Exception:
        return None


def _is_sequence(element: RawDataElement) -> bool:
    if element.VR in (None, "UN"):
        return dictionary_has_tag(element.tag) and dictionary_VR(element.tag) == "SQ"
    return element.VR == "SQ"


def _check_deflated(content: bytes, limits: Limits) -> None:
    """Unpack a deflated data set up to the limit, for pydicom would unpack all of it."""
    stream = CountedBytes(content)
    stream.seek(_PREAMBLE if content[_PREAMBLE - 4 : _PREAMBLE] == b"DICM" else 0)
    meta = read_dataset(stream, False, True, stop_when=lambda tag, _vr, _length: tag.group != 2)
    if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
        return
    packed = stream.read()
    allowed = min(limits.max_bytes, limits.max_unpacked(len(packed)))
    plain = zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, allowed + 1)
    if len(plain) > allowed:
        raise ImageTooLargeError(
            f"The deflated DICOM file of {len(content):,} bytes unpacks to more than "
            f"{allowed:,} bytes."
        )


def _check_header(ds: pydicom.Dataset, limits: Limits) -> None:
    syntax = transfer_syntax(ds)
    if not any(name in ds for name in PIXEL_KEYWORDS):
        raise CorruptImageError(_without_pixels(ds))
    rows, columns = (whole(ds, name) for name in ("Rows", "Columns"))
    frames = frame_count(ds)
    if min(rows, columns, frames) < 1:
        raise CorruptImageError(
            f"The DICOM file says it has {rows} rows, {columns} columns and {frames} frames."
        )
    limits.check_picture(rows, columns, frames)
    if syntax.is_encapsulated and "PixelData" not in ds:
        raise CorruptImageError(f"Float pixels cannot be compressed as {syntax_name(syntax)}.")


def _without_pixels(ds: pydicom.Dataset) -> str:
    meta = getattr(ds, "file_meta", None) or {}
    kind = UID(str(ds.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""))
    name = kind.name if kind.is_valid and kind.name != kind else "of an unknown kind"
    if len(ds) == 0:
        return (
            f"The DICOM file ({name}, transfer syntax {syntax_name(transfer_syntax(ds))}) is "
            "truncated: it ends before its pixel data do."
        )
    return (
        f"The DICOM file ({name}) holds no pixel data. Give an image; if this should be one, it "
        "is truncated."
    )


def _scan(
    ds: pydicom.Dataset, pixels: NDArray[np.float32], index: int, *, frames: int, source: str
) -> Scan:
    geometry = slice_geometry(ds, index, frames=frames)
    series = text(ds, "SeriesInstanceUID")
    notes: tuple[str, ...] = ()
    if series is None and frames > 1:
        series = source
    elif series is None and (geometry.is_placed or whole(ds, "InstanceNumber") != 0):
        series, notes = _made_uid(ds, geometry, pixels.shape, source), (NO_SERIES_UID,)
    elif series is None:
        notes = (ALONE,)
    return Scan(
        pixels=np.ascontiguousarray(pixels),
        source=source,
        slice_index=index if frames > 1 else None,
        sop_instance_uid=text(ds, "SOPInstanceUID"),
        series_uid=series,
        position_mm=geometry.position_mm,
        spacing_mm=geometry.spacing_mm,
        plane=geometry.plane,
        modality=term(ds, "Modality"),
        sides=geometry.sides,
        body_part=_body_part(ds, index),
        study_uid=text(ds, "StudyInstanceUID"),
        series_description=_description(ds),
        member=SliceMember(
            digest=hashlib.blake2b(pixels.tobytes(), digest_size=8).hexdigest(),
            is_placed=geometry.is_placed,
            orientation=geometry.orientation,
            number=whole(ds, "InstanceNumber", 0) or None,
            traits=_traits(ds, index, pixels.shape),
        ),
        notes=notes,
        sequence=header_sequence(ds, functional_groups(ds, index)),
    )


def _description(ds: pydicom.Dataset) -> str | None:
    """Return the name that the scanner gave to the series, as one line of printable text."""
    value = ds.get("SeriesDescription") or ""
    parts = [value] if isinstance(value, str) else list(value)
    text = " ".join(" ".join(until_control(parts)).split())
    printable = "".join(letter for letter in text if letter.isprintable())
    return printable[:_DESCRIPTION_LETTERS].strip() or None


def _made_uid(
    ds: pydicom.Dataset, geometry: SliceGeometry, shape: tuple[int, ...], source: str
) -> str:
    """Name the series of a slice without one: what its folder, study and geometry are."""
    folder = source.replace("\\", "/").rpartition("/")[0]
    parts = [folder, repr(shape), _rounded(geometry.spacing_mm), _rounded(geometry.orientation)]
    parts += [text(ds, keyword) or "" for keyword in _OF_ONE_SERIES]
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest()
    return WITHOUT_UID + digest


def _rounded(numbers: tuple[float, ...] | None) -> str:
    """Return numbers without the last digits, in which slices of one series differ."""
    # Adding 0 takes the sign from -0.
    return repr(None if numbers is None else [round(one, 3) + 0.0 for one in numbers])


def _traits(ds: pydicom.Dataset, index: int, shape: tuple[int, ...]) -> tuple[tuple[str, str], ...]:
    """Return what may tell one volume of a series from another, from frame and instance."""
    owners = [ds, *functional_groups(ds, index).values()]
    owners += [
        item
        for owner in owners[1:]
        for item in (owner.get("DiffusionGradientDirectionSequence") or [])[:1]
    ]
    found = {"Rows x Columns": f"{shape[0]} x {shape[1]}"}
    for keyword in _TRAITS:
        values = (joined(owner, keyword) for owner in owners)
        value = next((one for one in values if one is not None), None)
        if value is not None:
            found[keyword] = value[:_MAX_TRAIT]
    return tuple(found.items())


def _body_part(ds: pydicom.Dataset, index: int) -> str | None:
    """Return the part of the body that the header names: the instance's, else the frame's."""
    part = term(ds, "BodyPartExamined")
    anatomy = functional_groups(ds, index).get("FrameAnatomySequence", ds)
    regions = anatomy.get("AnatomicRegionSequence") or ds.get("AnatomicRegionSequence") or []
    if part is None and len(regions):
        part = term(regions[0], "CodeMeaning")
    return part
