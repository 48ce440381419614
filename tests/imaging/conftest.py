"""Made DICOM data sets."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid


@pytest.fixture(scope="session")
def make_dicom() -> Callable[..., FileDataset]:
    """Make an MR image: shape (rows, columns) or (frames, rows, columns), 8 or 16 bits."""

    def make(pixels: np.ndarray, **elements: Any) -> FileDataset:
        meta = FileMetaDataset()
        meta.TransferSyntaxUID = ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = MRImageStorage
        meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[str(elements), "instance"])
        ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
        ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
        ds.SeriesInstanceUID = generate_uid(entropy_srcs=["series"])
        ds.PatientName, ds.PatientID, ds.Modality = "Doe^Jane", "12345678", "MR"
        ds.Rows, ds.Columns = pixels.shape[-2:]
        if pixels.ndim == 3:
            ds.NumberOfFrames = pixels.shape[0]
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
        ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(pixels.dtype.kind == "i")
        ds.PixelData = pixels.tobytes()
        ds["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
        for keyword, value in elements.items():
            setattr(ds, keyword, value)
        return ds

    return make


@pytest.fixture(scope="session")
def encode_dicom() -> Callable[..., bytes]:
    """Write a data set as a file."""

    def encode(ds: Dataset, **options: Any) -> bytes:
        buffer = io.BytesIO()
        pydicom.dcmwrite(buffer, ds, **{"enforce_file_format": True, **options})
        return buffer.getvalue()

    return encode
