"""Studies from a PACS by QIDO-RS and WADO-RS, a series at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.uid import ExplicitVRLittleEndian

from tumorscope.errors import TumorscopeError
from tumorscope.serving.dicom.delivery import web_client, without_password

MODALITY: Final = "MR"
_AS_STORED: Final = (("application/dicom", "*"),)
"""In whatever transfer syntax the PACS has it, rather than decompressed by it."""
MAX_INSTANCES: Final = 20_000
"""Of one series; the disk is not the PACS's to fill."""


class PullError(TumorscopeError):
    """The PACS cannot be asked, or did not give what it was asked for."""


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series that the PACS has."""

    study_instance_uid: str
    series_instance_uid: str


@dataclass(frozen=True, slots=True)
class PulledSeries:
    """A series on the disk: its files with their SOP Instance UIDs."""

    found: FoundSeries
    images: Mapping[Path, str]


class Puller:
    """Asks a PACS for studies and brings their MR series.

    Parameters
    ----------
    url
        Of the DICOMweb service.

    Raises
    ------
    UsageError
        If it is no URL.
    """

    def __init__(self, url: str) -> None:
        self._client: DICOMwebClient = web_client(url)
        self._name = without_password(url)

    def find(self, filters: Mapping[str, str], *, limit: int) -> Iterator[FoundSeries]:
        """Yield the MR series of the studies that fit, in the order of the PACS.

        Parameters
        ----------
        filters
            Of QIDO-RS, by keyword, such as ``{"StudyDate": "20260101-20260131"}``.
        limit
            Studies at most.

        Raises
        ------
        PullError
            If the PACS cannot be asked.
        """
        with self._asked():
            studies = self._client.search_for_studies(search_filters=dict(filters), limit=limit)
        for study in studies[:limit]:
            study_uid = _value(study, "0020000D")
            if study_uid is None:
                continue
            with self._asked():
                series = self._client.search_for_series(
                    study_uid, search_filters={"Modality": MODALITY}
                )
            for one in series:
                series_uid = _value(one, "0020000E")
                # Not every PACS filters by modality.
                if series_uid is not None and _value(one, "00080060") in (None, MODALITY):
                    yield FoundSeries(study_uid, series_uid)

    @contextmanager
    def bring(self, found: FoundSeries) -> Iterator[PulledSeries]:
        """Bring a series into a temporary folder, and remove it at the end.

        Raises
        ------
        PullError
            If it cannot be had, or has no end.
        """
        with tempfile.TemporaryDirectory(prefix="tumorscope-pull-") as folder:
            images: dict[Path, str] = {}
            with self._asked():
                for ds in self._client.iter_series(
                    found.study_instance_uid, found.series_instance_uid, media_types=_AS_STORED
                ):
                    if len(images) == MAX_INSTANCES:
                        raise PullError(f"A series has more than {MAX_INSTANCES:,} instances.")
                    path = Path(folder) / f"{len(images):05d}.dcm"
                    _save(ds, path)
                    images[path] = str(ds.get("SOPInstanceUID") or path.name)
            yield PulledSeries(found, images)

    @contextmanager
    def _asked(self) -> Iterator[None]:
        try:
            yield
        except requests.HTTPError as error:
            status = None if error.response is None else error.response.status_code
            raise PullError(f"{self._name} answered HTTP {status}.") from error
        except requests.RequestException as error:
            raise PullError(
                f"{self._name} cannot be reached ({type(error).__name__}); is it the address of a "
                "DICOMweb service?"
            ) from error


def _save(ds: pydicom.Dataset, path: Path) -> None:
    if "TransferSyntaxUID" not in ds.file_meta:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, ds, enforce_file_format=True)


def _value(found: Mapping[str, Any], tag: str) -> str | None:
    """Return the first value of an attribute of the DICOM JSON model."""
    values = (found.get(tag) or {}).get("Value") or []
    return str(values[0]) if values else None
