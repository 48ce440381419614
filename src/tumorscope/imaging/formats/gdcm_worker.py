"""The process that GDCM runs in: frames in on standard input, pixels out on standard output.

GDCM ends the whole process on some damaged frames and writes to the terminal on others. It is
therefore never loaded by the process that reads scans; see
:mod:`tumorscope.imaging.formats.gdcm_process`.
This file is run by its path and imports nothing of the package.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from typing import IO, Any, Final

REQUEST: Final = struct.Struct(">II")
"""Lengths of the JSON description and of the frame, which follow."""

REPLY: Final = struct.Struct(">I")
"""Length of the pixels, which follow; 0 for a frame that cannot be decoded."""

MAX_ADDRESS_SPACE: Final = 6 * 1024**3
"""Bytes. The largest frame allowed has 128 MB, of which GDCM's binding keeps several copies."""


def main() -> None:
    """Answer requests until the standard input ends."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _limit_memory()
    requests = sys.stdin.buffer
    while len(head := requests.read(REQUEST.size)) == REQUEST.size:
        described, encoded = REQUEST.unpack(head)
        pixels = _answer(requests, described, encoded)
        replies.write(REPLY.pack(len(pixels)) + pixels)
        replies.flush()


def _answer(requests: IO[bytes], described: int, encoded: int) -> bytes:
    description = json.loads(requests.read(described))
    frame = requests.read(encoded)
    try:
        return decode(frame, description)
    # GDCM raises bare exceptions of many kinds; each means that there are no pixels.
    except Exception:
        return b""


def _limit_memory() -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))
    except (ImportError, OSError, ValueError):
        return  # Windows has no such limit, a container may have a lower one


def decode(frame: bytes, description: dict[str, Any]) -> bytes:
    """Decode one frame with GDCM.

    Parameters
    ----------
    description
        ``syntax`` (UID), ``rows``, ``columns``, ``samples``, ``bits_allocated``, ``bits_stored``,
        ``signed`` (0 or 1), ``photometric`` and ``planar``.

    Returns
    -------
    bytes
        Little-endian samples, row by row.
    """
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())

    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((description["columns"], description["rows"], 1))
    image.SetDataElement(element)
    kind = gdcm.PhotometricInterpretation.GetPIType(description["photometric"])
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(kind))
    if description["samples"] > 1:
        image.SetPlanarConfiguration(description["planar"])
    syntax = gdcm.TransferSyntax.GetTSType(description["syntax"])
    image.SetTransferSyntax(gdcm.TransferSyntax(syntax))
    stored = description["bits_stored"]
    image.SetPixelFormat(
        gdcm.PixelFormat(
            description["samples"],
            description["bits_allocated"],
            stored,
            stored - 1,
            description["signed"],
        )
    )
    # The binding returns the buffer as text made with surrogate escapes.
    pixels: bytes = image.GetBuffer().encode("utf-8", "surrogateescape")
    return pixels


if __name__ == "__main__":
    main()
