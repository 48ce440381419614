"""Anything a user has as rows ready to be measured.

A folder of labeled images, a manifest, or readings exported from the page: :func:`open_data_set` is
the one way in for ``evaluate``, ``calibrate``, ``train`` and the verbs of ``data``. Patients come
from the manifest, from DICOM headers or from a pattern; where none is known, near-duplicates are
grouped on the way.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pydicom

from tumorscope.data.collection import FOLDER_LABELS, Collection, open_collection
from tumorscope.data.feedback import read_feedback
from tumorscope.data.grouping import add_groups
from tumorscope.data.manifest import ManifestRow, manifest_root, read_manifest
from tumorscope.data.split import EXCLUDED_GROUPS
from tumorscope.data.volumes import expand_volumes
from tumorscope.errors import ManifestError, UsageError

_DICOM_MAGIC: Final = b"DICM"
_DICOM_PREAMBLE: Final = 128
_PSEUDONYM_LENGTH: Final = 12
_NAMED_IN_MESSAGE: Final = 8


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source is to be understood.

    Attributes
    ----------
    labels
        ``NAME=LABEL`` for folders whose names do not tell: a label of ``FOLDER_LABELS``.
    patient_pattern
        Regular expression that finds the patient in a path: its group named ``patient``, else its
        first group, else the whole match.
    """

    labels: tuple[str, ...] = ()
    patient_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class DataSet:
    """Rows with the folder that their paths start from.

    Attributes
    ----------
    name
        Of the folder or manifest.
    rows
        Volumes are cut into slices; each row has its group if groups were asked for.
    root
        Folder that the paths are relative to.
    source
        What was opened.
    notes
        Sentences for the report: where labels, patients and groups come from.
    """

    name: str
    rows: tuple[ManifestRow, ...]
    root: Path
    source: Path
    notes: tuple[str, ...]

    @property
    def has_splits(self) -> bool:
        """Whether a row has a side."""
        return any(row.split is not None for row in self.rows)

    def labeled(self) -> list[ManifestRow]:
        """Return the rows with a tumor label that can be used."""
        return [row for row in self.rows if row.tumor is not None and row.split != "excluded"]


def open_data_set(
    source: Path,
    *,
    root: Path | None = None,
    reading: Reading | None = None,
    group: bool = True,
) -> DataSet:
    """Open a folder with a subfolder per label, a manifest, or readings exported from the page.

    Parameters
    ----------
    source
        Folder, CSV file, or JSON file of the worklist.
    root
        Folder that the paths of a manifest are relative to, by default its own; for readings, that
        of the images.
    reading
        How labels and patients are found.
    group
        Whether to find the groups where rows bring none.

    Raises
    ------
    ManifestError
        If the manifest cannot be used; the message names row and column.
    UsageError
        If there is nothing at ``source``, no image in the folder, no folder name that tells a
        label, or an option that cannot be used.
    """
    reading = reading or Reading()
    opened, left_out = _open(source, root, reading)
    rows, notes = add_patients(opened.rows, opened.root, reading.patient_pattern)
    notes += left_out
    if group:
        rows, of_groups = _with_groups(rows, opened.root)
        notes += of_groups
    return DataSet(opened.name, tuple(rows), opened.root, source, tuple(notes))


def parse_labels(words: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=LABEL`` words; names in lower case."""
    found: dict[str, str] = {}
    for word in words:
        name, equals, label = word.rpartition("=")
        if not equals or not name or label not in FOLDER_LABELS:
            raise UsageError(
                f"--labels {word!r} is not NAME=LABEL with a label of {', '.join(FOLDER_LABELS)}; "
                "such as --labels lesion=tumor --labels control=no_tumor."
            )
        found[name.lower()] = label
    return found


def check_labels(opened: Collection) -> None:
    """Raise :class:`UsageError` if no folder on the way to any image tells its label."""
    if any(row.tumor is not None for row in opened.rows):
        return
    if any(row.slice_index is not None for row in opened.rows):
        raise UsageError(
            f"{opened.root} holds volumes whose slices have no label of their own: a folder says "
            "that a volume has a tumor, not in which slices. Write a manifest with a mask per "
            "volume, or one with a row per slice."
        )
    names = sorted({part for row in opened.rows for part in Path(row.path).parts[:-1]})
    shown = ", ".join(names[:_NAMED_IN_MESSAGE]) + (", ..." if names[_NAMED_IN_MESSAGE:] else "")
    outer = {Path(row.path).parts[0] for row in opened.rows if len(Path(row.path).parts) > 1}
    told = sorted(outer)[:_NAMED_IN_MESSAGE] or ["NAME"]
    raise UsageError(
        f"No folder in {opened.root} names a label; "
        + (f"its folders are {shown}. " if names else "its images lie in no subfolder. ")
        + "Put images into tumor and no_tumor (or yes and no, or a folder per tumor type), or say "
        f"what each of yours holds: {' '.join(f'--labels {name}=LABEL' for name in told)}, with "
        "tumor, no_tumor or a type as LABEL."
    )


def _open(source: Path, root: Path | None, reading: Reading) -> tuple[Collection, list[str]]:
    """Return what is at ``source``, and what of it was left out."""
    labels = parse_labels(reading.labels)
    if source.is_dir():
        if root is not None:
            raise UsageError(f"{source} is a folder; --root is for the paths of a manifest.")
        opened = open_collection(source, labels=labels)
        check_labels(opened)
        return opened, []
    if labels:
        raise UsageError(f"--labels is for a folder; {source} is not one, and has column tumor.")
    if not source.exists():
        raise UsageError(
            f"{source} does not exist; give a folder with a subfolder per label, or a manifest "
            "(CSV)."
        )
    if source.suffix.lower() == ".json":
        return _open_readings(source, root)
    folder = manifest_root(source, root)
    rows = expand_volumes(read_manifest(source, root=folder), folder)
    return Collection(source.stem, tuple(rows), folder), []


def _open_readings(export: Path, images: Path | None) -> tuple[Collection, list[str]]:
    if images is None or not images.is_dir():
        raise UsageError(
            f"{export} is taken for readings exported from the worklist; say with --root in which "
            "folder their images are."
        )
    found = read_feedback(export, images, name=export.stem)
    if not found.rows:
        raise UsageError(f"{export} has no reading of an image in {images}.")
    notes = [f"{count} readings left out: {reason}." for reason, count in found.left_out.items()]
    return Collection(export.stem, tuple(found.rows), images), notes


def add_patients(
    rows: Sequence[ManifestRow], root: Path, pattern: str | None
) -> tuple[list[ManifestRow], list[str]]:
    """Fill ``patient_id`` where it is empty, by the pattern or else from DICOM headers.

    Returns
    -------
    rows, notes
        In their order; and a sentence for each source of patients.

    Raises
    ------
    UsageError
        If the pattern is no regular expression, or fits no path.
    """
    known = sum(row.patient_id is not None for row in rows)
    notes = [f"{known} images have their patient from the manifest."] if known else []
    filled = list(rows)
    if pattern is not None:
        filled = _by_pattern(filled, pattern)
        found = sum(row.patient_id is not None for row in filled) - known
        notes.append(f"{found} images have their patient from the path, by {pattern!r}.")
    before = sum(row.patient_id is not None for row in filled)
    headers: dict[str, str | None] = {}
    for index, row in enumerate(filled):
        if row.patient_id is None and row.path not in headers:
            headers[row.path] = _dicom_patient(root / row.path)
        if row.patient_id is None:
            filled[index] = replace(row, patient_id=headers[row.path])
    from_dicom = sum(row.patient_id is not None for row in filled) - before
    if from_dicom:
        notes.append(f"{from_dicom} images have their patient from DICOM, as a pseudonym.")
    return filled, notes


def _by_pattern(rows: Sequence[ManifestRow], pattern: str) -> list[ManifestRow]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"--patient-pattern {pattern!r} is not a regular expression: {error}."
        ) from error
    found = [
        row if row.patient_id is not None else replace(row, patient_id=_patient(compiled, row.path))
        for row in rows
    ]
    if all(row.patient_id is None for row in found) and rows:
        raise UsageError(
            f"--patient-pattern {pattern!r} fits no path; the first is {rows[0].path!r}. Put the "
            "part that names the patient into brackets, such as '(p[0-9]+)'."
        )
    return found


def _patient(pattern: re.Pattern[str], path: str) -> str | None:
    match = pattern.search(path)
    if match is None:
        return None
    group: str | int = "patient" if "patient" in pattern.groupindex else min(1, pattern.groups)
    return match.group(group) or None


def _dicom_patient(path: Path) -> str | None:
    """Return a pseudonym of the PatientID of a DICOM file; ``None`` for all others."""
    try:
        with path.open("rb") as stream:
            stream.seek(_DICOM_PREAMBLE)
            if stream.read(len(_DICOM_MAGIC)) != _DICOM_MAGIC:
                return None
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
        patient = str(header.get("PatientID", "")).strip()
    except Exception:  # pydicom raises many kinds on damage; who reads the image says which
        return None
    return hashlib.sha256(patient.encode()).hexdigest()[:_PSEUDONYM_LENGTH] if patient else None


def _with_groups(rows: Sequence[ManifestRow], root: Path) -> tuple[list[ManifestRow], list[str]]:
    if all(row.group_id is not None for row in rows):
        return list(rows), []
    grouped = add_groups(rows, root)
    unknown = [row for row in grouped if row.patient_id is None]
    count = len({row.group_id for row in grouped} - EXCLUDED_GROUPS)
    note = f"Groups were made from the images: {len(rows)} images are {count} groups"
    if unknown:
        note += (
            f"; {len(unknown)} of them have no known patient, and only near-duplicates of them are "
            "held together: slices of one patient that differ count as independent, so intervals "
            "may be too narrow"
        )
    return grouped, [f"{note}."]


def check_usable(data: DataSet) -> None:
    """Raise :class:`ManifestError` if no row has a label."""
    if not data.labeled():
        raise ManifestError(
            f"{data.source} has no row with a label that can be used; fill column tumor with 1 or "
            "0."
        )
