"""Table E.1-1 of PS3.15, and what its actions do to an element."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Final, Literal, get_args

from pydicom.dataelem import DataElement
from pydicom.tag import BaseTag

Option = Literal["uids", "device", "institution", "patient", "dates"]
OPTIONS: Final[tuple[Option, ...]] = get_args(Option)
"""Retain UIDs, Device Identity, Institution Identity, Patient Characteristics, and Longitudinal
Temporal Information with Full Dates: PS3.15 sections E.3.6 to E.3.10."""

Action = Literal["remove", "empty", "dummy", "uid", "keep"]

_ACTIONS: Final[dict[str, Action]] = {
    "X": "remove",
    "Z": "empty",
    "D": "dummy",
    "U": "uid",
    "X/Z": "empty",
    "X/D": "dummy",
    "Z/D": "dummy",
    "X/Z/D": "dummy",
    "X/Z/U*": "uid",
}
"""Of several that the table allows, the one that keeps every object valid: an attribute is emptied
or replaced where another kind of object may require it."""

_DUMMIES: Final[dict[str, object]] = {
    "AE": "ANONYMOUS", "AS": "000Y", "CS": "ANONYMOUS", "DA": "19000101", "DS": "0",
    "DT": "19000101000000", "FD": 0.0, "FL": 0.0, "IS": "0", "LO": "ANONYMOUS", "LT": "ANONYMOUS",
    "OB": b"\0\0", "OW": b"\0\0", "PN": "ANONYMOUS", "SH": "ANONYMOUS", "SL": 0, "SS": 0,
    "ST": "ANONYMOUS", "TM": "000000", "UC": "ANONYMOUS", "UL": 0, "UN": b"\0\0",
    "UR": "http://anonymous.invalid", "US": 0, "UT": "ANONYMOUS",
}  # fmt: skip

_OVERLAYS, _CURVES = 0x6000, 0x5000


@cache
def table() -> dict[int, tuple[str, frozenset[str]]]:
    """Return the actions of the Basic Profile by tag, each with the options that keep it."""
    rows = json.loads(files(__package__).joinpath("profile.json").read_text(encoding="ascii"))
    return {int(tag, 16): (action, frozenset(kept)) for tag, action, *kept in rows}


def action(element_tag: BaseTag, vr: str, retained: Iterable[Option]) -> Action:
    """Return what is done to an element.

    Beyond the table, names of persons and what is of unknown kind do not stay, and overlays and
    curves go as a whole.
    """
    if element_tag.is_private or _is_repeating(element_tag) or vr == "UN":
        return "remove"
    row = table().get(int(element_tag))
    if row is None:
        return "empty" if vr == "PN" else "keep"
    name, kept_by = row
    return "keep" if kept_by & set(retained) else _ACTIONS[name]


def _is_repeating(element_tag: BaseTag) -> bool:
    return element_tag.group & 0xFF00 in (_OVERLAYS, _CURVES)


def dummy(element: DataElement) -> object:
    """Return a value of the element's kind that says nothing."""
    return _DUMMIES.get(element.VR, "")
