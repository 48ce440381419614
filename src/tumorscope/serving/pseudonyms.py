"""Keyed hashes that stand for studies and patients, where their identifiers must not be kept.

Numbers of patients are few enough to be tried one after the other, so a plain hash would hide
nothing: the key, 256 random bits in a file of its own, is what keeps them apart. Without that file
nobody can tell any more whom a hash stands for.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import pydicom

from tumorscope.errors import UsageError
from tumorscope.imaging.counted_bytes import CountedBytes
from tumorscope.imaging.quiet import quiet
from tumorscope.system.files import to_disk

Kind = Literal["study", "patient", "job"]

_KEYWORDS: Final[dict[Kind, str]] = {"study": "StudyInstanceUID", "patient": "PatientID"}
_BYTES: Final = 32
_DIGITS: Final = 32
_LONGEST: Final = 64
"""Characters of an identifier, PS3.5 section 6.2."""


class Pseudonyms:
    """Makes the hashes of one installation.

    Parameters
    ----------
    key
        Secret bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, kind: Kind, identifier: str) -> str:
        """Return the hash of an identifier, 128 bits in hexadecimal."""
        said = f"{kind}\0{identifier.strip()}".encode(errors="surrogateescape")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()[:_DIGITS]

    def of_header(self, content: bytes) -> frozenset[tuple[Kind, str]]:
        """Return the hashes of study and patient of an encoded DICOM file, as far as it says."""
        said: dict[Kind, str] = {}
        # A damaged header can fail anywhere inside the parser; there is nothing to say of it then.
        with quiet("pydicom"), suppress(Exception):
            ds = pydicom.dcmread(
                CountedBytes(content),
                stop_before_pixels=True,
                specific_tags=list(_KEYWORDS.values()),
                force=True,
            )
            said = {kind: str(ds.get(word) or "").strip() for kind, word in _KEYWORDS.items()}
        return frozenset(
            (kind, self.of(kind, text)) for kind, text in said.items() if 0 < len(text) <= _LONGEST
        )


def read_pseudonyms(file: Path) -> Pseudonyms:
    """Read the key of a file; make the file, mode 0600, where there is none.

    Raises
    ------
    UsageError
        If it holds anything else.
    OSError
        If it cannot be read or made.
    """
    if not file.exists():
        _make(file)
    key = file.read_bytes()
    if len(key) != _BYTES:
        raise UsageError(
            f"The salt {file} has {len(key)} bytes and not {_BYTES}; restore it from a backup, or "
            "move it away: hashes made with it can then be matched to nobody."
        )
    return Pseudonyms(key)


def _make(file: Path) -> None:
    """Make the file whole; of several processes that try at once one wins."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.with_name(f".{file.name}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_BYTES))
        os.fsync(descriptor)
        with suppress(FileExistsError):
            os.link(partial, file)
    finally:
        os.close(descriptor)
        partial.unlink(missing_ok=True)
    to_disk(file.parent)
