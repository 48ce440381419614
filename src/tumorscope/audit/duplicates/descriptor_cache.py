"""Looks kept in one SQLite file, so that a run that was interrupted goes on where it stopped."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np

from tumorscope.audit.duplicates.perceptual_descriptors import DESCRIPTOR_LENGTH, LOOK_VERSION, Look
from tumorscope.errors import UsageError

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS looks (key TEXT PRIMARY KEY, sha256 TEXT, rows INTEGER, "
    "columns INTEGER, thumbnail BLOB, points BLOB, descriptors BLOB) WITHOUT ROWID"
)


class LookCache:
    """Looks by key; nothing is lost of what :meth:`put` was given before the last commit.

    Without a connection nothing is kept: a search takes memory enough without a second copy.
    """

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection

    def get(self, key: str) -> Look | None:
        """Return the look kept under a key."""
        if self._connection is None:
            return None
        query = (
            "SELECT sha256, rows, columns, thumbnail, points, descriptors FROM looks WHERE key=?"
        )
        found = self._connection.execute(query, (key,)).fetchone()
        if found is None:
            return None
        sha256, rows, columns, thumbnail, points, descriptors = found
        return Look(
            np.frombuffer(thumbnail, np.uint8).reshape(rows, columns),
            np.frombuffer(points, np.float16).reshape(-1, 4),
            np.frombuffer(descriptors, np.uint8).reshape(-1, DESCRIPTOR_LENGTH),
            sha256,
        )

    def put(self, key: str, look: Look) -> None:
        """Keep a look."""
        if self._connection is None:
            return
        rows, columns = look.thumbnail.shape
        arrays = (look.thumbnail, look.points, look.descriptors)
        self._connection.execute(
            "INSERT OR REPLACE INTO looks VALUES (?, ?, ?, ?, ?, ?, ?)",
            (key, look.sha256, rows, columns, *(one.tobytes() for one in arrays)),
        )

    def commit(self) -> None:
        """Write what was put to the disk."""
        if self._connection is not None:
            self._connection.commit()


@contextmanager
def open_look_cache(path: Path | None) -> Iterator[LookCache]:
    """Open or create a cache; without a path it keeps nothing.

    Raises
    ------
    UsageError
        If the file is there and is not such a cache.
    """
    if path is None:
        yield LookCache(None)
        return
    connection = sqlite3.connect(path)
    try:
        connection.execute(_TABLE)
        yield LookCache(connection)
        connection.commit()
    except sqlite3.DatabaseError as error:
        raise UsageError(
            f"{path} cannot be used as a cache ({error}); give a new file or delete this one."
        ) from error
    finally:
        connection.close()


def look_key(path: Path, part: str) -> str:
    """Return the key of one picture of a file as it is now: place, size, time and part."""
    status = path.stat()
    return f"{LOOK_VERSION}|{path.resolve()}|{status.st_size}|{status.st_mtime_ns}|{part}"
