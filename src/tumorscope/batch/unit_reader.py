"""The bytes of one unit, from a file, an archive or a remote file system."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path, PurePosixPath

import fsspec

from tumorscope.batch.units import Unit, is_url
from tumorscope.errors import CorruptImageError
from tumorscope.imaging.formats.detached import Companion
from tumorscope.imaging.inputs.archives import Member, open_archive
from tumorscope.imaging.inputs.sources import beside, beside_member, read_file
from tumorscope.imaging.limits import DEFAULT_LIMITS, Limits


class UnitReader:
    """Reads units; keeps the zip archive that was read last open.

    Parameters
    ----------
    place
        The input that the units were listed from.
    """

    def __init__(self, place: str, limits: Limits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._fs = fsspec.core.url_to_fs(place)[0] if is_url(place) else None
        self._archive = ""
        self._members: list[Member] = []
        self._open = ExitStack()

    def read(self, unit: Unit) -> bytes:
        """Return the content.

        Raises
        ------
        ImageError
            If it cannot be had, or is over a limit.
        """
        unit.raise_error()
        if self._fs is not None:
            return self._read_remote(self._fs, unit)
        if unit.archive == "zip":
            return self._read_zip(unit)
        if unit.archive == "tar":
            return self._read_tar(unit)
        return read_file(Path(unit.path), self._limits)

    def companion(self, unit: Unit) -> Companion | None:
        """Return what reads the files beside a unit: those in its folder, or in its zip.

        It may be used in another thread than :meth:`read`, which may be at the next archive.
        """
        if self._fs is not None or unit.archive == "tar":
            return None
        if unit.archive is None:
            return beside(Path(unit.path), self._limits)
        return partial(_read_beside_member, unit, self._limits)

    def _read_zip(self, unit: Unit) -> bytes:
        if unit.path != self._archive:
            self._open.close()
            self._archive = ""
            self._members = self._open.enter_context(open_archive(Path(unit.path), self._limits))
            self._archive = unit.path
        return self._members[unit.place].read()

    def _read_tar(self, unit: Unit) -> bytes:
        self._limits.check_bytes(unit.size)
        try:
            with Path(unit.path).open("rb") as stream:
                stream.seek(unit.place)
                content = stream.read(unit.size)
        except OSError as error:
            raise CorruptImageError(
                f"The tar archive cannot be opened: {error.strerror}."
            ) from error
        if len(content) < unit.size:
            raise CorruptImageError(
                f"The tar ends after {len(content):,} of the member's {unit.size:,} bytes."
            )
        return content

    def _read_remote(self, fs: fsspec.AbstractFileSystem, unit: Unit) -> bytes:
        try:
            with fs.open(unit.path, "rb") as stream:
                content: bytes = stream.read(self._limits.max_bytes + 1)
        # Each file system has error classes of its own; the rest of the archive goes on.
        except Exception as error:
            raise CorruptImageError(
                f"The file cannot be fetched ({type(error).__name__})."
            ) from error
        self._limits.check_bytes(len(content))
        return content


def _read_beside_member(unit: Unit, limits: Limits, name: str) -> bytes:
    """Read a file beside a zip's member; the archive is opened for it alone, as few ask."""
    with open_archive(Path(unit.path), limits) as members:
        by_path = {one.name: one for one in members}
        return beside_member(PurePosixPath(members[unit.place].name), by_path)(name)
