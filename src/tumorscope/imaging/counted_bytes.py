"""A bound on what parsing may cost, whatever the number of bytes."""

from __future__ import annotations

import io
from typing import Final

from tumorscope.errors import ImageTooLargeError

MAX_READS: Final = 300_000
"""pydicom reads an element in two or three, in 3 to 8 microseconds each. An enhanced image of 1,000
frames takes about 200,000."""


class CountedBytes(io.BytesIO):
    """Content that may be read in so many pieces and no more.

    A few megabytes of zeros, or of empty items, are a million DICOM elements.
    """

    _reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual.

        Raises
        ------
        ImageTooLargeError
            If that was done too often.
        """
        self._reads += 1
        if self._reads > MAX_READS:
            raise ImageTooLargeError(
                f"The file has too many elements: {MAX_READS:,} reads did not reach its pixels."
            )
        return super().read(size)
