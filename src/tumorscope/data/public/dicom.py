"""MR slices in single DICOM files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.public.conversion import FILES, ConversionFailure, Store
from tumorscope.data.public.entries import Entry
from tumorscope.errors import ImageError

_SEQUENCES: Final = {"t1post": "T1+C", "t1prereg": "T1", "flairreg": "FLAIR", "t2reg": "T2"}
"""By the description of the series, in lower case; others keep their description."""


def convert_dicom(
    name: str, entries: Iterable[Entry], store: Store
) -> Iterator[ManifestRow | ConversionFailure]:
    """Take MR slices as they are; the label stays empty, and series of masks are left out."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    for entry in entries:
        if entry.path.suffix.lower() not in (".dcm", ""):
            continue
        try:
            content = entry.read()
            header = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
        except (ImageError, InvalidDicomError, OSError, ValueError) as error:
            if entry.path.suffix:  # licences and lists of files come without one
                yield ConversionFailure(entry.path.as_posix(), f"cannot be read: {error}")
            continue
        description = str(header.get("SeriesDescription", "")).strip()
        if header.get("Modality") != "MR" or "mask" in description.lower():
            continue
        yield ManifestRow(
            set=name,
            path=store.write(PurePosixPath(FILES) / entry.path, content),
            tumor=None,
            patient_id=str(header.get("PatientID", "")).strip() or None,
            sequence=_SEQUENCES.get(description.lower(), description) or None,
            width=header.get("Columns"),
            height=header.get("Rows"),
        )
