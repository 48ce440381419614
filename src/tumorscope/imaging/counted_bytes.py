"""A bound on what parsing may cost, whatever the number of bytes."""

from __future__ import annotations

import io
from typing import Final

from tumorscope.errors import ImageTooLargeError

MAX_READS: Final = 300_000
"""Of a small file. pydicom reads an element in two or three, in 3 to 8 microseconds each."""

BYTES_A_READ: Final = 40
"""A larger file may be read once more for each so many bytes. An enhanced image takes about 200
reads for a frame, whose header and compressed pixels have 8 kB or more; elements without a value
take one read for each three bytes."""

MOST_READS: Final = 2_500_000
"""Of a file of any size: 10,000 frames, more than which no limit lets in."""


class CountedBytes(io.BytesIO):
    """Content that may be read in so many pieces and no more.

    A few megabytes of zeros, or of empty items, are a million DICOM elements.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._allowed = min(MAX_READS + len(content) // BYTES_A_READ, MOST_READS)
        self._reads = [0]

    def part(self, content: bytes) -> CountedBytes:
        """Return a part of this content, whose reads count as those of the whole."""
        part = CountedBytes(content)
        part._allowed, part._reads = self._allowed, self._reads
        return part

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual.

        Raises
        ------
        ImageTooLargeError
            If that was done too often.
        """
        self._reads[0] += 1
        if self._reads[0] > self._allowed:
            raise ImageTooLargeError(
                f"The file has too many elements for its size: {self._allowed:,} reads did not "
                "reach its pixels. Send its frames as single images, or convert it to NIfTI."
            )
        return super().read(size)
