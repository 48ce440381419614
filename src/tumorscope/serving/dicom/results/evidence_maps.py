"""The evidence on the frame of reference of its source: parametric map and segmentation."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import highdicom as hd
import numpy as np
import pydicom
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.sr.codedict import codes

from tumorscope.labels import NOTICE
from tumorscope.serving.dicom.results.codes import EVIDENCE, ONE
from tumorscope.serving.dicom.results.source import NoResultError, SourceSeries, SourceSlice

MAX_PIXELS: Final = 1 << 26
"""Of all slices of one map: 256 MiB as float32."""

LEAST_EVIDENCE: Final = 0.1
"""Below this nothing is marked in the segmentation: a haze over the head would be no overlay. The
parametric map has all values."""


def parametric_map(source: SourceSeries) -> pydicom.Dataset:
    """Return the evidence as numbers in [0, 1], a frame for each slice, float32.

    Raises
    ------
    NoResultError
        If the source has no geometry, or too many pixels.
    """
    slices = mapped_slices(source)
    mapping = RealWorldValueMapping(
        lut_label="EVIDENCE",
        lut_explanation="Evidence for tumor, 0 to 1",
        unit=ONE,
        value_range=(0.0, 1.0),
        slope=1.0,
        intercept=0.0,
        quantity_definition=EVIDENCE,
    )
    result = ParametricMap(
        pixel_array=_stack(slices),
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[hd.VOILUTTransformation(window_center=0.5, window_width=1.0)],
        content_label="TUMOR_EVIDENCE",
        content_description=f"Evidence for tumor. {NOTICE}",
        **_of_source(source, slices),
        **source.identity("pm"),
    )
    return source.finish(result)


def segmentation(source: SourceSeries) -> pydicom.Dataset:
    """Return the evidence as a fractional segment of type probability.

    Frames without evidence are left out.

    Raises
    ------
    NoResultError
        If the source has no geometry, too many pixels, or no slice shows evidence.
    """
    slices = mapped_slices(source)
    evidence = _stack(slices)
    evidence[evidence < LEAST_EVIDENCE] = 0
    if not evidence.any():
        raise NoResultError(
            f"No slice has evidence for a tumor of {LEAST_EVIDENCE:g} or more; there is nothing to "
            "mark."
        )
    model = source.answer.model
    segment = SegmentDescription(
        segment_number=1,
        segment_label="Evidence for tumor (research use only)",
        segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
        segmented_property_type=codes.SCT.Neoplasm,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name=model.id, version=model.version, family=codes.DCM.ArtificialIntelligence
        ),
        tracking_id="Evidence for tumor",
        tracking_uid=source.uid("seg", "segment"),
        anatomic_regions=[codes.SCT.Brain],
    )
    result = Segmentation(
        pixel_array=evidence,
        segmentation_type="FRACTIONAL",
        fractional_type="PROBABILITY",
        segment_descriptions=[segment],
        content_label="TUMOR_EVIDENCE",
        content_description=f"Evidence for tumor. {NOTICE}",
        **_of_source(source, slices),
        **source.identity("seg"),
    )
    return source.finish(result)


def mapped_slices(source: SourceSeries) -> list[SourceSlice]:
    """Return the slices that a map can hold: those of one geometry, of each place one.

    Where a series has several geometries, as a localizer has, it is that of the most suspicious
    slice.
    """
    suspicious = source.most_suspicious()
    counted = Counter(one.geometry for one in source.slices)
    geometry = suspicious[0].geometry if suspicious else counted.most_common(1)[0][0]
    frame_of_reference, orientation, spacing, is_placed, rows, columns = geometry
    if not (frame_of_reference and orientation and spacing and is_placed):
        raise NoResultError(
            "The source has no frame of reference, position, orientation or pixel spacing, so a "
            "map cannot be placed."
        )
    by_place: dict[Any, SourceSlice] = {}
    for one in [*suspicious, *source.slices]:
        if one.geometry == geometry and one.prediction.evidence is not None:
            position = one.prediction.position_mm
            by_place.setdefault(None if position is None else round(position, 2), one)
    chosen = set(map(id, by_place.values()))
    slices = [one for one in source.slices if id(one) in chosen]
    if len(slices) * rows * columns > MAX_PIXELS:
        raise NoResultError(
            f"The source has {len(slices) * rows * columns:,} pixels; a map holds up to "
            f"{MAX_PIXELS:,}."
        )
    return slices


def _stack(slices: list[SourceSlice]) -> NDArray[np.float32]:
    return np.stack([np.asarray(one.prediction.evidence, np.float32) for one in slices])


def _of_source(source: SourceSeries, slices: list[SourceSlice]) -> dict[str, Any]:
    """Return the source images, and where in the patient each frame lies."""
    references = {id(source.reference(one)): source.reference(one) for one in slices}
    first = slices[0]
    if first.frame is None:
        return {"source_images": list(references.values())}
    shared = source.reference(first)
    groups = [*shared.get("SharedFunctionalGroupsSequence", [])]
    frames = shared.get("PerFrameFunctionalGroupsSequence", [])

    def macro(one: SourceSlice, name: str) -> pydicom.Dataset:
        index = one.prediction.slice_index or 0
        for group in (*frames[index : index + 1], *groups):
            if name in group and group[name].value:
                return pydicom.Dataset(group[name].value[0])
        return pydicom.Dataset()

    measures = macro(first, "PixelMeasuresSequence")
    return {
        "source_images": list(references.values()),
        "pixel_measures": hd.PixelMeasuresSequence(
            pixel_spacing=[float(one) for one in measures.PixelSpacing],
            slice_thickness=float(measures.get("SliceThickness") or 0) or None,
        ),
        "plane_orientation": hd.PlaneOrientationSequence(
            "PATIENT",
            [
                float(one)
                for one in macro(first, "PlaneOrientationSequence").ImageOrientationPatient
            ],
        ),
        "plane_positions": [
            hd.PlanePositionSequence(
                "PATIENT",
                [float(p) for p in macro(one, "PlanePositionSequence").ImagePositionPatient],
            )
            for one in slices
        ],
    }
