"""The answer as a structured report: TID 1500, with TID 4019 for the algorithm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pydicom
from highdicom.sr import (
    AlgorithmIdentification,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    GraphicTypeValues,
    ImageRegion,
    Measurement,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PlanarROIMeasurementsAndQualitativeEvaluations,
    QualitativeEvaluation,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceImageForRegion,
    TextContentItem,
    TrackingIdentifier,
)
from highdicom.sr.coding import CodedConcept
from pydicom.sr.codedict import codes

from tumorscope.answer import Localization, Prediction, SeriesPrediction
from tumorscope.labels import NOTICE
from tumorscope.serving.dicom.results.codes import (
    ONE,
    OUTCOME,
    PLANE,
    PREDICTION_SET,
    SEQUENCE,
    SERIES_ANSWER,
    SLICE_ANSWER,
    THRESHOLD,
    TUMOR_PROBABILITY,
    type_probability,
    word,
)
from tumorscope.serving.dicom.results.source import NAME, SourceSeries, SourceSlice, hashed_uid

_Group = PlanarROIMeasurementsAndQualitativeEvaluations | MeasurementsAndQualitativeEvaluations
_CROSS_SECTIONAL: Final = (
    "PixelSpacing",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
)
_MR_BRAIN: Final = CodedConcept(value="24590-2", scheme_designator="LN", meaning="MR Brain")


def structured_report(source: SourceSeries) -> pydicom.Dataset:
    """Return the report: the answer for the series, then one group for each suspicious slice."""
    groups = [_series_group(source)]
    if isinstance(source.answer, SeriesPrediction):
        groups += [
            _slice_group(source, one, number)
            for number, one in enumerate(source.most_suspicious(), start=1)
        ]
    references = list(source.references.values())
    content = MeasurementReport(
        observation_context=_observer(source),
        procedure_reported=_MR_BRAIN,
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
        referenced_images=[_listed(one) for one in references],
    )
    report = Comprehensive3DSR(
        evidence=references,
        content=content[0],
        is_complete=True,
        is_final=False,
        is_verified=False,
        **source.identity("sr"),
    )
    return source.finish(report)


def _listed(reference: pydicom.Dataset) -> pydicom.Dataset:
    """Return what the image library says of an image.

    TID 1604 wants one place for the whole image, which several frames do not have.
    """
    if all(reference.get(keyword) is not None for keyword in _CROSS_SECTIONAL):
        return reference
    listed = pydicom.Dataset()
    listed.update(reference)
    listed.Modality = "OT"
    return listed


def _observer(source: SourceSeries) -> ObservationContext:
    model = source.answer.model
    device = DeviceObserverIdentifyingAttributes(
        uid=hashed_uid("device", model.sha256),
        name=NAME,
        manufacturer_name=NAME,
        model_name=model.id,
        serial_number=model.sha256,
    )
    return ObservationContext(
        observer_device_context=ObserverContext(
            observer_type=codes.DCM.Device, observer_identifying_attributes=device
        )
    )


def _algorithm(answer: SeriesPrediction | Prediction) -> AlgorithmIdentification:
    point = answer.operating_point
    return AlgorithmIdentification(
        name=answer.model.id,
        version=answer.model.version,
        parameters=[
            f"model SHA-256 {answer.model.sha256}",
            f"operating point {point.name}, threshold {point.threshold:.6g}",
        ],
    )


def _series_group(source: SourceSeries) -> _Group:
    answer = source.answer
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=source.uid("sr", "series answer"), identifier="Series answer"
        ),
        finding_type=SERIES_ANSWER if isinstance(answer, SeriesPrediction) else SLICE_ANSWER,
        algorithm_id=_algorithm(answer),
        measurements=_measurements(answer, source),
        qualitative_evaluations=_evaluations(answer),
    )
    for comment in (NOTICE, *_how_known(answer), *answer.reasons, *answer.notes):
        _comment(group, comment)
    return group


def _how_known(answer: SeriesPrediction | Prediction) -> Iterator[str]:
    """Yield where the sequence was read, as a header and a guess are not the same."""
    sequence = answer.sequence
    if sequence["name"] is not None and sequence["from"] == "pixels":
        probability = sequence["probability"]
        how = "" if probability is None else f", probability {probability:.3g}"
        yield f"The sequence was recognized by the pixels{how}."


def _slice_group(source: SourceSeries, one: SourceSlice, number: int) -> _Group:
    answer = one.prediction
    common: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(
            uid=source.uid("sr", f"slice {number}"), identifier=f"Suspicious slice {number}"
        ),
        "finding_type": SLICE_ANSWER,
        "algorithm_id": _algorithm(answer),
        "measurements": _measurements(answer, None),
        "qualitative_evaluations": _evaluations(answer),
    }
    header = one.header
    if answer.localization is None:
        image = SourceImageForMeasurementGroup(
            referenced_sop_class_uid=header.SOPClassUID,
            referenced_sop_instance_uid=header.SOPInstanceUID,
            referenced_frame_numbers=one.frames,
        )
        return MeasurementsAndQualitativeEvaluations(source_images=[image], **common)
    region = ImageRegion(
        graphic_type=GraphicTypeValues.POLYLINE,
        graphic_data=_outline(answer.localization),
        source_image=SourceImageForRegion(
            referenced_sop_class_uid=header.SOPClassUID,
            referenced_sop_instance_uid=header.SOPInstanceUID,
            referenced_frame_numbers=one.frames,
        ),
    )
    return PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **common)


def _outline(localization: Localization) -> np.ndarray:
    """Return the closed outline of the box, shape (5, 2): columns and rows from the corner."""
    row0, column0, row1, column1 = localization.box
    left, top, right, bottom = column0, row0, column1 + 1, row1 + 1
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return np.array(corners, np.float64)


def _measurements(
    answer: SeriesPrediction | Prediction, source: SourceSeries | None
) -> list[Measurement]:
    found = []
    if answer.probabilities is not None:
        found.append(Measurement(TUMOR_PROBABILITY, answer.probabilities["tumor"], ONE))
    if answer.type_probabilities is not None:
        found += [
            Measurement(type_probability(name), float(value), ONE)  # type: ignore[arg-type]
            for name, value in answer.type_probabilities.items()
        ]
    if source is not None:
        found.append(Measurement(THRESHOLD, answer.operating_point.threshold, ONE))
    return found


def _evaluations(answer: SeriesPrediction | Prediction) -> list[QualitativeEvaluation]:
    found: list[tuple[CodedConcept, str]] = [(OUTCOME, answer.outcome)]
    found += [(PREDICTION_SET, name) for name in answer.prediction_set]
    found += [(SEQUENCE, answer.sequence["name"] or ""), (PLANE, answer.plane or "")]
    return [QualitativeEvaluation(concept, word(name)) for concept, name in found if name]


def _comment(group: _Group, text: str) -> None:
    """Add a comment; TID 1501 is extensible."""
    item = TextContentItem(
        name=codes.DCM.Comment, value=text, relationship_type=RelationshipTypeValues.CONTAINS
    )
    group[0].ContentSequence.append(item)
