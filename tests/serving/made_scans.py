"""A small scan in every format that is read, each naming a patient where the format can."""

import gzip
import hashlib
import io
import struct
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import nibabel
import numpy as np
import pydicom
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    MRImageStorage,
    RLELossless,
    generate_uid,
)

PATIENT = "Doe^Jane^Testcase"
GREY = np.random.default_rng(0).integers(0, 256, (40, 36), dtype=np.uint8)
DEEP = 16 * GREY.astype(np.uint16)
COLOR = np.stack([GREY, GREY[::-1], GREY[:, ::-1]], axis=-1)


def raster(
    kind: str, pixels: np.ndarray = GREY, *, mode: str | None = None, **options: Any
) -> bytes:
    """Encode a picture with Pillow, converted to ``mode`` where given."""
    picture = Image.fromarray(pixels)
    buffer = io.BytesIO()
    (picture.convert(mode) if mode else picture).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_pages() -> bytes:
    page = Image.fromarray(GREY)
    return raster("TIFF", save_all=True, append_images=[page, page], compression="tiff_lzw")


def nifti(kind: type = nibabel.Nifti1Image, dtype: type = np.int16) -> bytes:
    voxels = np.random.default_rng(0).integers(0, 999, (20, 18, 5)).astype(dtype)
    image = kind(voxels, np.diag([1.0, 1.0, 4.0, 1.0]))
    image.header["descrip"] = PATIENT.encode()
    return bytes(image.to_bytes())


def dicom_dataset(pixels: np.ndarray) -> pydicom.Dataset:
    """An MR image of shape (rows, columns) or (frames, rows, columns)."""
    ds = pydicom.Dataset()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = MRImageStorage
    instance = generate_uid(
        entropy_srcs=[str(pixels.shape), hashlib.sha256(pixels.tobytes()).hexdigest()]
    )
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = instance
    ds.SeriesInstanceUID = generate_uid(entropy_srcs=["series", instance])
    ds.Modality, ds.PatientName, ds.PatientID = "MR", PATIENT, PATIENT
    ds.Rows, ds.Columns = pixels.shape[-2:]
    if pixels.ndim == 3:
        ds.NumberOfFrames = pixels.shape[0]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    return ds


def write_dicom(ds: pydicom.Dataset, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    ds.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def dicom(pixels: np.ndarray = DEEP, syntax: UID = ExplicitVRLittleEndian) -> bytes:
    """A DICOM file that is not compressed, or as a whole."""
    if syntax == ExplicitVRBigEndian:
        ds = dicom_dataset(pixels)
        ds.PixelData = pixels.byteswap().tobytes()
        return write_dicom(ds, syntax)
    return write_dicom(dicom_dataset(pixels), syntax)


def dicom_rle() -> bytes:
    ds = dicom_dataset(DEEP)
    ds.compress(RLELossless)
    return write_dicom(ds, RLELossless)


def dicom_of(codestream: bytes, syntax: UID, pixels: np.ndarray = GREY) -> bytes:
    """A DICOM file around an encoded frame."""
    ds = dicom_dataset(pixels)
    ds.PixelData = encapsulate([codestream])
    ds["PixelData"].VR = "OB"
    return write_dicom(ds, syntax)


def lossless_jpeg() -> bytes:
    """ITU-T T.81 process 14, 16 x 16, 12 bits: one Huffman code for a difference of zero."""
    frame = b"\xff\xc3\x00\x0b" + struct.pack(">BHHB", 12, 16, 16, 1) + b"\x01\x11\x00"
    table = b"\xff\xc4\x00\x14\x00" + bytes([1] + [0] * 15) + b"\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00"
    return b"\xff\xd8" + frame + table + scan + bytes(32) + b"\xff\xd9"


def packed(**files: bytes) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


FORMATS: dict[str, Callable[[], bytes]] = {
    "png": lambda: raster("PNG"),
    "png-16": lambda: raster("PNG", DEEP),
    "png-color": lambda: raster("PNG", COLOR),
    "png-palette": lambda: raster("PNG", COLOR, mode="P"),
    "png-alpha": lambda: raster("PNG", mode="LA"),
    "png-bits": lambda: raster("PNG", mode="1"),
    "jpeg": lambda: raster("JPEG"),
    "jpeg-progressive": lambda: raster("JPEG", COLOR, progressive=True),
    "jpeg-cmyk": lambda: raster("JPEG", COLOR, mode="CMYK"),
    "bmp": lambda: raster("BMP"),
    "bmp-color": lambda: raster("BMP", COLOR),
    "webp": lambda: raster("WEBP"),
    "webp-lossless": lambda: raster("WEBP", lossless=True),
    "tiff": lambda: raster("TIFF", DEEP),
    "tiff-float": lambda: raster("TIFF", GREY.astype(np.float32)),
    "tiff-deflate": lambda: raster("TIFF", compression="tiff_adobe_deflate"),
    "tiff-pages": tiff_pages,
    "gif": lambda: raster("GIF"),
    "nifti-1": nifti,
    "nifti-2": lambda: nifti(nibabel.Nifti2Image),
    "nifti-float": lambda: nifti(dtype=np.float32),
    "nifti-gz": lambda: gzip.compress(nifti(), mtime=0),
    "dicom": dicom,
    "dicom-8": lambda: dicom(GREY),
    "dicom-frames": lambda: dicom(np.stack([DEEP] * 3)),
    "dicom-implicit": lambda: dicom(syntax=ImplicitVRLittleEndian),
    "dicom-big-endian": lambda: dicom(syntax=ExplicitVRBigEndian),
    "dicom-deflated": lambda: dicom(syntax=DeflatedExplicitVRLittleEndian),
    "dicom-rle": dicom_rle,
    "dicom-jpeg": lambda: dicom_of(raster("JPEG"), JPEGBaseline8Bit),
    "dicom-jpeg-2000": lambda: dicom_of(raster("JPEG2000", no_jp2=True), JPEG2000Lossless),
    "dicom-jpeg-lossless": lambda: dicom_of(lossless_jpeg(), JPEGLosslessSV1, DEEP[:16, :16]),
    "zip": lambda: packed(**{"a.png": raster("PNG"), "b/c.nii": nifti(), "d": dicom()}),
    "zip-in-zip": lambda: packed(**{"a.zip": packed(**{"b.png": raster("PNG")})}),
}
"""Makers by name; all but ``gif`` and ``zip-in-zip`` are read."""


@cache
def made(kind: str) -> bytes:
    """Return the file of a format, made once."""
    return FORMATS[kind]()
