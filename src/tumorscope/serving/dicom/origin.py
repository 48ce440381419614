"""Where an answer's image came from, and the line that says both."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import pydicom

from tumorscope.answer import Answer
from tumorscope.imaging.counted_bytes import CountedBytes
from tumorscope.imaging.quiet import quiet

MANUFACTURER: Final = "tumorscope"
"""Of every result."""

_UIDS: Final = ("StudyInstanceUID", "SeriesInstanceUID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Sender, study and series of an image; ``None`` where the header does not say.

    Attributes
    ----------
    calling_ae_title
        Of the association.
    study_instance_uid, series_instance_uid
        From the header.
    """

    calling_ae_title: str
    study_instance_uid: str | None = None
    series_instance_uid: str | None = None

    def record(self, answer: Answer) -> dict[str, Any]:
        """Return the JSON object of an answer with its time (UTC) and origin."""
        now = time.time()
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        return {
            "time": f"{stamp}.{int(now % 1 * 1000):03d}Z",
            "calling_ae_title": self.calling_ae_title,
            "study_instance_uid": self.study_instance_uid,
            "series_instance_uid": self.series_instance_uid,
            **answer.to_dict(),
        }


def read_origin(content: bytes, *, calling: str) -> Origin:
    """Read study and series of an encoded DICOM file, as far as it can be read.

    Parameters
    ----------
    content
        The file; empty where it must not be read.
    calling
        Title of the sender.
    """
    # A damaged header can fail anywhere inside the parser; there is nothing to say of it then.
    uids = dict.fromkeys(_UIDS)
    with quiet("pydicom"), suppress(Exception):
        ds = _header(content)
        uids = {keyword: _uid(ds.get(keyword)) for keyword in _UIDS}
    return Origin(
        calling_ae_title=calling,
        study_instance_uid=uids["StudyInstanceUID"],
        series_instance_uid=uids["SeriesInstanceUID"],
    )


def is_own_result(content: bytes) -> bool:
    """Tell whether an encoded file is a result of this program, such as a secondary capture."""
    with quiet("pydicom"), suppress(Exception):
        return str(_header(content).get("Manufacturer") or "").strip() == MANUFACTURER
    return False


def _header(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(
        CountedBytes(content),
        stop_before_pixels=True,
        specific_tags=[*_UIDS, "Manufacturer"],
        force=True,
    )


def _uid(value: object) -> str | None:
    """Return an identifier and nothing else: a damaged header may hold anything in its place."""
    text = str(value or "").strip()
    return text if 0 < len(text) <= 64 and set(text) <= set("0123456789.") else None
