"""The report as an encapsulated PDF, for viewers that show no structured report."""

from __future__ import annotations

import io
from typing import Final

import pydicom
from highdicom.base import SOPClass
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from tumorscope.labels import NOTICE
from tumorscope.serving.dicom.results.codes import REPORT
from tumorscope.serving.dicom.results.secondary_capture import captured
from tumorscope.serving.dicom.results.source import SourceSeries

_PAGE: Final = (1240, 1754)
"""A4 at 150 dots per inch."""
_DPI: Final = 150
_MARGIN: Final = 90
_PICTURE: Final = 340


def encapsulated_pdf(source: SourceSeries) -> pydicom.Dataset:
    """Return the report as a document of one page. It names no patient; its header does."""
    content = _pdf(source)
    reference = source.reference(source.slices[0])
    document = SOPClass(
        study_instance_uid=reference.StudyInstanceUID,
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **source.identity("pdf"),
    )
    document.ConversionType = "WSD"
    document.BurnedInAnnotation = "NO"
    document.AcquisitionDateTime = None
    document.DocumentTitle = "Brain tumor classifier report (research use only)"
    document.ConceptNameCodeSequence = [REPORT]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    document.EncapsulatedDocumentLength = len(content)
    document.SourceInstanceSequence = [_reference(one) for one in source.references.values()]
    return source.finish(document)


def _reference(header: pydicom.Dataset) -> pydicom.Dataset:
    reference = pydicom.Dataset()
    reference.ReferencedSOPClassUID = header.SOPClassUID
    reference.ReferencedSOPInstanceUID = header.SOPInstanceUID
    return reference


def _pdf(source: SourceSeries) -> bytes:
    page = Image.new("RGB", _PAGE, "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(24)
    pen.text(
        (_MARGIN, _MARGIN), "Brain tumor classifier report", "black", ImageFont.load_default(40)
    )
    top = _MARGIN + 80
    for line in _lines(source):
        pen.text((_MARGIN, top), line, "black", font)
        top += 38
    for number, one in enumerate(source.most_suspicious()):
        if one.prediction.pixels is None:
            continue
        picture = Image.fromarray(captured(one))
        picture.thumbnail((_PICTURE, 2 * _PICTURE))
        page.paste(picture, (_MARGIN + number * (_PICTURE + 20), top + 30))
    buffer = io.BytesIO()
    page.save(buffer, "PDF", resolution=_DPI)
    return buffer.getvalue()


def _lines(source: SourceSeries) -> list[str]:
    answer = source.answer
    lines = [NOTICE, "", f"Outcome: {answer.outcome.replace('_', ' ')}"]
    if answer.probabilities is not None:
        lines.append(f"Probability of tumor: {answer.probabilities['tumor']:.3f}")
    for name, value in (answer.type_probabilities or {}).items():
        lines.append(f"Probability of {name}, if there is a tumor: {value:.3f}")
    names = ", ".join(one.replace("_", " ") for one in answer.prediction_set)
    point = answer.operating_point
    return [
        *lines,
        f"Classes that cannot be excluded: {names or 'none'}",
        f"Operating point: {point.name}, tumor from {point.threshold:.3f} on",
        f"Slices: {len(source.slices)}",
        f"Model: {answer.model.id} {answer.model.version}",
        f"SHA-256: {answer.model.sha256}",
        *answer.reasons,
        *answer.notes,
    ]
