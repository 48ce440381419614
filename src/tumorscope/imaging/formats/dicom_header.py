"""Values of a DICOM header, however they are written.

Empty values, decimal commas, lower case and values that are not of their kind are common. pydicom
refuses them when an element is touched; here they are read where they can be, and count as absent
where they cannot.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, Final

import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

_TEXT_VRS: Final = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI"})
"""Value representations that are text of one or several values. DICOM PS3.5 section 6.2."""

_CONTROL: Final = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
"""Control characters that no text value may hold. A damaged length makes a value run into the next
element, whose tag holds one; what follows may be the patient's name."""


def numbers(ds: pydicom.Dataset, keyword: str, count: int | None = None) -> list[float] | None:
    """Return the finite numbers of an element.

    Parameters
    ----------
    count
        How many there have to be.

    Returns
    -------
    list of float or None
        ``None`` if the element is absent, empty, no numbers, or not ``count`` of them.
    """
    found = [_number(value) for value in _values(ds, keyword)]
    known = [value for value in found if value is not None]
    if not known or len(known) < len(found) or (count is not None and len(known) != count):
        return None
    return known


def number(ds: pydicom.Dataset, keyword: str) -> float | None:
    """Return the first number of an element; ``None`` where there is none."""
    values = _values(ds, keyword)
    return _number(values[0]) if values else None


def whole(ds: pydicom.Dataset, keyword: str, default: int = 0) -> int:
    """Return an element as a whole number; ``default`` where it is absent or no number."""
    value = number(ds, keyword)
    return default if value is None else int(value)


def text(ds: pydicom.Dataset, keyword: str) -> str | None:
    """Return the first value of an element as text without padding; ``None`` where it is empty."""
    return next(iter(until_control(_values(ds, keyword)[:1])), None) or None


def term(ds: pydicom.Dataset, keyword: str) -> str | None:
    """Return a defined term, which is in capitals whatever the file has."""
    value = text(ds, keyword)
    return None if value is None else value.upper()


def joined(ds: pydicom.Dataset, keyword: str) -> str | None:
    """Return all values of an element in one text; ``None`` where it is empty."""
    value = "\\".join(until_control(_values(ds, keyword)))
    return (value.strip("\\") and value) or None


def until_control(values: Iterable[Any]) -> list[str]:
    """Return values as texts without padding, up to the first control character."""
    found = []
    for one in values:
        text = str(one).strip(" \0")
        kept = _CONTROL.split(text, maxsplit=1)[0]
        found.append(kept.strip(" "))
        if kept != text:
            break
    return found


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        value = value.strip(" \0")
        value = value.replace(",", "" if "." in value else ".")
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return result if math.isfinite(result) else None


def _values(ds: pydicom.Dataset, keyword: str) -> list[Any]:
    tag = tag_for_keyword(keyword)
    if tag is None or tag not in ds:
        return []
    element = ds.get_item(tag)
    if isinstance(element, RawDataElement) and isinstance(element.value, bytes):
        kind = dictionary_VR(tag) if element.VR in (None, "UN") else element.VR
        if kind in _TEXT_VRS:
            return _split(element.value.decode("latin-1"))
    try:
        value = ds[tag].value
    # Values that do not fit their kind fail in many ways inside pydicom.
    except Exception:
        return []
    if isinstance(value, (list, tuple, MultiValue)):
        return list(value)
    return [] if value is None or value == "" else [value]


def _split(value: str) -> list[str]:
    stripped = value.strip(" \0")
    return stripped.split("\\") if stripped else []
