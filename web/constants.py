"""Print what the model inside the browser must know as Python does: ``python web/constants.py``.

The output is ``web/src/local/constants.gen.ts``. Nothing of it is typed again there; what belongs
to one model alone is in the artifact's own manifest.
"""

import json
import re
import sys
from dataclasses import asdict
from typing import Any

from pydicom import uid
from pydicom.datadict import dictionary_VR, tag_for_keyword

from tumorscope import errors, labels, operating_point
from tumorscope.imaging import limits, preprocess, scan
from tumorscope.imaging.formats import (
    dicom,
    dicom_display,
    dicom_geometry,
    dicom_header,
    dicom_sequence,
    table,
    volume,
)
from tumorscope.model import (
    artifact,
    classifier,
    evidence,
    input_check,
    recognition,
    series,
    series_volumes,
    study,
)
from tumorscope.serving.http_api.jobs import pictures

ELEMENTS = """
AcquisitionContrast AcquisitionNumber AnatomicRegionSequence BitsAllocated BitsStored
BluePaletteColorLookupTableData BluePaletteColorLookupTableDescriptor BodyPartExamined CodeMeaning
Columns ContrastBolusAgent DiffusionBValue DiffusionGradientDirectionSequence DoubleFloatPixelData
DoubleFloatPixelPaddingRangeLimit DoubleFloatPixelPaddingValue EchoTime EffectiveEchoTime
FloatPixelData FloatPixelPaddingRangeLimit FloatPixelPaddingValue FrameAnatomySequence FrameType
FrameVOILUTSequence GreenPaletteColorLookupTableData GreenPaletteColorLookupTableDescriptor
HighBit ImageOrientationPatient ImagePositionPatient ImagerPixelSpacing ImageType InstanceNumber
InversionTime InversionTimes LUTData LUTDescriptor Modality ModalityLUTSequence
NominalScannedPixelSpacing NumberOfFrames PerFrameFunctionalGroupsSequence
PhotometricInterpretation PixelAspectRatio PixelData PixelMeasuresSequence PixelPaddingRangeLimit
PixelPaddingValue PixelRepresentation PixelSpacing PixelValueTransformationSequence
PlanarConfiguration PlaneOrientationSequence PlanePositionSequence ProtocolName
RedPaletteColorLookupTableData RedPaletteColorLookupTableDescriptor RepetitionTime
RescaleIntercept RescaleSlope Rows SamplesPerPixel SeriesDescription SeriesInstanceUID
SharedFunctionalGroupsSequence SliceLocation SOPClassUID SOPInstanceUID SpacingBetweenSlices
SpecificCharacterSet StudyInstanceUID TransferSyntaxUID VOILUTFunction VOILUTSequence WindowCenter
WindowWidth
""".split()  # noqa: SIM905  one line a keyword would hide the rest of the module
"""Keywords that the readers of DICOM in the browser look at, beside those of the lists below."""

SYNTAXES = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.RLELossless,
    uid.JPEGBaseline8Bit,
    uid.JPEGExtended12Bit,
    uid.JPEGLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLSLossless,
    uid.JPEGLSNearLossless,
    uid.JPEG2000Lossless,
    uid.JPEG2000,
)
_RASTERS = ("PNG", "JPEG", "BMP", "TIFF", "WebP")
_READ_HERE = (*_RASTERS, "DICOM", "NIfTI")
"""Formats that the browser reads."""


def constants() -> dict[str, Any]:
    """Return the constants by the name that they have in the browser."""
    return {
        "NOTICE": labels.NOTICE,
        "CLASSES": labels.CLASSES,
        "TUMOR_TYPES": labels.TUMOR_TYPES,
        "ERROR_TITLES": {
            one.type: one.title for one in (errors.ImageError, *errors.ImageError.__subclasses__())
        },
        "LIMITS": asdict(limits.DEFAULT_LIMITS),
        "FORMAT_VERSION": artifact.FORMAT_VERSION,
        "PREPROCESSING": {"name": preprocess._NAME, "version": preprocess._VERSION},
        "MIN_SIDE": preprocess.MIN_SIDE,
        "MAX_SIZE": preprocess.MAX_SIZE,
        "SAFE_MAGNITUDE": preprocess._SAFE_MAGNITUDE,
        "SAFE_RESOLUTION": preprocess._SAFE_RESOLUTION,
        "SQUARE": preprocess._SQUARE,
        "MAX_RATIO": preprocess._MAX_RATIO,
        "MAX_STRETCHED": preprocess._MAX_STRETCHED,
        "INPUT": classifier.INPUT,
        "OUTPUTS": classifier.OUTPUTS,
        "NOVELTY": classifier.NOVELTY,
        "RECOGNIZED": recognition.RECOGNIZED,
        "LEAST_RECOGNIZED": recognition.LEAST_PROBABILITY,
        "CONTRADICTION": recognition.CONTRADICTION,
        "ALIKE": sorted(recognition._ALIKE),
        "SEQUENCE_OF_CONTRAST": dict(dicom_sequence._ACQUISITION_CONTRAST),
        "DERIVED": _javascript(dicom_sequence._DERIVED.pattern),
        "SEQUENCE_WORDS": [(_javascript(pattern), name) for pattern, name in dicom_sequence._WORDS],
        "CONTRAST_NAME": _javascript(dicom_sequence._CONTRAST_NAME.pattern),
        "NO_CONTRAST_NAME": _javascript(dicom_sequence._NO_CONTRAST_NAME.pattern),
        "NO_AGENT": sorted(dicom_sequence._NO_AGENT),
        "FLAIR_INVERSION_MS": dicom_sequence.FLAIR_INVERSION_MS,
        "LONG_ECHO_MS": dicom_sequence.LONG_ECHO_MS,
        "LONG_REPETITION_MS": dicom_sequence.LONG_REPETITION_MS,
        "SHORT_ECHO_MS": dicom_sequence.SHORT_ECHO_MS,
        "SHORT_REPETITION_MS": dicom_sequence.SHORT_REPETITION_MS,
        "WORTH": list(study.WORTH.items()),
        "OTHER_SEQUENCE": study.OTHER,
        "LEAST_OF_SERIES": study._LEAST_PROBABILITY,
        "MAX_LOGIT": evidence._MAX_LOGIT,
        "ROUNDING": evidence._ROUNDING,
        "NEUTRAL": operating_point.NEUTRAL,
        "REJECTION": input_check.REJECTION,
        "BLANK": input_check.BLANK,
        "ANSWERED_MODALITIES": sorted(input_check.ANSWERED_MODALITIES),
        "FOREIGN_BODY_PARTS": sorted(input_check.FOREIGN_BODY_PARTS),
        "MOST_SUSPICIOUS": series.MOST_SUSPICIOUS,
        "NEIGHBORS": series.NEIGHBORS,
        "NEIGHBOR_SHARE": series.NEIGHBOR_SHARE,
        "LEAST_PROBABILITY": series._LEAST_PROBABILITY,
        "SAME_DIRECTION": series_volumes._SAME_DIRECTION,
        "POSITION_DIGITS": series_volumes._POSITION_DIGITS,
        "MIXED_BY": series_volumes._MIXED_BY,
        "ORDER": series_volumes.ORDER,
        "WITHOUT_UID": scan.WITHOUT_UID,
        "ALONE": dicom.ALONE,
        "COUNTED": series_volumes._COUNTED,
        "LEAST_ALIKE": series_volumes._LEAST_ALIKE,
        "NO_SERIES_UID": dicom.NO_SERIES_UID,
        "OF_ONE_SERIES": dicom._OF_ONE_SERIES,
        "TRAITS": dicom._TRAITS,
        "MAX_TRAIT": dicom._MAX_TRAIT,
        "DESCRIPTION_LETTERS": dicom._DESCRIPTION_LETTERS,
        "LUMA": [round(float(one), 6) for one in dicom_display.LUMA],
        "WINDOW_FUNCTIONS": dicom_display._FUNCTIONS,
        "WINDOW_FOREGROUND": dicom_display._FOREGROUND,
        "LEAST_SHOWN": dicom_display._LEAST_SHOWN,
        "PLANE_BY_AXIS": dicom_geometry._PLANE_BY_AXIS,
        "MIN_ALIGNMENT": dicom_geometry._MIN_ALIGNMENT,
        "LEAST_AREA": dicom_geometry._LEAST_AREA,
        "DIRECTIONS": dicom_geometry._DIRECTIONS,
        "TEXT_VRS": sorted(dicom_header._TEXT_VRS),
        "SIDES": volume._SIDES,
        "THICK": volume._THICK,
        "LEAST_DETERMINANT": volume._LEAST_DETERMINANT,
        "TRIED_VOLUMES": volume._TRIED,
        "PICTURE_SIDE": pictures.MAX_SIDE,
        "EVIDENCE_SIDE": pictures.EVIDENCE_SIDE,
        "SHOWN_PERCENTILES": pictures._WINDOW,
        "DEEP_MAXIMUM": pictures.DEEP_MAXIMUM,
        "FORMATS": _formats(),
        "NAMED_AS_SCAN": table._ENDINGS,
        "SYNTAX_NAMES": {str(one): one.name for one in SYNTAXES},
        "ELEMENTS": _elements(),
    }


_LETTERS = r"\p{L}\p{N}_"
_ESCAPES = {
    "w": f"[{_LETTERS}]",
    "W": f"[^{_LETTERS}]",
    "b": f"(?:(?<=[{_LETTERS}])(?![{_LETTERS}])|(?<![{_LETTERS}])(?=[{_LETTERS}]))",
}
"""What Python means by them, for whom letters are not those of ASCII alone."""


def _javascript(pattern: str) -> str:
    """Write an expression as JavaScript has it with the flag ``u``."""
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), pattern)


def _formats() -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "endings": one.all_endings,
            "isReadHere": one.name in _READ_HERE,
            "isRead": one.is_read,
            "advice": one.advice,
        }
        for one in table.FORMATS
    ]


def _elements() -> dict[str, tuple[str, str]]:
    """Return tag, as the parser writes it, and value representation by keyword."""
    keywords = sorted({*ELEMENTS, *dicom._OF_ONE_SERIES, *dicom._TRAITS})
    tags = {one: tag_for_keyword(one) for one in keywords}
    return {
        one: (f"x{tag:08x}", dictionary_VR(tag)) for one, tag in tags.items() if tag is not None
    }


def typescript() -> str:
    """Return the constants as a module."""
    lines = ["// Made by python web/constants.py; do not edit."]
    for name, value in constants().items():
        lines += ["", f"export const {name} = {json.dumps(value, ensure_ascii=False)} as const;"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(typescript())
