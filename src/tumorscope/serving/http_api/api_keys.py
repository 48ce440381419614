"""API keys: made here, kept only as hashes.

A key is 256 random bits, so that a plain SHA-256 of it cannot be searched for; slow password
hashes are for secrets that people think of.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path
from typing import Final

from tumorscope.errors import UsageError

_PREFIX: Final = "ts_"
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def new_key(file: Path) -> str:
    """Make a key, append its hash to a file of mode 0600, and return the key itself."""
    key = _PREFIX + secrets.token_urlsafe(32)
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="ascii") as stream:
        stream.write(hash_key(key) + "\n")
    return key


def hash_key(key: str) -> str:
    """Return the SHA-256 of a key in lower-case hex."""
    return hashlib.sha256(key.encode()).hexdigest()


def read_hashes(file: Path) -> tuple[str, ...]:
    """Read the hashes of a key file: one a line, ``#`` begins a comment.

    Raises
    ------
    UsageError
        If the file cannot be read, or holds something else or nothing.
    """
    try:
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The key file {file} cannot be read.") from error
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    hashes = tuple(line for line in lines if line)
    if not hashes:
        raise UsageError(f"The key file {file} contains no key; add one with --new-api-key.")
    for number, line in enumerate(lines, start=1):
        if line and not _HASH.fullmatch(line):
            raise UsageError(
                f"Line {number} of the key file {file} is not a SHA-256 in hex. The file holds "
                "hashes, never the keys themselves."
            )
    return hashes


def is_known(key: str, hashes: tuple[str, ...]) -> bool:
    """Tell whether a key is one of those whose hashes are given, in constant time."""
    arrived = hash_key(key)
    matches = [hmac.compare_digest(arrived, one) for one in hashes]
    return any(matches)
