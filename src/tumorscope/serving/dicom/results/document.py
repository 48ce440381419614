"""The report as an encapsulated PDF, for viewers that show no structured report."""

from __future__ import annotations

import io
import textwrap
from typing import Final

import pydicom
from highdicom.base import SOPClass
from PIL import Image, ImageDraw, ImageFont
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from tumorscope.imaging.formats.dicom_header import whole
from tumorscope.labels import NOTICE
from tumorscope.serving.dicom.results.codes import REPORT
from tumorscope.serving.dicom.results.secondary_capture import (
    MEANING,
    answer_in_words,
    drawn,
    slice_name,
)
from tumorscope.serving.dicom.results.source import SourceSeries, SourceSlice

_PAGE: Final = (1240, 1754)
"""A4 at 150 dots per inch."""
_DPI: Final = 150
_MARGIN: Final = 90
_GAP: Final = 20
_PICTURE: Final = 340
"""Width of a picture; its height at most twice that."""
_CAPTION: Final = 20
_FONT: Final = 24
_STEP: Final = 38
"""From line to line."""
_LETTERS: Final = 76
"""Of a line of the page."""


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
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(_FONT)
    title = ImageFont.load_default(40)
    pen.text((_MARGIN, _MARGIN), "Brain tumor classifier report", "black", title)
    foot = _PAGE[1] - _MARGIN
    pen.text((_MARGIN, foot), NOTICE, "black", font, "ls")
    top, last = _MARGIN + 80, foot - 2 * _STEP
    shown = [one for one in source.most_suspicious() if one.prediction.pixels is not None]
    pictures = [_picture(one) for one in shown]
    needed = max((picture.height for picture in pictures), default=0) + 4 * _STEP
    for line in _fitting(_lines(source), (last - needed - top) // _STEP):
        pen.text((_MARGIN, top), line, "black", font)
        top += _STEP
    for number, picture in enumerate(pictures):
        page.paste(picture, (_MARGIN + number * (_PICTURE + _GAP), top + _STEP))
    if pictures:
        top += max(picture.height for picture in pictures) + 2 * _STEP
        pen.text((_MARGIN, top), MEANING, "black", ImageFont.load_default(_CAPTION))
    buffer = io.BytesIO()
    page.save(buffer, "PDF", resolution=_DPI)
    return buffer.getvalue()


def _picture(one: SourceSlice) -> Image.Image:
    """Draw a slice with its caption below, in letters as large as those of the page."""
    picture = drawn(one)
    picture.thumbnail((_PICTURE, 2 * _PICTURE))
    answer = answer_in_words(one.prediction).replace(", ", "\n", 1)
    lines = [slice_name(one).capitalize(), *answer.splitlines()]
    font, step = ImageFont.load_default(_CAPTION), _CAPTION + 8
    framed = Image.new("RGB", (_PICTURE, picture.height + 8 + step * len(lines)), "white")
    framed.paste(picture, (0, 0))
    pen = ImageDraw.Draw(framed)
    for number, line in enumerate(lines):
        pen.text((0, picture.height + 8 + number * step), line, "black", font)
    return framed


def _fitting(lines: list[str], room: int) -> list[str]:
    """Break lines at the width of the page; what has no room is left to the structured report."""
    broken = [part for line in lines for part in textwrap.wrap(line, _LETTERS) or [""]]
    if len(broken) <= room:
        return broken
    return [*broken[: room - 1], "More is in the structured report."]


def _lines(source: SourceSeries) -> list[str]:
    answer = source.answer
    lines = [NOTICE, "", *_of_series(source), f"Outcome: {answer.outcome.replace('_', ' ')}"]
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
        f"Model: {answer.model.id} {answer.model.version}",
        f"SHA-256: {answer.model.sha256}",
        *answer.reasons,
        *answer.notes,
    ]


def _of_series(source: SourceSeries) -> list[str]:
    """Return what finds the series in a viewer: numbers, and no free text of the header."""
    number, answer = whole(source.header, "SeriesNumber"), source.answer
    named = f"Series {number}" if number else "Series"
    many = len(source.slices)
    found = [f"{named}: {many} slice{'s' if many > 1 else ''}"]
    found += [one for one in (answer.plane, answer.sequence["name"]) if one]
    return [", ".join(found)]
