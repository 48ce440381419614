"""What the user named, file by file: files, folders, archives and the standard input.

Of folders and archives everything is tried that is named like an image, or begins like one. Other
files are companions that nobody means to have read; they are left out, and counted in the log.
Files named themselves are always tried.
"""

from __future__ import annotations

import logging
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Final

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError
from tumorscope.imaging.formats.detached import Companion
from tumorscope.imaging.formats.table import (
    GZIP_MAGIC,
    MAGIC_BYTES,
    ZIP_MAGICS,
    is_named_as_scan,
    listing,
    recognize,
)
from tumorscope.imaging.inputs.archives import Member, open_archive
from tumorscope.imaging.inputs.gzipped import format_inside
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import ReadFailure

STANDARD_INPUT: Final = "-"
_STANDARD_INPUT_NAME: Final = "stdin"

HEAD_BYTES: Final = MAGIC_BYTES
"""Enough of a file, or of a gzip stream's begin, to tell its format."""

_ENDING: Final = re.compile(r"\.[a-z]\w{0,4}$", re.IGNORECASE)
"""Of a name; a number behind a dot is none."""

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to be read, before the next one is asked for.

    Attributes
    ----------
    name
        Under which answers refer to it.
    read
        Returns the content; raises ImageError if it cannot be had.
    companion
        Returns a file that lies beside it; ``None`` where nothing does.
    """

    name: str
    read: Callable[[], bytes]
    companion: Companion | None = None


def expand(
    paths: Iterable[str | Path] | Path, limits: Limits = DEFAULT_LIMITS
) -> Iterator[SourceFile | ReadFailure]:
    """List the files that some arguments stand for, without reading them.

    Folders are walked in natural order, hidden files left out. An argument that cannot be used
    gives a failure in its place. A single path is taken as such.
    """
    for path in [paths] if isinstance(paths, (str, Path)) else paths:
        try:
            yield from _expand_one(path, limits)
        except ImageError as error:
            name = _STANDARD_INPUT_NAME if str(path) == STANDARD_INPUT else label(path)
            yield ReadFailure(name, error)


def expand_content(
    name: str, content: bytes, limits: Limits = DEFAULT_LIMITS
) -> Iterator[SourceFile | ReadFailure]:
    """List the files that the content of one file stands for: its members if it is a zip.

    Raises
    ------
    ImageError
        If it is a zip archive that cannot be used.
    """
    if content.startswith(ZIP_MAGICS):
        yield from _expand_archive(name, content, limits)
    else:
        yield SourceFile(name, lambda: content)


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which ``slice2`` comes before ``slice10``."""
    parts = re.split(r"(\d{1,100})", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]


def label(path: str | Path) -> str:
    """Return a path as text that any terminal and encoding can show."""
    unfit = ("Cc", "Cs")  # control characters, and bytes that are not text
    return "".join("\ufffd" if unicodedata.category(char) in unfit else char for char in str(path))


def _expand_one(path: str | Path, limits: Limits) -> Iterator[SourceFile | ReadFailure]:
    if str(path) == STANDARD_INPUT:
        yield from expand_content(_STANDARD_INPUT_NAME, _read_standard_input(limits), limits)
        return
    if str(path) == "":  # which Path would take for the current folder
        raise UnsupportedFormatError("The path is empty; give a file or folder.")
    file = Path(path)
    try:
        is_folder, exists = file.is_dir(), file.exists()
        is_archive = file.is_file() and _head_of(file).startswith(ZIP_MAGICS)
    except OSError as error:
        raise CorruptImageError(f"The file cannot be opened: {error.strerror}.") from error
    if not exists:
        raise UnsupportedFormatError(f"There is no file or folder {label(path)!r}; check the path.")
    if is_folder:
        yield from _expand_folder(file, limits)
    elif is_archive:
        yield from _expand_archive(label(path), file, limits)
    else:
        yield SourceFile(label(path), lambda: read_file(file, limits), beside(file, limits))


def beside(file: Path, limits: Limits) -> Companion:
    """Return what reads the files in the same folder, and no others.

    A header that names a file elsewhere, or a link that leads elsewhere, is refused.
    """

    def read(name: str) -> bytes:
        check_bare_name(name)
        found = file.parent / name
        if found.is_symlink() or not found.is_file():
            raise _not_beside(name)
        return read_file(found, limits)

    return read


def check_bare_name(name: str) -> None:
    """Raise CorruptImageError unless a header's file name is that of a file beside it."""
    if name in ("", ".", "..") or any(one in name for one in ("/", "\\", ":", "\0")):
        raise CorruptImageError(
            "The header names a data file in another folder; only one beside it is read. Put both "
            "into one folder and correct the header."
        )


def _not_beside(name: str) -> CorruptImageError:
    return CorruptImageError(
        f"The header's data file {label(name)[:100]!r} is not beside it; give the two together, "
        "in a folder or a zip."
    )


def read_file(file: Path, limits: Limits) -> bytes:
    """Read a file up to the limit.

    Raises
    ------
    ImageError
        If there is no such file, it cannot be opened, or it is too large.
    """
    try:
        with file.open("rb") as stream:
            limits.check_bytes(file.stat().st_size)
            return _read_stream(stream, limits)
    except IsADirectoryError as error:
        raise UnsupportedFormatError(
            f"{label(file)!r} is a folder; expected one file. For all scans in it, use "
            "model.predict_many([folder]) or 'tumorscope predict FOLDER'."
        ) from error
    except FileNotFoundError as error:
        raise UnsupportedFormatError(
            f"There is no file {label(file)!r}; check the path."
        ) from error
    except OSError as error:
        raise CorruptImageError(f"The file cannot be opened: {error.strerror}.") from error


def _read_standard_input(limits: Limits) -> bytes:
    if sys.stdin is None:
        raise CorruptImageError("The standard input is closed; pipe a file into it.")
    return _read_stream(sys.stdin.buffer, limits)


def _read_stream(stream: IO[bytes], limits: Limits) -> bytes:
    # Devices and pipes have no size to check beforehand.
    content = stream.read(limits.max_bytes + 1)
    limits.check_bytes(len(content))
    return content


def _expand_folder(folder: Path, limits: Limits) -> Iterator[SourceFile | ReadFailure]:
    found, left_out = 0, 0
    for item in walk_folder(folder):
        if isinstance(item, ReadFailure):
            found += 1
            yield item
        elif is_scan_file(item):
            found += 1
            yield from expand([item], limits)
        else:
            left_out += 1
    _report(f"folder {label(folder)!r}", found=found, left_out=left_out)


def walk_folder(folder: Path) -> Iterator[Path | ReadFailure]:
    """List the files of a folder and of those in it, in natural order, hidden ones left out."""
    try:
        entries = sorted(folder.iterdir(), key=lambda one: natural_key(one.name))
        kinds = [_kind_of(entry) for entry in entries]
    except OSError as error:
        reason = f"The folder cannot be opened: {error.strerror}."
        yield ReadFailure(label(folder), CorruptImageError(reason))
        return
    for entry, kind in zip(entries, kinds, strict=True):
        if is_hidden(entry.name):
            continue
        if kind == "folder":
            yield from walk_folder(entry)
        elif kind == "file":
            yield entry
        elif kind == "linked folder":
            _LOGGER.info("the linked folder %r is not followed; name it itself", label(entry))
        elif kind == "dead link" and is_named_as_scan(entry.name):
            yield ReadFailure(label(entry), CorruptImageError("The link does not lead to a file."))


def _kind_of(entry: Path) -> str:
    if entry.is_dir():
        return "linked folder" if entry.is_symlink() else "folder"
    if entry.is_file():
        return "file"
    return "device or pipe" if entry.exists() else "dead link"


def _expand_archive(
    name: str, file: Path | bytes, limits: Limits
) -> Iterator[SourceFile | ReadFailure]:
    found, left_out = 0, 0
    with open_archive(file, limits) as members:
        by_path = {member.name: member for member in members}
        for member in sorted(members, key=lambda one: natural_key(one.name)):
            path = PurePosixPath(member.name)
            if any(is_hidden(part) for part in path.parts):
                continue
            if may_be_scan(path.name, partial(member.head, HEAD_BYTES)):
                found += 1
                companion = beside_member(path, by_path)
                yield SourceFile(f"{name}/{label(member.name)}", member.read, companion)
            else:
                left_out += 1
    _report("zip archive", found=found, left_out=left_out)


def beside_member(path: PurePosixPath, members: dict[str, Member]) -> Companion:
    """Return what reads the members of an archive in the same folder as one of them."""

    def read(name: str) -> bytes:
        check_bare_name(name)
        member = members.get(str(path.with_name(name)))
        if member is None:
            raise _not_beside(name)
        return member.read()

    return read


def _report(what: str, *, found: int, left_out: int) -> None:
    if not found:
        raise UnsupportedFormatError(
            f"The {what} holds no file that could be a scan ({left_out} of other kinds); "
            f"{listing()} are read."
        )
    if left_out:
        _LOGGER.info("%d files of the %s are not images and were left out", left_out, what)


def may_be_scan(name: str, head: Callable[[], bytes]) -> bool:
    """Tell whether a file is to be tried, by its name or else by its first bytes.

    One that cannot be looked into, as an encrypted member, is tried where it has no ending, as
    DICOM files often have none: reading it says why it is not answered.
    """
    if is_named_as_scan(name):
        return True
    try:
        return _begins_as_scan(head())
    except (ImageError, OSError):
        return not _ENDING.search(name)


def is_scan_file(path: Path) -> bool:
    """Tell whether a file of a folder is to be tried; see :func:`may_be_scan`."""
    return may_be_scan(path.name, partial(_head_of, path))


def is_hidden(name: str) -> bool:
    """Tell whether a file or folder is left out of a walk."""
    # A name that leads out of an archive is a label like any other.
    if name.startswith(".") and name != "..":
        return True
    # On discs names may be in lower case, or carry a version.
    return name == "__MACOSX" or name.upper().partition(";")[0] == "DICOMDIR"


def _begins_as_scan(head: bytes) -> bool:
    found = format_inside(head) if head.startswith(GZIP_MAGIC) else recognize(head)
    if found is None or found.reader is None:
        return False
    return found.gzipped or not head.startswith(GZIP_MAGIC)


def _head_of(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(HEAD_BYTES)
