"""A full disk: known by its errors, told in one line."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from tumorscope.serving.http_api.base.logs import log_repeated

RETRY_AFTER_S: Final = 30
"""Somebody has to make room, or results have to expire."""

DETAIL: Final = "The disk of the service is full; nothing was taken in."
_ERRNOS: Final = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error says that there is no room, be it the system's or the database's."""
    if isinstance(error, OSError):
        return error.errno in _ERRNOS
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0)
        return code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE
    return False


def log_full_disk() -> None:
    """Write one line, once a minute at most."""
    log_repeated("disk-full", advice="Make room for the spool; jobs go on by themselves.")
