"""Files over HTTP that survive a cut connection and are checked before they are believed."""

from __future__ import annotations

import errno
import http.client
import re
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from tumorscope.data.grouping import hash_file
from tumorscope.data.public_set import RemoteFile
from tumorscope.errors import FetchError

ATTEMPTS: Final = 5
"""Times in a row that a connection may bring nothing before we give up."""

PAUSE_S: Final = 1.0
"""Before the second attempt; doubled before each further one."""

TIMEOUT_S: Final = 30.0
_BLOCK: Final = 2**18
_BUSY: Final = frozenset((408, 429, 500, 502, 503, 504))
_CUT: Final = (http.client.HTTPException, ConnectionError, TimeoutError, urllib.error.URLError)
_RANGE_NOT_SATISFIABLE: Final = 416
_PARTIAL_CONTENT: Final = 206


@dataclass(frozen=True, slots=True)
class Download:
    """How files are fetched.

    Attributes
    ----------
    mirror
        Address of a folder that holds the files under their names, instead of the origin.
    tell
        Takes lines about the progress.
    pause_s
        Seconds before the second attempt.
    """

    mirror: str | None = None
    tell: Callable[[str], None] = print
    pause_s: float = PAUSE_S

    def fetch(self, file: RemoteFile, folder: Path) -> Path:
        """Bring a file into a folder, going on from what is there of it.

        Returns
        -------
        Path
            Of the file, whose size and SHA-256 are those of the recipe.

        Raises
        ------
        FetchError
            If it cannot be had, is not what the recipe describes, or cannot be written. What had
            arrived is kept in ``NAME.part``, unless it is wrong.
        """
        target = folder / file.name
        if target.exists():
            _check_kept(target, file)
            self.tell(f"{file.name}: is there already, and is what it should be")
            return target
        part = folder / f"{file.name}.part"
        self._receive(file, part)
        _check_arrived(part, file)
        part.rename(target)
        return target

    def _receive(self, file: RemoteFile, part: Path) -> None:
        url = self._address(file)
        failures = 0
        while (have := _size(part)) < file.size:
            try:
                self._receive_once(url, file, part)
            except urllib.error.HTTPError as error:
                _check_status(error, url)
                reason = f"answered {error.code}"
            except _CUT as error:
                reason = f"failed ({error})"
            except OSError as error:
                raise _cannot_write(part, error) from error
            else:
                reason = "ended early"
            if _size(part) >= file.size:
                return
            failures = 0 if _size(part) > have else failures + 1
            if failures == ATTEMPTS:
                raise FetchError(
                    f"{url} {reason}, {ATTEMPTS} times in a row. {_size(part):,} of {file.size:,} "
                    f"bytes are in {part}; run the same command to continue."
                )
            self.tell(f"{file.name}: {reason} at {_size(part):,} of {file.size:,} bytes; again")
            time.sleep(self.pause_s * 2 ** max(failures - 1, 0))

    def _address(self, file: RemoteFile) -> str:
        url = file.url
        if self.mirror is not None:
            url = f"{self.mirror.rstrip('/')}/{urllib.parse.quote(file.name)}"
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise FetchError(f"{url} is not an address that starts with http:// or https://.")
        return url

    def _receive_once(self, url: str, file: RemoteFile, part: Path) -> None:
        have = _size(part)
        _check_space(part.parent, file.size - have)
        asked = {"Range": f"bytes={have}-"} if have else {}
        request = urllib.request.Request(url, headers=asked)  # noqa: S310 - scheme checked above
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
            start = _start_of(answer)
            if start not in (0, have):
                raise FetchError(
                    f"{url} sent bytes from {start:,} on where {have:,} was asked for."
                )
            self.tell(f"{file.name}: {file.size - start:,} bytes to come")
            with part.open("ab" if start else "wb") as stream:
                _copy(answer, stream, at_most=file.size - start + 1)


def _copy(answer: Any, stream: IO[bytes], *, at_most: int) -> None:
    """Copy no more than the recipe speaks of, and one byte that shows that there is more."""
    while at_most > 0 and (block := answer.read(min(_BLOCK, at_most))):
        stream.write(block)
        at_most -= len(block)


def _start_of(answer: Any) -> int:
    """Return the first byte that an answer holds; servers may ignore the range asked for."""
    if answer.status != _PARTIAL_CONTENT:
        return 0
    found = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(found[1]) if found else -1


def _check_status(error: urllib.error.HTTPError, url: str) -> None:
    """Raise unless the same request may succeed later."""
    if error.code in _BUSY:
        return
    if error.code == _RANGE_NOT_SATISFIABLE:
        raise FetchError(
            f"{url} is shorter than the recipe says; delete the .part file and try again."
        ) from error
    raise FetchError(
        f"{url} answered {error.code} ({error.reason}). The file may have moved: download it by "
        "hand from the page that `tumorscope data fetch --list` names, and give it with --from."
    ) from error


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise FetchError(
            f"{folder} has {free:,} bytes free and {needed:,} are needed; free some space or give "
            "another --output."
        )


def _cannot_write(part: Path, error: OSError) -> FetchError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FetchError(
            f"The disk is full at {_size(part):,} bytes of {part}; free some space and run the "
            "same command to continue."
        )
    return FetchError(f"{part} cannot be written: {error.strerror or error}.")


def _check_kept(target: Path, file: RemoteFile) -> None:
    if _size(target) != file.size or hash_file(target) != file.sha256:
        raise FetchError(
            f"{target} exists but is not the file that the recipe describes ({file.size:,} bytes, "
            f"SHA-256 {file.sha256}); it is not overwritten. Move it away and try again."
        )


def _check_arrived(part: Path, file: RemoteFile) -> None:
    size, sha256 = _size(part), hash_file(part)
    if (size, sha256) == (file.size, file.sha256):
        return
    part.unlink()
    shown = f"more than {file.size:,}" if size > file.size else f"{size:,}"
    raise FetchError(
        f"{file.name} arrived with {shown} bytes and SHA-256 {sha256}; the recipe says "
        f"{file.size:,} bytes and {file.sha256}. The download was discarded. Try again; if this "
        "happens again, the publisher has changed the file."
    )


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
