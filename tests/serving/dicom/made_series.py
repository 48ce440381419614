"""A whole made series that lies anywhere in a patient."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid

AXIAL = (1, 0, 0, 0, 1, 0)
SAGITTAL = (0, 1, 0, 0, 0, -1)
OBLIQUE = (0.9981, 0.0102, 0.0611, -0.0102, 0.9999, 0.0)
SPACING = (0.9, 1.2)
BLOB = (70, 95)
"""Row and column of the blob's center."""


def unit(orientation: Sequence[float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions of rows, columns and slices, at right angles."""
    row = np.array(orientation[:3], float)
    row /= np.linalg.norm(row)
    normal = np.cross(row, orientation[3:])
    normal /= np.linalg.norm(normal)
    return row, np.cross(normal, row), normal


def make_series(
    make_head: Callable[..., np.ndarray],
    make_dicom: Callable[..., FileDataset],
    *,
    orientation: Sequence[float] = AXIAL,
    count: int = 6,
    study: str = "study",
    **elements: Any,
) -> list[FileDataset]:
    """Slices of 160 x 160 pixels; those from the third on show a blob."""
    row, column, normal = unit(orientation)
    made = []
    for index in range(count):
        blob = BLOB if index >= count // 3 else None
        position = np.array([-80.0, -95.0, 30.0]) + 5.0 * index * normal
        made.append(
            make_dicom(
                make_head(blob=blob, seed=index),
                **{
                    "InstanceNumber": index + 1,
                    "ImagePositionPatient": [round(float(one), 6) for one in position],
                    "ImageOrientationPatient": [round(float(one), 8) for one in (*row, *column)],
                    "PixelSpacing": list(SPACING),
                    "SliceThickness": 4.0,
                    "FrameOfReferenceUID": generate_uid(entropy_srcs=["frame"]),
                    "StudyInstanceUID": generate_uid(entropy_srcs=[study]),
                    "SeriesInstanceUID": generate_uid(entropy_srcs=["series", str(orientation)]),
                    "SeriesDescription": "T1 post",
                    "SeriesNumber": 5,
                    "StudyDate": "20260102",
                    "StudyTime": "101112",
                    "StudyID": "S1",
                    "AccessionNumber": "A77",
                    "ReferringPhysicianName": "Who^Refers",
                    "PatientBirthDate": "19500607",
                    "PatientSex": "F",
                    "PatientAge": "075Y",
                    "StudyDescription": "Head",
                    **elements,
                },
            )
        )
    return made


def center_mm(orientation: Sequence[float], position: Sequence[float], row: float, column: float):
    """Place of a pixel in the patient, PS3.3 equation C.7.6.2.1-1."""
    across, down, _ = unit(orientation)
    return np.array(position, float) + across * SPACING[1] * column + down * SPACING[0] * row
