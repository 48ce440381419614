"""What is known of one public collection, as an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Layout = Literal["matlab", "folders", "channels", "dicom"]
"""How the pictures are stored, and so how they are converted."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that may be downloaded without a login.

    Attributes
    ----------
    name
        Under which it is stored.
    url
        Address, ``http`` or ``https``.
    size
        Bytes.
    sha256
        In hexadecimal.
    """

    name: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class KnownBad:
    """Pictures of a collection that should not be trusted.

    Attributes
    ----------
    pattern
        Shell pattern of the pictures' paths in the manifest.
    reason
        What is wrong with them.
    """

    pattern: str
    reason: str


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A recipe for a public collection.

    Attributes
    ----------
    name
        For the command line, and the value of the manifest's ``set`` column.
    title, page
        As its authors call it, and where it is published.
    licence, citation
        Terms as its page states them, and what its users are asked to cite.
    layout
        How its pictures are stored.
    files
        To download; empty where the origin needs a login, an account or a program of its own.
    steps
        What a person has to do then.
    expected
        Pictures by kind (tumor type, ``tumor``, ``no_tumor``, ``label unknown``); empty where the
        count is not known for sure.
    patients
        Expected number of patient identifiers; ``None`` where it is not known for sure.
    unlabeled
        Names of folders whose pictures are taken without a label.
    known_bad
        Pictures that should not be trusted; they are kept, and named in ``known_bad.csv``.
    cautions
        What else a user has to know before making a number of this set.
    """

    name: str
    title: str
    page: str
    licence: str
    citation: str
    layout: Layout
    files: Sequence[RemoteFile] = ()
    steps: Sequence[str] = ()
    expected: Mapping[str, int] = field(default_factory=dict)
    patients: int | None = None
    unlabeled: Sequence[str] = ()
    known_bad: Sequence[KnownBad] = ()
    cautions: Sequence[str] = ()
