"""Files that appear whole or not at all, outputs that are not overwritten, and SHA-256."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Final, Literal

from tumorscope.errors import UsageError

ANYONE: Final = 0o666
"""Permissions of a new file, less the umask of the process."""
OWNER: Final = 0o600

_SYNCS: Final = 16
"""Waits at a time: file systems commit those that meet together."""


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raise :class:`UsageError` unless the file ``path`` can be written."""
    path = Path(path)
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists; give another name or add --overwrite.")
    if not path.parent.is_dir():
        raise UsageError(f"The folder {path.parent} does not exist; create it first.")


def check_output_folder(folder: Path, *, overwrite: bool) -> None:
    """Raise :class:`UsageError` unless ``folder`` is new or empty, or may be written over."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; give a folder.")
    if not overwrite and folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty; add --overwrite or give another folder.")


@contextlib.contextmanager
def whole_file(
    path: Path,
    mode: Literal["w", "wb"] = "wb",
    *,
    permissions: int = ANYONE,
    durable: bool = False,
) -> Iterator[IO[Any]]:
    """Open a file that takes its place when the block ends, and leaves nothing when it fails.

    Readers see the old file or the new one. Text is UTF-8, and its ends of lines stay as written.

    Parameters
    ----------
    path
        Is replaced if it exists.
    mode
        ``wb`` for bytes, ``w`` for text.
    permissions
        Of the new file, less the umask.
    durable
        Whether to wait until content and name would outlive a power cut.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(path)
    partial = path.with_name(f".{path.name[:40]}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(
        partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), permissions
    )
    encoding, newline = (None, None) if mode == "wb" else ("utf-8", "")
    try:
        with os.fdopen(descriptor, str(mode), encoding=encoding, newline=newline) as stream:
            yield stream
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    if durable:
        to_disk(path.parent)


def write_whole(path: Path, content: bytes | str) -> None:
    """Write bytes, or text in UTF-8, as :func:`whole_file` does."""
    with whole_file(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def to_disk(*paths: Path) -> None:
    """Wait until the content of files, and the names in folders, would outlive a power cut.

    Raises
    ------
    OSError
        If the disk cannot take them.
    """
    if len(paths) < 2:
        for path in paths:
            _sync(path)
        return
    with ThreadPoolExecutor(min(_SYNCS, len(paths))) as threads:
        for _ in threads.map(_sync, paths):
            pass


def _sync(path: Path) -> None:
    try:
        # Windows flushes only what is open for writing, and opens no folder.
        descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems do so for folders, whose names they keep by themselves.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
