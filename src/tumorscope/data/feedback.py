"""Readings of professionals, exported from the page, as a manifest."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pydicom

from tumorscope.data.manifest import ManifestRow
from tumorscope.errors import UsageError
from tumorscope.imaging.formats.dicom_header import text
from tumorscope.imaging.quiet import quiet

MAX_BYTES: Final = 512 * 1024 * 1024
"""Of an export."""

_OPPOSITE: Final = {"tumor": "no_tumor", "no_tumor": "tumor"}

NO_READING: Final = "without a reading or verdict that says tumor or no tumor"
NO_FILE: Final = "whose image is not in the folder"
MANY_FRAMES: Final = "of a file with many slices, of which one cannot be named"
TWICE: Final = "of an image that another reading names, too; the first counts"


@dataclass(frozen=True, slots=True)
class Readings:
    """What an export gave.

    Attributes
    ----------
    rows
        Of the manifest: an image for each reading.
    records
        What was read, by which model, one for each row; no free text, and nothing of the patient
        but UIDs.
    left_out
        Readings that gave no row, by the reason.
    """

    rows: list[ManifestRow]
    records: list[dict[str, Any]]
    left_out: Counter[str]


def read_feedback(export: Path, images: Path, *, name: str = "readings") -> Readings:
    """Turn an export of the page (JSON) into rows of a manifest.

    The verdict decides: *agree* takes the model's outcome over, *disagree* the other one. Without a
    verdict the reading given before the answer was shown counts. A series stands for its most
    suspicious slice: that is the slice that the verdict was about.

    Parameters
    ----------
    export
        File that the page wrote.
    images
        Folder of the images, found by their SOP Instance UID, else by name.
    name
        Of the set in the manifest.

    Raises
    ------
    UsageError
        If the export is none.
    """
    files = ImageIndex(images)
    found = Readings([], [], Counter())
    taken: set[str] = set()
    for number, case in enumerate(_cases(export), 1):
        try:
            _add(found, case, files, taken, name)
        except (AttributeError, TypeError) as error:
            raise UsageError(
                f"{export}: answer {number} is damaged: a part of it is not what the page writes."
            ) from error
    return found


def _add(
    found: Readings, case: Mapping[str, Any], files: ImageIndex, taken: set[str], name: str
) -> None:
    """Add the row of a reading, or count why there is none."""
    label = label_of(case)
    if label is None:
        found.left_out[NO_READING] += 1
        return
    image = _image(case)
    if image.get("slice_index") is not None:
        found.left_out[MANY_FRAMES] += 1
        return
    path = files.find(image)
    if path is None or path in taken:
        found.left_out[NO_FILE if path is None else TWICE] += 1
        return
    record = _record(case, image, path, label)
    taken.add(path)
    found.rows.append(
        ManifestRow(name, path, int(label == "tumor"), patient_id=_group(case["answer"]))
    )
    found.records.append(record)


def label_of(case: Mapping[str, Any]) -> str | None:
    """Return what the reader said, ``tumor`` or ``no_tumor``; ``None`` if neither."""
    reader, outcome = case["reader"], case["answer"].get("outcome")
    if outcome in _OPPOSITE and reader.get("verdict") == "agree":
        return str(outcome)
    if outcome in _OPPOSITE and reader.get("verdict") == "disagree":
        return _OPPOSITE[outcome]
    reading = reader.get("reading")
    return reading if reader.get("verdict") is None and reading in _OPPOSITE else None


class ImageIndex:
    """Files of a folder by SOP Instance UID and by name."""

    def __init__(self, folder: Path) -> None:
        self._by_uid: dict[str, str] = {}
        self._by_name: dict[str, str | None] = {}
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            relative = path.relative_to(folder).as_posix()
            if uid := _sop_uid(path):
                self._by_uid.setdefault(uid, relative)
            # Of two files with one name, neither is sure to be meant.
            self._by_name[path.name] = None if path.name in self._by_name else relative

    def find(self, image: Mapping[str, Any]) -> str | None:
        """Return the path of an answered image, relative to the folder."""
        uid = image.get("sop_instance_uid")
        if uid:
            return self._by_uid.get(str(uid))
        name = PurePosixPath(str(image.get("source", "")).replace("\\", "/")).name
        return self._by_name.get(name)


def _sop_uid(path: Path) -> str | None:
    with path.open("rb") as stream:
        if stream.read(132)[128:] != b"DICM":
            return None
    try:
        with quiet("pydicom"):
            ds = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPInstanceUID"])
    # A damaged header can fail anywhere inside the parser; it is no image that was read.
    except Exception:
        return None
    return text(ds, "SOPInstanceUID")


def _cases(export: Path) -> Iterator[dict[str, Any]]:
    try:
        if export.stat().st_size > MAX_BYTES:
            raise UsageError(f"{export} has more than {MAX_BYTES:,} bytes.")
        cases = json.loads(export.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{export} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{export} is not JSON; in the worklist, export the readings as JSON."
        ) from error
    if not isinstance(cases, list) or not all(map(_is_case, cases)):
        raise UsageError(
            f"{export} is not an export of the worklist, a list of answers and readings."
        )
    for case in cases:
        if case["answer"] is not None:
            yield case


def _is_case(case: Any) -> bool:
    return (
        isinstance(case, dict)
        and isinstance(case.get("reader"), dict)
        and (case.get("answer") is None or isinstance(case["answer"], dict))
        and "answer" in case
    )


def _image(case: Mapping[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = case["answer"]
    suspicious: Iterable[dict[str, Any]] = answer.get("most_suspicious") or ()
    return next(iter(suspicious), answer)


def _group(answer: Mapping[str, Any]) -> str | None:
    """Return a name for the study: readings of one study are not independent."""
    study = answer.get("study_instance_uid")
    return "study-" + hashlib.sha256(str(study).encode()).hexdigest()[:12] if study else None


def _record(
    case: Mapping[str, Any], image: Mapping[str, Any], path: str, label: str
) -> dict[str, Any]:
    answer, reader = case["answer"], case["reader"]
    return {
        "path": path,
        "label": label,
        "reading": reader.get("reading"),
        "verdict": reader.get("verdict"),
        "outcome": answer.get("outcome"),
        "probability_tumor": (answer.get("probabilities") or {}).get("tumor"),
        "operating_point": answer.get("operating_point"),
        "model": answer.get("model"),
        "sop_instance_uid": image.get("sop_instance_uid"),
        "series_instance_uid": answer.get("series_instance_uid"),
        "study_instance_uid": answer.get("study_instance_uid"),
    }
