"""The file of answers: whole lines, for its owner alone, and a new one when it was moved away."""

from __future__ import annotations

import json
import logging
import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tumorscope.system.files import to_disk

if sys.platform != "win32":
    import fcntl

_MODE: Final = 0o600
_LOG: Final = logging.getLogger("tumorscope.node")


class AnswerFile:
    """Adds JSON Lines to a file. Safe to use from several threads, and by several processes.

    Parameters
    ----------
    path
        Made with mode 0600; a file that is there keeps its mode.

    Raises
    ------
    OSError
        If it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, threading.Lock()
        self._file = self._open()

    def write(self, record: dict[str, Any]) -> None:
        """Return when the line is on the disk: a sender relies on it.

        Raises
        ------
        OSError
            If it could not be written; nothing of the line is then left in the file.
        """
        with self._lock:
            self._append(json.dumps(record).encode() + b"\n")

    def write_once(self, lines: list[str]) -> None:
        """Write lines of which the first may be written already, if the process was killed.

        Whatever stands at the end of the file, whole lines or a part of one, is completed.

        Raises
        ------
        OSError
            If they could not be written; nothing of them is then left in the file.
        """
        content = "".join(f"{line}\n" for line in lines).encode()
        with self._lock:
            self._append(content, written=self._written)

    def _append(self, content: bytes, written: Callable[[bytes], int] | None = None) -> None:
        if not _is_file(self._file):
            self._write(content)
            return
        with _locked(self._file):
            end = os.lseek(self._file, 0, os.SEEK_END)
            content = content[written(content) if written else 0 :]
            if not content:
                return
            try:
                self._write(content)
                os.fsync(self._file)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._file, end)
                raise

    def _written(self, content: bytes) -> int:
        """Return how many bytes of the content, from its beginning on, the file ends with."""
        with suppress(OSError), self._path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            start = max(0, size - len(content) - 1)
            file.seek(start)
            tail = file.read()
            # Only what begins a line of the file can be the beginning of the content.
            begins = [0] if start == 0 else []
            begins += [at + 1 for at, byte in enumerate(tail) if byte == ord("\n")]
            for begin in begins:
                if content.startswith(tail[begin:]):
                    return len(tail) - begin
        return 0

    def reopen(self) -> None:
        """Go on in a new file where the old one was moved away; in the old one if that fails."""
        try:
            file = self._open()
        except OSError as error:
            _LOG.error("%s cannot be reopened (%s)", self._path, error.strerror)
            return
        with self._lock:
            file, self._file = self._file, file
        os.close(file)
        _LOG.info("answers go to %s, reopened", self._path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            os.close(self._file)

    def _open(self) -> int:
        file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
        if _is_file(file):
            with suppress(OSError):  # some file systems sync no folders
                to_disk(self._path.parent)
        return file

    def _write(self, line: bytes) -> None:
        while line:
            line = line[os.write(self._file, line) :]


def _is_file(file: int) -> bool:
    return stat.S_ISREG(os.fstat(file).st_mode)


@contextmanager
def _locked(file: int) -> Iterator[None]:
    """Keep other processes from adding lines, which cutting off half a line would take away."""
    if sys.platform == "win32":
        yield
        return
    with suppress(OSError):  # some network file systems have no locks
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_UN)
