"""The files of a download, whether it is a folder, an archive or an archive of archives."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tumorscope.errors import FetchError, ImageError
from tumorscope.imaging.inputs.archives import open_archive
from tumorscope.imaging.limits import DEFAULT_LIMITS


@dataclass(frozen=True, slots=True)
class Entry:
    """One file.

    Attributes
    ----------
    path
        Inside the download, without the names of archives; never leads out of it.
    read
        Returns the content.
    """

    path: PurePosixPath
    read: Callable[[], bytes]


@contextmanager
def open_entries(sources: Iterable[Path], scratch: Path) -> Iterator[list[Entry]]:
    """List the files in folders and zip archives, which can be read until this is closed.

    Parameters
    ----------
    sources
        Folders and files.
    scratch
        Folder in which archives inside of archives are laid for that time.

    Raises
    ------
    FetchError
        If there is no such source, or an archive is damaged.
    """
    with ExitStack() as stack:
        holder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=scratch)))
        yield [entry for source in sources for entry in _entries_of(source, stack, holder)]


def _entries_of(source: Path, stack: ExitStack, scratch: Path) -> Iterator[Entry]:
    if source.is_dir():
        for path in sorted(one for one in source.rglob("*") if one.is_file()):
            if path.suffix.lower() == ".zip":
                yield from _members(path, stack, scratch)
            else:
                yield Entry(PurePosixPath(path.relative_to(source).as_posix()), path.read_bytes)
    elif not source.is_file():
        raise FetchError(
            f"{source} does not exist; give the archive or folder that you downloaded."
        )
    elif source.suffix.lower() == ".zip":
        yield from _members(source, stack, scratch)
    else:
        yield Entry(PurePosixPath(source.name), source.read_bytes)


def _members(archive: Path, stack: ExitStack, scratch: Path) -> Iterator[Entry]:
    try:
        members = stack.enter_context(open_archive(archive, DEFAULT_LIMITS))
        for member in members:
            path = PurePosixPath(member.name.replace("\\", "/"))
            if path.is_absolute() or ".." in path.parts:
                raise FetchError(
                    f"{archive} holds {member.name!r}, which would be written "
                    "outside the output folder."
                )
            if path.suffix.lower() == ".zip":
                descriptor, inner = tempfile.mkstemp(dir=scratch, suffix=".zip")
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(member.read())
                yield from _members(Path(inner), stack, scratch)
            else:
                yield Entry(path, member.read)
    except ImageError as error:
        raise FetchError(f"{archive}: {error} Download it again.") from error
