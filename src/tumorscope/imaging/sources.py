"""What the user named, file by file: files, folders, archives and the standard input."""

from __future__ import annotations

import io
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final

from tumorscope.errors import (
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import ReadFailure

STANDARD_INPUT: Final = "-"
ZIP_MAGIC: Final = b"PK\x03\x04"

OTHER_SUFFIXES: Final = frozenset(
    {
        ".bval",
        ".bvec",
        ".css",
        ".csv",
        ".db",
        ".doc",
        ".docx",
        ".htm",
        ".html",
        ".ini",
        ".ipynb",
        ".js",
        ".json",
        ".jsonl",
        ".log",
        ".m",
        ".mat",
        ".md",
        ".pdf",
        ".pkl",
        ".py",
        ".rtf",
        ".sh",
        ".toml",
        ".tsv",
        ".txt",
        ".url",
        ".xls",
        ".xlsx",
        ".xml",
        ".yaml",
        ".yml",
    }
)
"""Companions of scans in folders and archives that nobody means to have read. Named on the
command line they are tried, and give an error."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to be read.

    Attributes
    ----------
    name
        Under which answers refer to it.
    read
        Returns the content; raises ImageError if it cannot be had.
    """

    name: str
    read: Callable[[], bytes]


def expand(
    paths: Iterable[str | Path] | Path, limits: Limits = DEFAULT_LIMITS
) -> Iterator[SourceFile | ReadFailure]:
    """List the files that some arguments stand for, without reading them.

    Folders are walked in natural order, hidden files and :data:`OTHER_SUFFIXES` left out. An
    argument that cannot be used gives a failure in its place. A single path is taken as such.
    """
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        try:
            yield from _expand_one(path, limits)
        except ImageError as error:
            yield ReadFailure(str(path), error)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``slice2`` comes before ``slice10``."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def _expand_one(path: str | Path, limits: Limits) -> Iterator[SourceFile | ReadFailure]:
    if str(path) == STANDARD_INPUT:
        content = _read_stream(sys.stdin.buffer, limits)
        yield from expand_content("stdin", content, limits)
        return
    file = Path(path)
    if file.is_dir():
        yield from _expand_folder(file, limits)
    elif not file.exists():
        raise UnsupportedFormatError(f"There is no file or folder {str(path)!r}; check the path.")
    elif _starts_as_zip(file):
        yield from _expand_zip(str(path), file, limits)
    else:
        yield SourceFile(str(path), _file_reader(file, limits))


def _expand_folder(folder: Path, limits: Limits) -> Iterator[SourceFile | ReadFailure]:
    found = False
    for file in _walk(folder):
        found = True
        if file.suffix.lower() == ".zip":
            yield from expand([file], limits)
        else:
            yield SourceFile(str(file), _file_reader(file, limits))
    if not found:
        raise UnsupportedFormatError(
            f"The folder {str(folder)!r} holds no file that could be a scan; PNG, JPEG, BMP, TIFF, "
            "WebP, DICOM and NIfTI are read."
        )


def _walk(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir(), key=lambda one: natural_key(one.name)):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif entry.is_file() and (_may_be_scan(entry.name) or entry.suffix.lower() == ".zip"):
            yield entry


def _may_be_scan(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix.lower() not in OTHER_SUFFIXES
        and path.name.upper() != "DICOMDIR"
        and not path.name.startswith(".")
        and "__MACOSX" not in path.parts
    )


def _file_reader(file: Path, limits: Limits) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            limits.check_bytes(file.stat().st_size)
            return file.read_bytes()
        except OSError as error:
            raise CorruptImageError(f"The file cannot be opened: {error.strerror}.") from error

    return read


def _read_stream(stream: IO[bytes], limits: Limits) -> bytes:
    content = stream.read(limits.max_bytes + 1)
    limits.check_bytes(len(content))
    return content


def _starts_as_zip(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(4) == ZIP_MAGIC
    except OSError:
        return False


def expand_content(
    name: str, content: bytes, limits: Limits = DEFAULT_LIMITS
) -> Iterator[SourceFile | ReadFailure]:
    """List the files that the content of one file stands for: its members if it is a zip.

    Raises
    ------
    ImageError
        If it is a zip archive that cannot be used.
    """
    if content[:4] == ZIP_MAGIC:
        yield from _expand_zip(name, io.BytesIO(content), limits)
    else:
        yield SourceFile(name, lambda: content)


def _expand_zip(
    name: str, file: Path | IO[bytes], limits: Limits
) -> Iterator[SourceFile | ReadFailure]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise CorruptImageError(f"The zip archive cannot be opened: {error}.") from error
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        _check_members(members, limits)
        usable = [one for one in members if _may_be_scan(one.filename)]
        if not usable:
            raise UnsupportedFormatError("The zip archive holds no file that could be a scan.")
        for member in sorted(usable, key=lambda one: natural_key(one.filename)):
            yield SourceFile(f"{name}/{member.filename}", _member_reader(archive, member, limits))


def _check_members(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(members) > limits.max_files:
        raise ImageTooLargeError(
            f"The zip archive has {len(members):,} members; the limit is {limits.max_files:,}."
        )
    total = sum(one.file_size for one in members)
    packed = sum(one.compress_size for one in members)
    if total > min(limits.max_archive_bytes, limits.max_unpacked(packed)):
        raise ImageTooLargeError(
            f"The zip archive of {packed:,} bytes unpacks to {total:,}; the limits are "
            f"{limits.max_archive_bytes:,} bytes and {limits.max_ratio} times its size."
        )


def _member_reader(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits
) -> Callable[[], bytes]:
    def read() -> bytes:
        limits.check_bytes(member.file_size)
        if member.flag_bits & 0x1:
            raise UnsupportedFormatError("The archive's member is encrypted; unpack it first.")
        try:
            # The declared size may lie: never take more than it says.
            with archive.open(member) as stream:
                return stream.read(member.file_size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise CorruptImageError(f"The archive's member is damaged: {error}.") from error

    return read
