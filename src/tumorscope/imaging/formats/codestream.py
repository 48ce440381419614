"""What the header of a compressed frame says, read before any decoder sees it.

A codec allocates what the header of its codestream asks for, whatever the DICOM file around it
says. Comparing the two first keeps damaged and hostile streams away from the codecs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

_START_OF_FRAME: Final = frozenset(set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7})
"""JPEG markers whose segment holds the size. ITU-T T.81 table B.1; 0xF7 is JPEG-LS, T.87 C.1.1."""

_STANDALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG markers without a segment: TEM and RSTm."""

_SCAN_OR_END: Final = frozenset({0xDA, 0xD9})


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """Size of one compressed frame.

    Attributes
    ----------
    rows, columns
        In pixels.
    precision
        Bits of a sample.
    components
        Samples of a pixel.
    """

    rows: int
    columns: int
    precision: int
    components: int


def read_frame_header(encoded: bytes) -> FrameHeader | None:
    """Read the size out of a JPEG, JPEG-LS or JPEG 2000 codestream.

    Returns
    -------
    FrameHeader or None
        ``None`` if there is no such header.
    """
    try:
        if encoded[:2] == b"\xff\xd8":
            return _jpeg_header(encoded)
        start = encoded.find(b"\xff\x4f\xff\x51", 0, 4096)
        return None if start < 0 else _jpeg2000_header(encoded, start)
    except (struct.error, IndexError):
        return None


def _jpeg_header(encoded: bytes) -> FrameHeader | None:
    position = 2
    while encoded[position] == 0xFF:
        marker = encoded[position + 1]
        if marker == 0xFF or marker in _STANDALONE:
            position += 1 if marker == 0xFF else 2
            continue
        if marker in _START_OF_FRAME:
            precision, rows, columns, components = struct.unpack_from(
                ">BHHB", encoded, position + 4
            )
            return FrameHeader(rows, columns, precision, components)
        if marker in _SCAN_OR_END:
            break
        position += 2 + struct.unpack_from(">H", encoded, position + 2)[0]
    return None


def _jpeg2000_header(encoded: bytes, start: int) -> FrameHeader:
    """Read the SIZ segment. ITU-T T.800 A.5.1."""
    right, bottom, left, top = struct.unpack_from(">4I", encoded, start + 8)
    components, depth = struct.unpack_from(">HB", encoded, start + 40)
    return FrameHeader(bottom - top, right - left, (depth & 0x7F) + 1, components)
