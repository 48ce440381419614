"""The protocol data units that the node reads or writes itself, PS3.8 section 9.3."""

from __future__ import annotations

import struct
from typing import Final

from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

HEADER_BYTES: Final = 6
"""Type, reserved, and four bytes of length, big endian."""

ASSOCIATE_RQ: Final = 0x01
PDU_TYPES: Final = range(0x01, 0x08)

MIN_REQUEST: Final = 68
"""Bytes of an A-ASSOCIATE-RQ without any item."""
MAX_REQUEST: Final = 64 * 1024
"""Bytes of an A-ASSOCIATE-RQ. 128 presentation contexts, the most that there can be, have 48 KiB
with thirteen transfer syntaxes each."""

UNRECOGNIZED, UNEXPECTED, INVALID_PARAMETER, NO_REASON = 0x01, 0x02, 0x06, 0x00
"""Why the service provider aborts, PS3.8 table 9-26."""

PERMANENT, TRANSIENT = 0x01, 0x02
SERVICE_USER, PRESENTATION = 0x01, 0x03
CALLING_TITLE, CALLED_TITLE, LOCAL_LIMIT = 0x03, 0x07, 0x02
"""Result, source and reason of a rejection, PS3.8 table 9-21."""


def header(content: bytes | bytearray) -> tuple[int, int]:
    """Return type and length of the PDU whose header begins the content."""
    kind, length = struct.unpack_from(">BxL", content)
    return int(kind), int(length)


def titles(request: bytes | bytearray) -> tuple[str, str]:
    """Return called and calling title of a complete A-ASSOCIATE-RQ."""
    called, calling = request[10:26], request[26:42]
    return (
        called.decode("ascii", "replace").strip(" \0"),
        calling.decode("ascii", "replace").strip(" \0"),
    )


def abort(reason: int) -> bytes:
    """Return an A-ABORT of the service provider."""
    pdu = A_ABORT_RQ()
    pdu.source, pdu.reason_diagnostic = 0x02, reason
    return pdu.encode()


def reject(result: int, source: int, reason: int) -> bytes:
    """Return an A-ASSOCIATE-RJ."""
    pdu = A_ASSOCIATE_RJ()
    pdu.result, pdu.source, pdu.reason_diagnostic = result, source, reason
    return pdu.encode()


def is_sound(request: bytes) -> bool:
    """Tell whether pynetdicom can make an association of an A-ASSOCIATE-RQ."""
    try:
        pdu = A_ASSOCIATE_RQ()
        pdu.decode(request)
        primitive = pdu.to_primitive()
        return bool(primitive.calling_ae_title and primitive.presentation_context_definition_list)
    # Whatever its parser stumbles over, its state machine would stumble over later.
    except Exception:
        return False
