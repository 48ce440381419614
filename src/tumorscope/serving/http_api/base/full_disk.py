"""A full or read-only disk: known by its errors, told in one line."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from tumorscope.serving.http_api.base.logs import log_repeated

RETRY_AFTER_S: Final = 30
"""Somebody has to make room, or results have to expire."""

DETAIL: Final = "The disk of the service is full or read-only; the request was not accepted."
_ERRNOS: Final = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
_CODES: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY}


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error says that nothing can be written, the system's or the database's."""
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return code & 0xFF in _CODES or code == sqlite3.SQLITE_IOERR_SHMSIZE
    return False


def log_full_disk() -> None:
    """Write one line, once a minute at most."""
    log_repeated(
        "disk-full",
        advice="Make room for the spool, or let it be written; jobs go on by themselves.",
    )
