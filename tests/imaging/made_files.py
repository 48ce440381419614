"""One small valid file of every format that is read, for tests and for the fuzzer."""

import functools
import gzip
import io
import zlib
from collections.abc import Callable
from typing import Any

import nibabel
import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    MRImageStorage,
    RLELossless,
)

GREY = np.random.default_rng(0).integers(0, 256, (24, 20), dtype=np.uint8)
DEEP = 16 * GREY.astype(np.uint16)
VOXELS = np.random.default_rng(0).integers(0, 999, (19, 18, 5)).astype(np.int16)
"""Axes right, anterior, superior."""

SPACING = (1.0, 1.0, 5.0)


def raster(kind: str, pixels: np.ndarray = GREY, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def png_16(channels: int = 3) -> bytes:
    """Colour with 16 bits, each channel the same grey; Pillow writes none."""
    pixels = np.dstack([DEEP] * channels)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    kind = {2: 4, 3: 2, 4: 6}[channels]
    header = b"".join(one.to_bytes(4, "big") for one in GREY.shape[::-1]) + bytes(
        [16, kind, 0, 0, 0]
    )
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
        for name, data in chunks
    )


def tiff_pages() -> bytes:
    page = Image.fromarray(GREY)
    return raster("TIFF", save_all=True, append_images=[page, page], compression="tiff_lzw")


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    import tifffile

    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def planar_tiff(*, tile: tuple[int, int] | None = None, rows: int | None = 8) -> bytes:
    strips = {} if tile else {"rowsperstrip": rows}
    return tiff(
        np.stack([DEEP] * 3),
        photometric="rgb",
        planarconfig="separate",
        tile=tile,
        metadata=None,
        **strips,
    )


def nifti(kind: type = nibabel.Nifti1Image, voxels: np.ndarray = VOXELS) -> bytes:
    return bytes(kind(voxels, np.diag([*SPACING, 1])).to_bytes())


def mgh() -> bytes:
    image = nibabel.MGHImage(VOXELS, np.diag([*SPACING, 1]))
    return bytes(image.to_bytes())


def nrrd(encoding: str = "gzip", *, detached: str | None = None) -> bytes:
    raw = VOXELS.tobytes(order="F")
    data = {
        "raw": lambda: raw,
        "gzip": lambda: gzip.compress(raw),
        "bzip2": lambda: __import__("bz2").compress(raw),
        "ascii": lambda: " ".join(map(str, VOXELS.ravel(order="F"))).encode(),
    }[encoding]()
    lines = [
        "NRRD0004",
        "# made",
        "type: short",
        "dimension: 3",
        "space: right-anterior-superior",
        f"sizes: {' '.join(map(str, VOXELS.shape))}",
        "space directions: (1,0,0) (0,1,0) (0,0,5)",
        "kinds: domain domain domain",
        "endian: little",
        f"encoding: {encoding}",
        "space origin: (0,0,0)",
    ]
    if detached is not None:
        lines.append(f"data file: {detached}")
        return ("\n".join(lines) + "\n").encode()
    return ("\n".join(lines) + "\n\n").encode() + data


def metaimage(*, packed: bool = True, detached: str | None = None, **fields: str) -> bytes:
    """Axes left, posterior, superior, as MetaImage has them."""
    raw = VOXELS[::-1, ::-1].tobytes(order="F")
    data = zlib.compress(raw) if packed else raw
    head = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": str(packed),
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "ElementSpacing": "1 1 5",
        "DimSize": " ".join(map(str, VOXELS.shape)),
        "ElementType": "MET_SHORT",
        **fields,
        "ElementDataFile": detached or "LOCAL",
    }
    text = "".join(f"{key} = {value}\n" for key, value in head.items()).encode()
    return text if detached else text + data


def dicom(pixels: np.ndarray = DEEP, **elements: Any) -> FileDataset:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID = MRImageStorage, "1.2.3.4", "1.2.3"
    ds.Modality, ds.Rows, ds.Columns = "MR", *pixels.shape[-2:]
    if pixels.ndim == 3:
        ds.NumberOfFrames = len(pixels)
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8 * pixels.dtype.itemsize
    ds.HighBit, ds.PixelRepresentation = ds.BitsStored - 1, int(pixels.dtype.kind == "i")
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def encoded(ds: FileDataset, syntax: str | None = None) -> bytes:
    if syntax == RLELossless:
        ds.compress(RLELossless)
    elif syntax == JPEG2000Lossless:
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([raster("JPEG2000", GREY, no_jp2=True)])
    elif syntax == JPEGBaseline8Bit:
        ds.file_meta.TransferSyntaxUID = syntax
        ds.PixelData = encapsulate([raster("JPEG", GREY)])
    elif syntax is not None:
        ds.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    if syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian):
        little = syntax != ExplicitVRBigEndian
        if not little:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


@functools.cache
def jpegls(*, signed: bool = False) -> bytes:
    """A JPEG-LS file of 12 bits, made by GDCM."""
    return gdcm_encoded("JPEGLSLossless", signed=signed)


def gdcm_encoded(syntax: str, *, signed: bool = False) -> bytes:
    import tempfile
    from pathlib import Path

    import gdcm

    pixels = DEEP.astype(np.int16) - 2048 if signed else DEEP
    ds = dicom(pixels, BitsStored=12, HighBit=11)
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "a.dcm", Path(folder) / "b.dcm"
        source.write_bytes(encoded(ds))
        reader = gdcm.ImageReader()
        reader.SetFileName(str(source))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(getattr(gdcm.TransferSyntax, syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change()
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(target))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return target.read_bytes()


FILES: dict[str, Callable[[], bytes]] = {
    "png": lambda: raster("PNG"),
    "png-16": lambda: raster("PNG", DEEP),
    "png-16-color": png_16,
    "jpeg": lambda: raster("JPEG"),
    "jpeg-progressive": lambda: raster("JPEG", progressive=True),
    "bmp": lambda: raster("BMP"),
    "webp": lambda: raster("WEBP", lossless=True),
    "tiff": lambda: raster("TIFF", GREY.astype(np.float32)),
    "tiff-pages": tiff_pages,
    "tiff-planar": planar_tiff,
    "nifti-1": nifti,
    "nifti-2": lambda: nifti(nibabel.Nifti2Image),
    "nifti-4d": lambda: nifti(voxels=np.stack([VOXELS] * 2, axis=-1)),
    "nifti-gz": lambda: gzip.compress(nifti()),
    "nrrd": nrrd,
    "nrrd-raw": lambda: nrrd("raw"),
    "nrrd-ascii": lambda: nrrd("ascii"),
    "metaimage": metaimage,
    "metaimage-raw": lambda: metaimage(packed=False),
    "mgh": mgh,
    "mgz": lambda: gzip.compress(mgh()),
    "dicom": lambda: encoded(dicom(WindowCenter=900, WindowWidth=1700, RescaleSlope=2)),
    "dicom-gz": lambda: gzip.compress(encoded(dicom())),
    "dicom-frames": lambda: encoded(dicom(np.stack([DEEP] * 3))),
    "dicom-deflated": lambda: encoded(dicom(), DeflatedExplicitVRLittleEndian),
    "dicom-implicit": lambda: encoded(dicom(), ImplicitVRLittleEndian),
    "dicom-rle": lambda: encoded(dicom(), RLELossless),
    "dicom-jpeg": lambda: encoded(dicom(GREY), JPEGBaseline8Bit),
    "dicom-jpeg-2000": lambda: encoded(dicom(GREY), JPEG2000Lossless),
}
"""Name and maker of each file; all are read without GDCM."""
