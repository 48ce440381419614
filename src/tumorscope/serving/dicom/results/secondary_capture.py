"""The most suspicious slices as pictures that every viewer shows."""

from __future__ import annotations

import textwrap
from typing import Final

import numpy as np
import pydicom
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.sr.codedict import codes

from tumorscope.answer import Prediction
from tumorscope.imaging.formats.dicom_geometry import slice_geometry
from tumorscope.imaging.formats.dicom_header import whole
from tumorscope.labels import NOTICE
from tumorscope.serving.dicom.results.source import SourceSeries, SourceSlice

_SIDE: Final = 512
"""Least width in pixels: below, the notice could not be read."""
_LINE: Final = 20
_FONT: Final = 14
_SIDES_FONT: Final = 20
_OPPOSITE: Final = {"L": "R", "R": "L", "A": "P", "P": "A", "H": "F", "F": "H"}
MEANING: Final = "Color: evidence for a tumor, not its outline."
_BLACK, _WHITE, _FRAME = (0, 0, 0), (255, 255, 255), (255, 200, 60)


def secondary_captures(source: SourceSeries) -> list[pydicom.Dataset]:
    """Return one picture for each of the most suspicious slices."""
    return [
        _capture(source, one, number)
        for number, one in enumerate(source.most_suspicious(), start=1)
        if one.prediction.pixels is not None
    ]


def _capture(source: SourceSeries, one: SourceSlice, number: int) -> pydicom.Dataset:
    orientation = _patient_orientation(one)
    capture = SCImage.from_ref_dataset(
        source.reference(one),
        pixel_array=captured(one),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=orientation or ("L", "P"),
        transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian,
        **source.identity("sc", instance=number),
    )
    if orientation is None:
        capture["PatientOrientation"].value = None
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.BurnedInAnnotation = "NO"  # the notice and the answer name nobody
    capture.DerivationDescription = f"Evidence of the classifier over the source image. {NOTICE}"
    capture.SourceImageSequence = [_image_reference(one)]
    lossy = one.header.get("LossyImageCompression")
    if lossy:
        capture.LossyImageCompression = lossy
    return source.finish(capture)


def _image_reference(one: SourceSlice) -> pydicom.Dataset:
    reference = pydicom.Dataset()
    reference.ReferencedSOPClassUID = one.header.SOPClassUID
    reference.ReferencedSOPInstanceUID = one.header.SOPInstanceUID
    if one.frame is not None:
        reference.ReferencedFrameNumber = one.frame
    purpose = pydicom.Dataset()
    code = codes.DCM.SourceImageForImageProcessingOperation
    purpose.CodeValue, purpose.CodingSchemeDesignator = code.value, code.scheme_designator
    purpose.CodeMeaning = code.meaning
    reference.PurposeOfReferenceCodeSequence = [purpose]
    return reference


def _patient_orientation(one: SourceSlice) -> tuple[str, str] | None:
    """Return the directions of rows and columns, as letters."""
    frames = int(one.header.get("NumberOfFrames") or 1)
    geometry = slice_geometry(one.header, one.prediction.slice_index or 0, frames=frames)
    if geometry.sides is None:
        return None
    return _OPPOSITE[geometry.sides[0]], _OPPOSITE[geometry.sides[1]]


def captured(one: SourceSlice) -> NDArray[np.uint8]:
    """Draw a slice with evidence, box, sides and notice: shape (rows, columns, 3).

    The text stands below the picture and covers nothing.
    """
    return np.asarray(_with_text(drawn(one), _lines(one)), np.uint8)


def drawn(one: SourceSlice) -> Image.Image:
    """Draw a slice with evidence and box, the patient's sides at its edges; pixels are square."""
    answer = one.prediction
    frames = int(one.header.get("NumberOfFrames") or 1)
    geometry = slice_geometry(one.header, answer.slice_index or 0, frames=frames)
    tall, wide = geometry.spacing_mm or (1.0, 1.0)
    picture = answer.overlay()
    scale = max(1.0, _SIDE / picture.width, _SIDE / (picture.height * tall / wide))
    size = round(picture.width * scale), max(1, round(picture.height * tall / wide * scale))
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    _frame(picture, answer)
    if geometry.sides is not None:
        _name_sides(picture, geometry.sides)
    return picture


def _name_sides(picture: Image.Image, sides: tuple[str, str]) -> None:
    """Write where left, top, right and bottom lie: a picture that is exported has no header."""
    left, top = sides
    wide, tall = picture.size
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(_SIDES_FONT)
    for letter, place, anchor in (
        (left, (6, tall // 2), "lm"),
        (top, (wide // 2, 6), "mt"),
        (_OPPOSITE[left], (wide - 6, tall // 2), "rm"),
        (_OPPOSITE[top], (wide // 2, tall - 6), "mb"),
    ):
        pen.text(place, letter, _WHITE, font, anchor, stroke_width=2, stroke_fill=_BLACK)


def slice_name(one: SourceSlice) -> str:
    """Return what finds a slice in a viewer: numbers, and no free text of the header."""
    series = whole(one.header, "SeriesNumber")
    names = [f"series {series}"] if series else []
    image = whole(one.header, "InstanceNumber")
    names += [f"image {image}"] if image else []
    names += [f"frame {one.frame}"] if one.frame is not None else []
    return ", ".join(names)


def answer_in_words(answer: Prediction) -> str:
    """Return the answer for a slice on one line."""
    said = answer.outcome.replace("_", " ")
    if answer.probabilities is None:
        return said
    return f"{said}, probability of tumor {answer.probabilities['tumor']:.3f}"


def _frame(picture: Image.Image, answer: Prediction) -> None:
    if answer.localization is None or answer.pixels is None:
        return
    rows, columns = answer.pixels.shape
    down, across = picture.height / rows, picture.width / columns
    row0, column0, row1, column1 = answer.localization.box
    box = (column0 * across, row0 * down, (column1 + 1) * across - 1, (row1 + 1) * down - 1)
    ImageDraw.Draw(picture).rectangle(box, outline=_FRAME, width=2)


def _lines(one: SourceSlice) -> list[str]:
    answer, name = one.prediction, slice_name(one)
    point = answer.operating_point
    return [
        *([f"Source: {name}"] if name else []),
        f"Slice answer: {answer_in_words(answer)}",
        MEANING,
        f"Operating point {point.name}, tumor from {point.threshold:.3f} on",
        f"{answer.model.id} {answer.model.version}, {answer.model.sha256[:12]}",
        NOTICE,
    ]


def _with_text(picture: Image.Image, lines: list[str]) -> Image.Image:
    font = ImageFont.load_default(_FONT)
    broken = [part for line in lines for part in textwrap.wrap(line, picture.width // 8)]
    page = Image.new("RGB", (picture.width, picture.height + _LINE * len(broken) + 8), _BLACK)
    page.paste(picture, (0, 0))
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(broken):
        pen.text((6, picture.height + 4 + number * _LINE), line, fill=_WHITE, font=font)
    return page
