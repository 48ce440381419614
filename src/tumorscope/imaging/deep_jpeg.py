"""Lossy JPEG with 12 bits, which pydicom leaves to GPL plug-ins; GDCM decodes it as well."""

from __future__ import annotations

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.encaps import generate_frames

from tumorscope.errors import CorruptImageError


def decode_deep_jpeg(ds: pydicom.Dataset) -> NDArray[np.uint16]:
    """Decode JPEG Process 2 and 4 frames with more than 8 bits.

    Returns
    -------
    ndarray
        Shape (frames, rows, columns), uint16 stored values.

    Raises
    ------
    CorruptImageError
        If a frame cannot be decoded.
    """
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    shape = (int(ds.Rows), int(ds.Columns))
    encoded = generate_frames(ds.PixelData, number_of_frames=frames)
    return np.stack([_decode_frame(one, ds, shape) for one in encoded])


def _decode_frame(
    encoded: bytes, ds: pydicom.Dataset, shape: tuple[int, int]
) -> NDArray[np.uint16]:
    import gdcm

    # GDCM tries its decoders for other depths first and would report each on stderr.
    gdcm.Trace.ErrorOff()
    gdcm.Trace.WarningOff()
    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(encoded)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())

    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((shape[1], shape[0], 1))
    image.SetDataElement(element)
    image.SetPhotometricInterpretation(
        gdcm.PhotometricInterpretation(gdcm.PhotometricInterpretation.MONOCHROME2)
    )
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
    stored = int(ds.BitsStored)
    image.SetPixelFormat(gdcm.PixelFormat(1, 16, stored, stored - 1, 0))
    content = image.GetBuffer()
    values = np.frombuffer(content.encode("utf-8", "surrogateescape"), np.uint16)
    if values.size != shape[0] * shape[1]:
        raise CorruptImageError("A 12-bit JPEG frame cannot be decoded; it is damaged.")
    return values.reshape(shape)
