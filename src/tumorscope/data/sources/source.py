"""What is known of one collection of images, as an object."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tumorscope.labels import PLANES, Plane


@dataclass(frozen=True, slots=True)
class Source:
    """A documented collection.

    Attributes
    ----------
    name
        Value of the manifest's ``set`` column.
    origin, licence
        Where it comes from and under which terms; empty where not known.
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
        Regular expression whose first group, found in a picture's path, begins like the name of
        its plane (``ax``, ``co``, ``sa``); ``None`` where the paths do not tell.
    plane
        Plane of all pictures; ``None`` where they differ or it is not known.
    has_boxes
        Whether the masks are boxes around the tumor rather than its outline.
    has_brains
        Whether the pictures are brain MR images; those of others are out-of-distribution examples.
    """

    name: str
    origin: str = ""
    licence: str = ""
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
