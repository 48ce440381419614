"""Gzip streams, unpacked within limits."""

from __future__ import annotations

import gzip
import io
import zlib

from tumorscope.errors import CorruptImageError, ImageTooLargeError, UnsupportedFormatError
from tumorscope.imaging.formats.table import (
    FORMATS,
    GZIP_MAGIC,
    MAGIC_BYTES,
    Format,
    listing,
    recognize,
    why_unread,
)
from tumorscope.imaging.limits import Limits


def gunzip(content: bytes, name: str, limits: Limits) -> bytes:
    """Unpack the gzip stream of a scan.

    Raises
    ------
    ImageError
        If it is damaged, over a limit, or holds what is not read from a gzip stream; the message
        names what that is.
    """
    allowed = min(limits.max_bytes, limits.max_unpacked(len(content)))
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as stream:
            head = stream.read(MAGIC_BYTES)
            check_inside(head, name)
            plain = head + stream.read(max(0, allowed + 1 - len(head)))
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptImageError(f"The gzip stream is truncated or damaged: {error}.") from error
    if len(plain) > allowed:
        raise ImageTooLargeError(
            f"The gzip stream of {len(content):,} bytes unpacks to more than {allowed:,} bytes."
        )
    return plain


def format_inside(head: bytes) -> Format | None:
    """Tell what a gzip stream holds, by the first bytes of the stream."""
    try:
        plain = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(head, MAGIC_BYTES)
    except zlib.error:
        return None
    return recognize(plain)


def check_inside(head: bytes, name: str) -> None:
    """Raise UnsupportedFormatError unless a gzip stream that begins like this is read."""
    found = recognize(head)
    if found is not None and found.gzipped:
        return
    gzipped = tuple(dict.fromkeys(one.name for one in FORMATS if one.gzipped))
    if found is None:
        reason = why_unread(head, name.lower().removesuffix(".gz"))
        if reason.startswith("The content"):
            reason = f"The gzip file holds no {listing(gzipped).replace(' and ', ' or ')}."
    elif head.startswith(GZIP_MAGIC):
        reason = "The gzip file holds another gzip file; unpack it once."
    elif found.is_read:
        reason = (
            f"The gzip file holds {found.name}, which is not read from a gzip file; unpack it and "
            "give what is inside."
        )
    else:
        reason = why_unread(head, name)
    raise UnsupportedFormatError(reason)
