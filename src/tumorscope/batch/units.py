"""What an input of the batch stands for, file by file, as lines that another process can use."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import tarfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal

import fsspec

from tumorscope.errors import CorruptImageError, ImageError, UnsupportedFormatError, UsageError
from tumorscope.imaging.formats.table import ZIP_MAGICS, is_tar
from tumorscope.imaging.inputs.archives import open_archive
from tumorscope.imaging.inputs.sources import (
    HEAD_BYTES,
    is_hidden,
    is_scan_file,
    label,
    may_be_scan,
    natural_key,
    walk_folder,
)
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits
from tumorscope.imaging.scan import ReadFailure
from tumorscope.system.csv_rows import read_rows

PATH_COLUMN: Final = "path"
"""Of a manifest, as ``tumorscope data split`` writes it too."""

_PACKED_TAR: Final = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")

_KINDS: Final = {one.type: one for one in ImageError.__subclasses__()}


@dataclass(frozen=True, slots=True)
class Unit:
    """One file to be answered.

    Attributes
    ----------
    source
        Under which answers refer to it.
    path
        Absolute path, or path in the file system of the input's URL.
    size
        Bytes as stored; of an archive's member, unpacked.
    archive
        Kind of archive that ``path`` is.
    place
        Number in the zip's directory, or first byte in the tar.
    error
        Type and detail, where the listing shows already that there is nothing to read.
    """

    source: str
    path: str
    size: int = 0
    archive: Literal["zip", "tar"] | None = None
    place: int = 0
    error: tuple[str, str] | None = None

    def to_json(self) -> str:
        """Return one line."""
        return json.dumps({key: value for key, value in asdict(self).items() if value})

    @classmethod
    def from_json(cls, line: str) -> Unit:
        """Read what :meth:`to_json` wrote."""
        values: dict[str, Any] = json.loads(line)
        if values.get("error"):
            values["error"] = tuple(values["error"])
        return cls(**values)

    def raise_error(self) -> None:
        """Raise what the listing found, if it did."""
        if self.error is not None:
            raise _KINDS[self.error[0]](self.error[1])


def is_url(place: str) -> bool:
    """Tell whether fsspec is to read the input: ``s3://...``, or chained ``zip://*::s3://...``."""
    return "://" in place or "::" in place


def list_units(
    place: str, *, root: Path | None = None, limits: Limits = DEFAULT_LIMITS
) -> Iterator[Unit]:
    """List the files of a file, folder, glob, manifest, zip, tar or fsspec URL.

    Always the same files in the same order as long as the input is the same.

    Parameters
    ----------
    place
        As the user gave it.
    root
        Folder that a manifest's paths start from; by default the manifest's own.

    Raises
    ------
    UsageError
        If there is no such input, or it cannot be listed at all.
    """
    if is_url(place):
        return _list_url(place)
    if place.lower().endswith(".csv"):
        return _list_manifest(Path(place), root or Path(place).parent, limits)
    if root is not None:
        raise UsageError(
            f"--root applies to the paths in a manifest; {place!r} is not a .csv file."
        )
    if place and Path(place).exists():
        return _list_path(Path(place), limits)
    if glob.has_magic(place):
        return _list_glob(place, limits)
    raise UsageError(f"There is no file or folder {place!r}; check the path.")


def _list_path(path: Path, limits: Limits) -> Iterator[Unit]:
    if path.is_dir():
        for item in walk_folder(path):
            if isinstance(item, ReadFailure):
                yield _failed(item.source, path, item.error)
            elif is_tar(_head(item)) or is_scan_file(item):
                yield from _list_file(item, limits)
    else:
        yield from _list_file(path, limits)


def _list_glob(pattern: str, limits: Limits) -> Iterator[Unit]:
    # With ** a folder and its files match both.
    names = sorted(set(glob.glob(pattern, recursive=True)), key=natural_key)  # noqa: PTH207
    for name in names:
        if "**" not in pattern or Path(name).is_file():
            yield from _list_path(Path(name), limits)


def _list_file(path: Path, limits: Limits) -> Iterator[Unit]:
    try:
        if path.name.lower().endswith(_PACKED_TAR):
            raise UnsupportedFormatError(
                "A compressed tar archive cannot be read at random; decompress it to a plain "
                ".tar first."
            )
        if _head(path).startswith(ZIP_MAGICS):
            yield from _list_zip(path, limits)
        elif is_tar(_head(path)):
            yield from _list_tar(path)
        else:
            yield Unit(label(path), str(path.absolute()), path.stat().st_size)
    except ImageError as error:
        yield _failed(label(path), path, error)
    except OSError as error:
        reason = f"The file cannot be opened: {error.strerror}."
        yield _failed(label(path), path, CorruptImageError(reason))


def _list_zip(path: Path, limits: Limits) -> Iterator[Unit]:
    with open_archive(path, limits) as members:
        # Of members of one name the last counts, as with every unpacker.
        last = {one.name: (place, one) for place, one in enumerate(members)}
        for name in sorted(last, key=natural_key):
            place, member = last[name]
            if _is_wanted(name, partial(member.head, HEAD_BYTES)):
                source = f"{label(path)}/{label(name)}"
                yield Unit(source, str(path.absolute()), member.size, "zip", place)


def _list_tar(path: Path) -> Iterator[Unit]:
    try:
        with tarfile.open(path, "r:") as archive:
            last = {one.name: one for one in archive if one.isfile()}
    except tarfile.TarError as error:
        raise CorruptImageError(f"The tar archive cannot be read: {error}.") from error
    with path.open("rb") as stream:
        for name in sorted(last, key=natural_key):
            member = last[name]
            stream.seek(member.offset_data)
            if not _is_wanted(name, lambda: stream.read(HEAD_BYTES)):
                continue
            source = f"{label(path)}/{label(name)}"
            if member.issparse():
                reason = "The archive's member is stored as a sparse file; unpack it first."
                yield _failed(source, path, UnsupportedFormatError(reason))
            else:
                place = member.offset_data
                yield Unit(source, str(path.absolute()), member.size, "tar", place)


def _list_manifest(manifest: Path, root: Path, limits: Limits) -> Iterator[Unit]:
    rows = read_rows(manifest, partial(_check_columns, manifest), error=UsageError)
    for path in _distinct(cells[PATH_COLUMN] for _, cells in rows):
        yield from _list_manifest_path(path, root, limits)


def _check_columns(manifest: Path, names: Sequence[str]) -> None:
    if PATH_COLUMN not in names:
        raise UsageError(
            f"The manifest {manifest} has no column {PATH_COLUMN!r}; it has "
            f"{', '.join(names) or 'none'}."
        )


def _list_manifest_path(path: str, root: Path, limits: Limits) -> Iterator[Unit]:
    if not path:
        raise UsageError(f"A row of the manifest has an empty {PATH_COLUMN!r}.")
    file = root / path
    if file.is_file():
        yield from _list_file(file, limits)
    else:
        error = UnsupportedFormatError(f"There is no file {label(file)!r}; check the path.")
        yield _failed(label(file), file, error)


def _distinct(paths: Iterable[str]) -> Iterator[str]:
    """Leave repeats out: a volume has a row for each of its slices."""
    seen: set[str] = set()
    for path in paths:
        if path not in seen:
            seen.add(path)
            yield path


def _list_url(url: str) -> Iterator[Unit]:
    try:
        fs, path = fsspec.core.url_to_fs(url)
        found = fs.glob(path, detail=True) if glob.has_magic(path) else fs.find(path, detail=True)
        if not found:
            _ask_why_empty(fs, path)
    # Each file system has error classes of its own, and all mean that there is nothing to list.
    except Exception as error:
        raise UsageError(
            f"{url} cannot be listed: {type(error).__name__}: {error}. Check the address and its "
            "credentials."
        ) from error
    for name in sorted(found, key=natural_key):
        if found[name]["type"] != "file" or any(map(is_hidden, _below(name, path))):
            continue
        if may_be_scan(PurePosixPath(name).name, partial(fs.head, name, HEAD_BYTES)):
            yield Unit(label(fs.unstrip_protocol(name)), name, found[name].get("size") or 0)


def _ask_why_empty(fs: fsspec.AbstractFileSystem, path: str) -> None:
    """Raise what the walk of a file system leaves out: fsspec takes a locked folder for empty."""
    root = path
    while glob.has_magic(root):
        root = fs._parent(root)
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        fs.ls(root, detail=False)


def _below(name: str, root: str) -> tuple[str, ...]:
    return PurePosixPath(name.removeprefix(root)).parts


def _is_wanted(name: str, head: Callable[[], bytes]) -> bool:
    path = PurePosixPath(name)
    return not any(map(is_hidden, path.parts)) and may_be_scan(path.name, head)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(HEAD_BYTES)
    except OSError:
        return b""


def _failed(source: str, path: Path, error: ImageError) -> Unit:
    return Unit(source, os.fspath(path.absolute()), error=(error.type, error.detail))


def cut_into_parts(
    units: Iterable[Unit], *, max_files: int, max_bytes: int
) -> Iterator[tuple[int, list[Unit]]]:
    """Cut the files into numbered parts of so many files and bytes at most, or of one file."""
    numbers, part, size = count(), list[Unit](), 0
    for unit in units:
        if part and (len(part) == max_files or size + unit.size > max_bytes):
            yield next(numbers), part
            part, size = [], 0
        part.append(unit)
        size += unit.size
    if part:
        yield next(numbers), part
