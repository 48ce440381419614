"""Whose scans a job holds, as keyed hashes: so that it can be found again to be deleted."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tumorscope.errors import ImageError
from tumorscope.imaging.formats.table import GZIP_MAGIC
from tumorscope.imaging.inputs.gzipped import gunzip
from tumorscope.imaging.inputs.sources import SourceFile, expand
from tumorscope.imaging.limits import Limits
from tumorscope.imaging.scan import Scan
from tumorscope.serving.http_api.base.config import SERVER_LIMITS
from tumorscope.serving.http_api.jobs.job_store import JobStore
from tumorscope.serving.pseudonyms import Kind, Pseudonyms

Subjects = frozenset[tuple[Kind, str]]
_NOBODY: Final[Subjects] = frozenset()


def subjects_of_scans(
    source: SourceFile, scans: Collection[Scan], pseudonyms: Pseudonyms, limits: Limits
) -> Subjects:
    """Return the hashes of studies and patient of a file that was read; none if it is no DICOM."""
    studies = {scan.study_uid for scan in scans if scan.study_uid}
    if not studies and not any(scan.sop_instance_uid for scan in scans):
        return _NOBODY
    of_studies: Subjects = frozenset(("study", pseudonyms.of("study", uid)) for uid in studies)
    return of_studies | _of_file(source, pseudonyms, limits)


@dataclass(frozen=True, slots=True)
class Purge:
    """What is to be deleted; exactly one of these is given.

    Attributes
    ----------
    study
        Study Instance UID.
    patient_hash
        As ``tumorscope audit hash`` gives it.
    older_than_s
        Age of a job, in seconds since it was made.
    """

    study: str | None = None
    patient_hash: str | None = None
    older_than_s: float | None = None

    def jobs(self, store: JobStore, pseudonyms: Pseudonyms) -> list[str]:
        """Return the jobs that fall under it, whole: those of several studies, too.

        Jobs that wait are looked through; what is no DICOM says of nobody.
        """
        if self.older_than_s is not None:
            return sorted(store.jobs_before(time.time() - self.older_than_s))
        kind: Kind = "patient" if self.study is None else "study"
        hashed = self.patient_hash or pseudonyms.of("study", self.study or "")
        found = set(store.jobs_about(kind, hashed))
        if self.study is not None:
            found |= set(store.jobs_of_study(self.study))
        for job in store.unanswered():
            if job not in found and (kind, hashed) in _of_uploads(store, job, pseudonyms):
                found.add(job)
        return sorted(found)


def _of_uploads(store: JobStore, job: str, pseudonyms: Pseudonyms) -> Subjects:
    found = _NOBODY
    for path, _ in store.uploads(job):
        for source in _files(path):
            found |= _of_file(source, pseudonyms, SERVER_LIMITS)
    return found


def _files(path: object) -> Iterator[SourceFile]:
    # What cannot be read says nothing; a job that ended meanwhile has no files any more.
    with suppress(ImageError, OSError):
        for source in expand([str(path)], SERVER_LIMITS):
            if isinstance(source, SourceFile):
                yield source


def _of_file(source: SourceFile, pseudonyms: Pseudonyms, limits: Limits) -> Subjects:
    with suppress(ImageError, OSError):
        content = source.read()
        if content.startswith(GZIP_MAGIC):
            content = gunzip(content, source.name, limits)
        return pseudonyms.of_header(content)
    return _NOBODY
