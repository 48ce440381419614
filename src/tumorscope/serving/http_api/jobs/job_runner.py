"""The thread of each process that works jobs off."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

from tumorscope.answer import Failure, Prediction, SeriesPrediction, StudyPrediction
from tumorscope.errors import CorruptImageError, ImageTooLargeError
from tumorscope.imaging.inputs.sources import SourceFile, expand
from tumorscope.imaging.scan import ReadFailure, Scan
from tumorscope.model.classifier import Classifier, SeriesCollector
from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.full_disk import is_disk_full, log_full_disk
from tumorscope.serving.http_api.base.logs import log_crash, log_event
from tumorscope.serving.http_api.edge.admission import Admission
from tumorscope.serving.http_api.edge.auditing import Auditor, summary
from tumorscope.serving.http_api.jobs.answering import (
    NOT_PROCESSED,
    Sources,
    answer_scan,
    listed,
    read_scans,
)
from tumorscope.serving.http_api.jobs.job_store import (
    JobStore,
    LeaseLostError,
    StoredAnswer,
    StoredJob,
)
from tumorscope.serving.http_api.jobs.pictures import describe_slice, save_pictures
from tumorscope.serving.http_api.jobs.stored_answers import (
    are_of_other_model,
    audited,
    collect_series,
    store_member,
)
from tumorscope.serving.http_api.jobs.subjects import subjects_of_scans
from tumorscope.serving.pseudonyms import Kind

PICTURES: Final = "pictures"
"""Folder of a held job's pictures, inside the job's own."""

_POLL_S: Final = 0.2
"""How soon a job is begun that another process has taken in."""

_LONGEST_PAUSE_S: Final = 30.0
"""Between two tries while the disk is full."""

_SWEEP_EVERY_S: Final = 10.0
"""Between two searches for what has expired, however much there is to do."""

MAX_ATTEMPTS: Final = 6
"""Times in a row that a process may die over one slice before its file is given up. A file that
kills its reader does so every time. A service that is killed for other reasons, and so busy that
every third kill comes before the next slice is answered, gives up one file in 3 ** 6. Then, too,
the answers for the series are given up, and a job ends."""

GIVEN_UP: Final = (
    "The rest of the job could not be processed and was left out; single answers remain valid."
)

NO_SERIES: Final = "The slices could not be combined into series; single answers remain valid."


class JobRunner:
    """Works off jobs, one at a time, beside the image requests of its process."""

    def __init__(
        self,
        config: ServerConfig,
        store: JobStore,
        classifier: Classifier,
        admission: Admission,
        auditor: Auditor,
    ) -> None:
        self._config = config
        self._store = store
        self._classifier = classifier
        self._admission = admission
        self._auditor = auditor
        self._next_sweep = 0.0
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether jobs are being worked off."""
        return self._thread.is_alive() and not self._stopping.is_set()

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def wake(self) -> None:
        """Look for a job now."""
        self._wake.set()

    def stop(self, timeout_s: float = 20.0) -> None:
        """Finish the slice at hand, give the job back to the queue, and end."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        pause = _POLL_S
        while not self._stopping.is_set():
            try:
                if self._step():
                    pause = _POLL_S
                    continue
            # Whatever it is, for instance a full disk, a later poll may succeed.
            except Exception as error:
                log_full_disk() if is_disk_full(error) else log_crash(error)
                pause = min(2 * pause, _LONGEST_PAUSE_S)
                self._stopping.wait(pause)
                continue
            pause = _POLL_S
            self._wake.wait(_POLL_S)
            self._wake.clear()

    def _step(self) -> bool:
        """Work off the next job, after sweeping now and then; tell whether there was a job."""
        now = time.monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_EVERY_S
            metrics.JOBS.labels("expired").inc(self._store.sweep())
        job = self._store.claim()
        if job is not None:
            self._work(job)
        return job is not None

    def _work(self, job: StoredJob) -> None:
        log_event("job-begun", attempt=job.attempts)
        if job.attempts > MAX_ATTEMPTS + 1:
            self._give_up(job)
            return
        try:
            with self._leased(job.id):
                finished = _JobRun(
                    job,
                    store=self._store,
                    config=self._config,
                    classifier=self._classifier_for(job),
                    admission=self._admission,
                    stopping=self._stopping,
                    auditor=self._auditor,
                ).run()
        except LeaseLostError:
            if self._store.get(job.id) is None:
                self._store.discard(job.id)
            metrics.JOBS.labels("lost").inc()
            log_event("job-lost")
            return
        except Exception as error:
            if is_disk_full(error):
                # What is not the job's fault does not count as an attempt at it.
                with suppress(LeaseLostError, sqlite3.Error):
                    self._store.release(job.id)
            raise
        if finished:
            metrics.JOBS.labels("finished").inc()
            log_event("job-finished")
        else:
            self._store.release(job.id)
            log_event("job-released")

    def _give_up(self, job: StoredJob) -> None:
        """End a job whose attempts fail although the file or series at hand was left out."""
        first = next(name for _, name in self._store.uploads(job.id))
        left_out = Failure(first, CorruptImageError(GIVEN_UP))
        self._store.finish(job.id, [StoredAnswer(job.slices, None, left_out.to_dict())])
        metrics.JOBS.labels("finished").inc()
        log_event("job-given-up")

    def _classifier_for(self, job: StoredJob) -> Classifier:
        """Return the classifier at the job's point, which the model of before may have had."""
        if job.threshold is not None:
            return self._classifier.at(threshold=job.threshold)
        if job.operating_point not in self._classifier.manifest.operating_points:
            return self._classifier
        return self._classifier.at(job.operating_point)

    @contextmanager
    def _leased(self, job: str) -> Iterator[None]:
        """Renew the lease while a job is worked on: one file may take longer than the lease."""
        ended = threading.Event()

        def renew() -> None:
            while not ended.wait(self._config.lease_s / 3):
                # A full disk is told by what the job itself writes.
                with suppress(LeaseLostError, sqlite3.Error):
                    self._store.renew(job)

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


class _JobRun:
    """One job from its first unanswered slice to its end."""

    def __init__(  # noqa: PLR0913  keyword-only
        self,
        job: StoredJob,
        *,
        store: JobStore,
        config: ServerConfig,
        classifier: Classifier,
        admission: Admission,
        stopping: threading.Event,
        auditor: Auditor,
    ) -> None:
        self._auditor = auditor
        self._job = job
        self._store = store
        self._config = config
        self._classifier = classifier
        self._admission = admission
        self._stopping = stopping
        self._pictures = store.folder(job.id) / PICTURES
        known = store.answers(job.id)
        if are_of_other_model(known, classifier.identity, classifier.rule.point):
            store.restart(job.id)
            self._job, known = replace(job, files_done=0), []
            log_event("job-restarted")
        self._number = len(known)
        self._skip = sum(1 for one in known if one.file == self._job.files_done)
        self._subjects: set[tuple[Kind, str]] = set()
        self._series: dict[tuple[str, str | None], int] = {}
        for one in known:
            self._series_number(one.series_uid, (one.view or {}).get("study_instance_uid"))

    def run(self) -> bool:
        """Answer all slices; tell whether the job came to its end."""
        files = sum(1 for _ in self._sources())
        self._store.begin(self._job.id, files)
        for index, source in enumerate(self._sources()):
            if index >= self._job.files_done and not self._answer_file(index, source):
                return False
        self._finish()
        return True

    def _sources(self) -> Sources:
        for path, name in self._store.uploads(self._job.id):
            for source in listed(expand([path], self._config.limits), str(path)):
                yield _renamed(source, str(path), name)

    def _answer_file(self, index: int, source: SourceFile | ReadFailure) -> bool:
        """Answer the slices of one file that are not answered; tell whether all are now."""
        skip = self._skip if index == self._job.files_done else 0
        scans = self._read(index, source, room=self._config.max_job_slices - self._number + skip)
        if isinstance(scans, Failure):
            self._commit(index, scans, is_last=True)
            return True
        for place, scan in enumerate(scans):
            if self._stopping.is_set():
                return False
            if place >= skip:
                self._answer_slice(index, scan, is_last=place == len(scans) - 1)
        return True

    def _read(
        self, index: int, source: SourceFile | ReadFailure, *, room: int
    ) -> list[Scan] | Failure:
        name = source.name if isinstance(source, SourceFile) else source.source
        if index == self._job.files_done and self._job.attempts > MAX_ATTEMPTS:
            return Failure(name, CorruptImageError(f"{NOT_PROCESSED} It was left out."))
        scans = read_scans(source, limits=self._config.limits, admission=self._admission)
        if not isinstance(scans, Failure) and len(scans) > room:
            most = self._config.max_job_slices
            limit = f"One job may hold {most:,} slices; send the rest as another."
            return Failure(name, ImageTooLargeError(limit))
        if isinstance(source, SourceFile) and not isinstance(scans, Failure):
            self._note_subjects(source, scans)
        return scans

    def _note_subjects(self, source: SourceFile, scans: list[Scan]) -> None:
        """Keep whose scans these are, as hashes, before an answer is."""
        said = subjects_of_scans(source, scans, self._auditor.pseudonyms, self._config.limits)
        if new := said - self._subjects:
            self._store.add_subjects(self._job.id, new)
            self._subjects |= new

    def _answer_slice(self, index: int, scan: Scan, *, is_last: bool) -> None:
        held = self._job.hold_s > 0
        answer = answer_scan(self._classifier, scan, heatmap=held, admission=self._admission)
        view = None
        if isinstance(answer, Prediction):
            series = self._series_number(scan.series_uid, scan.study_uid)
            view = describe_slice(scan) | {"series": series}
            if held:
                save_pictures(scan, answer.evidence, folder=self._pictures, number=self._number)
        self._commit(index, answer, scan=scan, view=view, is_last=is_last)

    def _series_number(self, uid: str | None, study: str | None) -> int | None:
        return None if uid is None else self._series.setdefault((uid, study), len(self._series))

    def _commit(
        self,
        index: int,
        answer: Prediction | Failure,
        *,
        is_last: bool,
        scan: Scan | None = None,
        view: dict[str, Any] | None = None,
    ) -> None:
        stored = StoredAnswer(
            number=self._number,
            file=index,
            answer=answer.to_dict(),
            series_uid=None if scan is None else scan.series_uid,
            position_mm=None if scan is None else scan.position_mm,
            view=view,
            member=None if scan is None else store_member(scan.member),
        )
        self._store.commit(self._job.id, stored, files_done=index + 1 if is_last else index)
        self._number += 1

    def _finish(self) -> None:
        series = [
            StoredAnswer(self._number + place, None, one.to_dict())
            for place, one in enumerate(self._answers_of_series())
        ]
        known = audited(self._store.answers(self._job.id))
        self._auditor.write(
            "job-answer",
            by=self._job.caller,
            job=self._auditor.pseudonyms.of("job", self._job.id),
            **summary(*known, self._auditor.pseudonyms),
        )
        self._store.finish(self._job.id, series)

    def _answers_of_series(self) -> list[SeriesPrediction | StudyPrediction | Failure]:
        # As with a file: the attempts counted are those at what was not answered when they began.
        if self._job.attempts > MAX_ATTEMPTS and self._job.files_done == self._job.files:
            first = next(name for _, name in self._store.uploads(self._job.id))
            return [Failure(first, CorruptImageError(NO_SERIES))]
        collector = SeriesCollector(self._classifier)
        collect_series(collector, self._store.answers(self._job.id))
        return list(collector.answers())


def _renamed(source: SourceFile | ReadFailure, path: str, name: str) -> SourceFile | ReadFailure:
    """Give a file of the spool the name that it was uploaded under."""
    if isinstance(source, ReadFailure):
        return ReadFailure(source.source.replace(path, name, 1), source.error)
    return SourceFile(source.name.replace(path, name, 1), source.read, source.companion)
