"""What is known of one public collection, as an object."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from tumorscope.labels import PLANES, Plane

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
    """A public collection: how it is had, and what its identifiers and planes tell.

    Attributes
    ----------
    name
        For the command line, and the value of the manifest's ``set`` column. Of a set that is not
        documented it is all that is known.
    title, page
        As its authors call it, and where it is published.
    licence, citation
        Terms as its page states them, and what its users are asked to cite.
    layout
        How its pictures are stored; ``None`` where there is no recipe that fetches them.
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
    site_pattern
        Regular expression on ``patient_id`` whose first group is the institution; ``None`` where
        the identifiers do not tell.
    person_pattern
        Regular expression on ``patient_id`` whose first group is the person, for collections
        that give one person several identifiers; ``None`` where they are one and the same.
    planes
        Planes in which the volumes of a sequence show anatomy at full resolution, where that is
        known better than the file's own header tells.
    plane_pattern
        Regular expression whose first group, found in a picture's path, begins the name of its
        plane (``ax``, ``co``, ``sa``); ``None`` where the paths do not tell.
    plane
        Plane of all pictures; ``None`` where they differ or it is not known.
    has_boxes
        Whether the masks are boxes around the tumor rather than its outline.
    has_brains
        Whether the pictures are brain MR images; others are out-of-distribution examples.
    """

    name: str
    title: str = ""
    page: str = ""
    licence: str = ""
    citation: str = ""
    layout: Layout | None = None
    files: Sequence[RemoteFile] = ()
    steps: Sequence[str] = ()
    expected: Mapping[str, int] = field(default_factory=dict)
    patients: int | None = None
    unlabeled: Sequence[str] = ()
    known_bad: Sequence[KnownBad] = ()
    cautions: Sequence[str] = ()
    site_pattern: str | None = None
    person_pattern: str | None = None
    planes: Mapping[str, tuple[Plane, ...]] = field(default_factory=dict)
    plane_pattern: str | None = None
    plane: Plane | None = None
    has_boxes: bool = False
    has_brains: bool = True

    def site_of(self, patient_id: str | None) -> str:
        """Return the institution, as ``set`` or ``set/institution``."""
        institution = _first_group(self.site_pattern, patient_id)
        return self.name if institution is None else f"{self.name}/{institution}"

    def person_of(self, patient_id: str | None) -> str | None:
        """Return the identifier of the person, ``None`` where the patient is unknown."""
        return _first_group(self.person_pattern, patient_id) or patient_id

    def plane_of(self, path: str) -> Plane | None:
        """Return the plane of a picture, ``None`` where it is not known."""
        found = re.search(self.plane_pattern, path) if self.plane_pattern else None
        if found is None:
            return self.plane
        return next((one for one in PLANES if one.startswith(found[1].lower())), None)

    def planes_of(self, sequence: str | None) -> tuple[Plane, ...] | None:
        """Return the planes known for a sequence, ``None`` where the file has to tell."""
        planes = self.planes.get(sequence or "")
        return None if planes is None else tuple(plane for plane in PLANES if plane in planes)


def _first_group(pattern: str | None, text: str | None) -> str | None:
    found = re.fullmatch(pattern, text) if pattern and text else None
    return None if found is None else found[1]
