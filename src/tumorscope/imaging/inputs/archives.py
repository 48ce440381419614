"""Zip archives, member by member, with nothing written to disk and nothing trusted."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tumorscope.errors import CorruptImageError, ImageTooLargeError, UnsupportedFormatError
from tumorscope.imaging.limits import Limits

METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
"""Compression methods that are opened; LZMA streams may claim gigabytes of memory."""

_DAMAGED: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What zipfile raises on damaged and exotic archives."""

_ENCRYPTED: Final = 0x1
_END_BYTES: Final = 22
_ZIP64_END_BYTES: Final = 56 + 20
_MAX_COMMENT_BYTES: Final = 65_535
_MEAN_ENTRY_BYTES: Final = 1024
"""Of the directory per member: 46 bytes, the name and its extras."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file of an archive that is open.

    Attributes
    ----------
    name
        As stored, parted by ``/``; a label, never a path to write to.
    """

    name: str
    _archive: zipfile.ZipFile
    _info: zipfile.ZipInfo
    _limits: Limits

    @property
    def size(self) -> int:
        """Bytes after decompression, as the archive's directory says."""
        return self._info.file_size

    def read(self) -> bytes:
        """Return the whole content.

        Raises
        ------
        ImageError
            If the member is over a limit, encrypted or damaged.
        """
        self._limits.check_bytes(self._info.file_size)
        allowed = self._limits.max_unpacked(self._info.compress_size)
        if self._info.file_size > allowed:
            raise ImageTooLargeError(
                f"The archive's member of {self._info.compress_size:,} bytes unpacks to "
                f"{self._info.file_size:,}; {allowed:,} are allowed."
            )
        return self.head(self._info.file_size)

    def head(self, count: int) -> bytes:
        """Return the first bytes; see :meth:`read`."""
        if self._info.flag_bits & _ENCRYPTED:
            raise UnsupportedFormatError("The archive's member is encrypted; unpack it first.")
        if self._info.compress_type not in METHODS:
            raise UnsupportedFormatError(
                f"The archive's member is compressed with method {self._info.compress_type}, which "
                "is not opened; unpack it first."
            )
        try:
            # The size in the directory may lie: zipfile takes no more than it says.
            with self._archive.open(self._info) as stream:
                return stream.read(count)
        except _DAMAGED as error:
            raise CorruptImageError(
                f"The archive's member is damaged ({type(error).__name__})."
            ) from error


@contextmanager
def open_archive(file: Path | bytes, limits: Limits) -> Iterator[list[Member]]:
    """Open an archive and list its files, which can be read until it is closed.

    Raises
    ------
    ImageError
        If the archive is damaged or over a limit; nothing has been unpacked then.
    """
    try:
        size = file.stat().st_size if isinstance(file, Path) else len(file)
        _check_directory(file, limits)
        archive = zipfile.ZipFile(file if isinstance(file, Path) else io.BytesIO(file))
    except _DAMAGED as error:
        raise CorruptImageError(
            f"The zip archive cannot be opened ({type(error).__name__}); it is truncated or "
            "damaged."
        ) from error
    with archive:
        members = [one for one in archive.infolist() if not _name(one).endswith("/")]
        _check_members(members, size, limits)
        yield [Member(_name(info), archive, info, limits) for info in members]


def _name(info: zipfile.ZipInfo) -> str:
    """Return a member's name; some programs on Windows part it by backslashes."""
    return info.filename.replace("\\", "/")


def _check_directory(file: Path | bytes, limits: Limits) -> None:
    """Check the directory's size before zipfile builds an object of each entry."""
    tail = _tail(file, _MAX_COMMENT_BYTES + _END_BYTES + _ZIP64_END_BYTES)
    end, end64 = tail.rfind(b"PK\x05\x06"), tail.rfind(b"PK\x06\x06")
    sizes = [0]
    if 0 <= end <= len(tail) - _END_BYTES:
        sizes += [size for size in struct.unpack_from("<I", tail, end + 12) if size < 0xFFFFFFFF]
    if 0 <= end64 <= len(tail) - 48:
        sizes += struct.unpack_from("<Q", tail, end64 + 40)
    if max(sizes) > limits.max_files * _MEAN_ENTRY_BYTES:
        raise ImageTooLargeError(
            f"The zip archive's directory has {max(sizes):,} bytes; the limit is "
            f"{limits.max_files:,} files."
        )


def _tail(file: Path | bytes, count: int) -> bytes:
    if isinstance(file, bytes):
        return file[-count:]
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - count))
        return stream.read(count)


def _check_members(members: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if len(members) > limits.max_files:
        raise ImageTooLargeError(
            f"The zip archive has {len(members):,} files; the limit is {limits.max_files:,}."
        )
    total = sum(one.file_size for one in members)
    # Members may overlap, so that together they claim more packed bytes than there are.
    packed = min(size, sum(one.compress_size for one in members))
    if total > min(limits.max_archive_bytes, limits.max_unpacked(packed)):
        raise ImageTooLargeError(
            f"The zip archive of {packed:,} bytes unpacks to {total:,}; the limits are "
            f"{limits.max_archive_bytes:,} bytes and {limits.max_ratio} times its size."
        )
