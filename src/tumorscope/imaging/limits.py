"""Bounds that every reader checks before it decodes anything."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.errors import ImageTooLargeError

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one input may cost at most.

    Parameters
    ----------
    max_bytes
        Of one file as stored. A 3-D brain volume of 512 x 512 x 400 in 32 bits has 400 MiB.
    max_pixels
        Of one picture or slice. The largest MR matrices are 1024 x 1024; 64 million leaves room
        for photographs and scanned films.
    max_frames
        Slices of one file.
    max_voxels
        Of one volume over all its slices.
    max_files
        Members of one archive.
    max_archive_bytes
        Of one archive after decompression.
    max_ratio
        Decompressed over compressed bytes, of archives, gzip streams and their members. Scans
        compress to a third; the DEFLATE format itself ends at 1,032.
    free_bytes
        Decompressed size up to which any ratio is allowed: masks are almost empty.
    """

    max_bytes: int = 512 * MEBIBYTE
    max_pixels: int = 64_000_000
    max_frames: int = 10_000
    max_voxels: int = 256_000_000
    max_files: int = 50_000
    max_archive_bytes: int = 8 * 1024 * MEBIBYTE
    max_ratio: int = 200
    free_bytes: int = 64 * MEBIBYTE

    def check_bytes(self, size: int) -> None:
        """Raise ImageTooLargeError if a file of ``size`` bytes is over the limit."""
        if size > self.max_bytes:
            raise ImageTooLargeError(
                f"The file has {size:,} bytes; the limit is {self.max_bytes:,}."
            )

    def max_unpacked(self, packed: int) -> int:
        """Return how many bytes a compressed stream of ``packed`` bytes may unpack to."""
        return max(self.free_bytes, self.max_ratio * packed)

    def check_picture(self, rows: int, columns: int, frames: int = 1) -> None:
        """Raise ImageTooLargeError if a stack of pictures is over a limit."""
        if rows * columns > self.max_pixels:
            raise ImageTooLargeError(
                f"The image says it has {rows:,} x {columns:,} pixels; the limit is "
                f"{self.max_pixels:,} pixels."
            )
        if frames > self.max_frames:
            raise ImageTooLargeError(
                f"The file says it has {frames:,} frames; the limit is {self.max_frames:,}."
            )
        if rows * columns * frames > self.max_voxels:
            raise ImageTooLargeError(
                f"The file says it has {rows:,} x {columns:,} x {frames:,} voxels; the limit is "
                f"{self.max_voxels:,}."
            )


DEFAULT_LIMITS = Limits()
