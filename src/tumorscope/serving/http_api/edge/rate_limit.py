"""How many requests a key may make in a minute, counted over all worker processes.

The generic cell rate algorithm: of each key one number is kept, the moment at which all that it has
asked for would have been due had it come evenly. A key may be ahead of that by a minute's worth.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tumorscope.serving.http_api.base.problems import RefusalError

if sys.platform != "win32":
    import fcntl

_MINUTE_S: Final = 60.0
_SLOTS: Final = 2**20
"""Of eight bytes, in a file with holes; two of a hundred keys share one in a case of 200."""

_DUE: Final = struct.Struct("<d")


class RateLimit:
    """Refuses what a key asks too often.

    Parameters
    ----------
    file
        Shared by the processes of a service; made where there is none.
    per_minute
        Requests of one key.
    clock
        Seconds, the same in all processes of the machine.
    """

    def __init__(
        self, file: Path, per_minute: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._gap = _MINUTE_S / per_minute
        self._per_minute, self._clock = per_minute, clock
        self._file = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def check(self, key: str) -> None:
        """Count one request.

        Raises
        ------
        RefusalError
            If there were too many in the last minute.
        """
        place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % _SLOTS
        with self._held(place * _DUE.size):
            now = self._clock()
            due = self._read(place * _DUE.size)
            # A clock that began anew, as after a restart of the machine, is no reason to wait.
            due = min(max(due, now), now + _MINUTE_S)
            wait = due + self._gap - (now + _MINUTE_S)
            is_let_in = wait <= 1e-9
            os.lseek(self._file, place * _DUE.size, os.SEEK_SET)
            os.write(self._file, _DUE.pack(due + self._gap if is_let_in else due))
        if is_let_in:
            return
        raise RefusalError(
            "too-busy",
            f"This API key may send {self._per_minute:,} image requests and jobs a minute.",
            retry_after=max(1, math.ceil(wait)),
        )

    def _read(self, offset: int) -> float:
        os.lseek(self._file, offset, os.SEEK_SET)
        content = os.read(self._file, _DUE.size)
        due = float(_DUE.unpack(content)[0]) if len(content) == _DUE.size else 0.0
        return due if math.isfinite(due) else 0.0

    @contextmanager
    def _held(self, offset: int) -> Iterator[None]:
        with self._lock:
            if sys.platform == "win32":
                yield
                return
            fcntl.lockf(self._file, fcntl.LOCK_EX, _DUE.size, offset)
            try:
                yield
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _DUE.size, offset)
