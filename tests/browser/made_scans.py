"""Made-up scans in every format that the page takes: a grey head with or without a bright blob."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

MakeHead = Callable[..., np.ndarray]
BLOB = (80, 60)
SIZE = 160
PICTURES = {"png": "PNG", "jpg": "JPEG", "bmp": "BMP", "tif": "TIFF", "webp": "WEBP"}
SPACING_MM = 5.0


def write_picture(path: Path, pixels: np.ndarray) -> Path:
    """Write one slice as a picture, in the format that the name ends on."""
    Image.fromarray(pixels).save(path, PICTURES[path.suffix.lstrip(".")], quality=95)
    return path


def slices_of(make_head: MakeHead, count: int, size: int = SIZE) -> list[np.ndarray]:
    """Return the slices of a series; those in the middle third have a blob, at half their height
    and to the left."""
    blob = (size // 2, size * BLOB[1] // SIZE)
    middle = range(count // 3, 2 * count // 3)
    return [
        make_head((size, size), blob=blob if index in middle else None, seed=index)
        for index in range(count)
    ]


def write_volume(path: Path, slices: list[np.ndarray]) -> Path:
    """Write a NIfTI volume whose rows and columns are shown as given."""
    voxels = np.stack([one[::-1, ::-1].T for one in slices], axis=-1)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, SPACING_MM, 1.0])), path)
    return path


def write_series(folder: Path, slices: list[np.ndarray]) -> Path:
    """Write an axial DICOM series into a new folder."""
    folder.mkdir(parents=True)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    for index, pixels in enumerate(slices):
        one = _dicom_slice(pixels, index)
        one.SeriesInstanceUID, one.StudyInstanceUID = series, study
        one.FrameOfReferenceUID = frame
        one.save_as(folder / f"slice{index:03d}.dcm", enforce_file_format=True)
    return folder


def _dicom_slice(pixels: np.ndarray, index: int) -> pydicom.Dataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid()
    one = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    one.SOPClassUID, one.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    one.Modality, one.BodyPartExamined = "MR", "BRAIN"
    one.InstanceNumber = index + 1
    one.Rows, one.Columns = pixels.shape
    one.PixelSpacing = [1.0, 1.0]
    one.SliceThickness = SPACING_MM
    one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    one.ImagePositionPatient = [0, 0, index * SPACING_MM]
    one.SamplesPerPixel, one.PhotometricInterpretation = 1, "MONOCHROME2"
    one.BitsAllocated, one.BitsStored, one.HighBit = 16, 12, 11
    one.PixelRepresentation = 0
    one.PixelData = (pixels.astype(np.uint16) * 16).tobytes()
    return one


def write_zip(path: Path, *members: Path) -> Path:
    """Pack files into a zip."""
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.write(member, member.name)
    return path


def png_bytes(pixels: np.ndarray) -> bytes:
    """Encode one slice as PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
