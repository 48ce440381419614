"""API keys with names: made here, kept only as hashes, in a file that is read at each request.

A key is 256 random bits, so that a plain SHA-256 of it cannot be searched for; slow password
hashes are for secrets that people think of. A line of the file is ``HASH NAME TIME``; ``#`` begins
a comment. A line with a hash alone, as earlier versions wrote them, is a key that is named after
its hash.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tumorscope.errors import UsageError
from tumorscope.system.files import OWNER, whole_file

if sys.platform != "win32":
    import fcntl

_PREFIX: Final = "ts_"
_HASH: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_MAX_BYTES: Final = 1024 * 1024
"""Of a key file: some eight thousand keys."""

_CHUNK: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One line of a key file.

    Attributes
    ----------
    name
        By which the log and ``tumorscope keys`` refer to the key.
    hash
        SHA-256 of the key in lower-case hex.
    created
        ISO 8601, UTC; ``None`` where the file does not say.
    """

    name: str
    hash: str
    created: str | None = None


def add_key(file: Path, name: str | None = None) -> str:
    """Make a key, add its hash to a file of mode 0600, made if absent, and return the key itself.

    Parameters
    ----------
    name
        By default taken from the hash.

    Raises
    ------
    UsageError
        If the name is in use or cannot be one, or the file holds anything but keys.
    """
    if name is not None and not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a key: up to 64 letters, digits, '.', '_' and '-', "
            "the first a letter or a digit."
        )
    key = _PREFIX + secrets.token_urlsafe(32)
    hashed = hash_key(key)
    name = name or _name_of(hashed)
    with _locked(file):
        text = _read(file) if file.exists() else ""
        if any(one.name == name for one in _parse(text, file)):
            raise UsageError(
                f"The key file {file} holds a key {name} already; give another name, or revoke "
                f"that one first: tumorscope keys revoke {name}"
            )
        if text and not text.endswith("\n"):
            text += "\n"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        _write(file, f"{text}{hashed} {name} {now}\n")
    return key


def revoke_key(file: Path, name: str) -> None:
    """Take a key out of a file.

    Raises
    ------
    UsageError
        If the file holds no key of that name.
    """
    with _locked(file):
        text = _read(file)
        names = [one.name for one in _parse(text, file)]
        if name not in names:
            known = ", ".join(names) or "none"
            raise UsageError(f"The key file {file} holds no key {name}; it holds: {known}.")
        kept = [
            line
            for line in text.splitlines(keepends=True)
            if (key := _parse_line(line)) is None or key.name != name
        ]
        _write(file, "".join(kept))


def read_keys(file: Path) -> tuple[ApiKey, ...]:
    """Read a key file.

    Raises
    ------
    UsageError
        If the file cannot be read, or holds anything but keys.
    """
    return _parse(_read(file), file)


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key in lower-case hex."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


class KeyRing:
    """The keys that are let in at this moment.

    The file is read at each look-up, some ten microseconds: a key that was added or revoked counts
    from the next request on, in every worker process, and no clock of a file system is trusted.

    Parameters
    ----------
    file
        As :func:`add_key` writes it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: tuple[bytes, tuple[ApiKey, ...]] = (b"", ())

    def find(self, key: str) -> str | None:
        """Return the name of a key that is let in, in constant time; ``None`` for all others.

        Lines that hold no key let nobody in. A file that is absent holds no keys.

        Raises
        ------
        OSError
            If the file is there but cannot be read.
        """
        arrived = hash_key(key)
        matches = [one.name for one in self._keys() if hmac.compare_digest(arrived, one.hash)]
        return matches[0] if matches else None

    def _keys(self) -> Sequence[ApiKey]:
        try:
            content = _read_bytes(self._file)
        except FileNotFoundError:
            return ()
        known, keys = self._known
        if content != known:
            lines = content.decode("ascii", errors="replace").splitlines()
            parsed = [_parse_line(line) for line in lines if _is_key(line)]
            keys = tuple(one for one in parsed if one is not None)
            with self._lock:
                self._known = (content, keys)
        return keys


def _parse(text: str, file: Path) -> tuple[ApiKey, ...]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.partition("#")[0].strip() and not _is_key(line):
            raise UsageError(
                f"Line {number} of the key file {file} is not a SHA-256 in hex and a name. The "
                "file holds hashes, never the keys themselves."
            )
    keys = [_parse_line(line) for line in text.splitlines()]
    return tuple(one for one in keys if one is not None)


def _is_key(line: str) -> bool:
    fields = line.partition("#")[0].split()
    return (
        0 < len(fields) <= 3
        and _HASH.fullmatch(fields[0]) is not None
        and (len(fields) == 1 or _NAME.fullmatch(fields[1]) is not None)
    )


def _parse_line(line: str) -> ApiKey | None:
    fields = line.partition("#")[0].split()
    if not fields:
        return None
    name = fields[1] if len(fields) > 1 else _name_of(fields[0])
    return ApiKey(name, fields[0], fields[2] if len(fields) > 2 else None)


def _name_of(hashed: str) -> str:
    return f"key-{hashed[:8]}"


def _read(file: Path) -> str:
    try:
        return _read_bytes(file).decode("ascii")
    except FileNotFoundError as error:
        raise UsageError(
            f"The key file {file} cannot be read: it does not exist. Make a key with "
            "'tumorscope keys add NAME'."
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The key file {file} cannot be read.") from error


def _read_bytes(file: Path) -> bytes:
    # Three or four calls of the system; open() makes nine.
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        content = os.read(descriptor, _CHUNK)
        while len(content) % _CHUNK == 0 and (more := os.read(descriptor, _CHUNK)):
            content += more
            if len(content) > _MAX_BYTES:
                raise OSError(f"The key file is larger than {_MAX_BYTES} bytes.")
    finally:
        os.close(descriptor)
    return content


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Keep other ``tumorscope keys`` from changing the file meanwhile; the folder is the lock."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform == "win32":
        yield
        return
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(file: Path, text: str) -> None:
    """Replace a file whole: a service never reads half of one. Its owner stays its owner."""
    file = file.resolve()
    with whole_file(file, "w", permissions=OWNER, durable=True) as stream:
        stream.write(text)
        if sys.platform != "win32" and file.exists():
            old = file.stat()
            # Only root can, and only root makes a file that the service could not read.
            with contextlib.suppress(PermissionError):
                os.fchown(stream.fileno(), old.st_uid, old.st_gid)
