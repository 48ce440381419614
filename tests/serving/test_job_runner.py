"""Jobs that are interrupted, taken over, given up, called off."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tumorscope.answer import Prediction
from tumorscope.imaging.scan import Scan
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.edge.admission import Admission
from tumorscope.serving.http_api.edge.auditing import Auditor
from tumorscope.serving.http_api.jobs import job_runner
from tumorscope.serving.http_api.jobs.job_runner import GIVEN_UP, MAX_ATTEMPTS, NO_SERIES, JobRunner
from tumorscope.serving.http_api.jobs.job_store import JobStore, StoredAnswer

WAIT_S = 120


@pytest.fixture
def config(tmp_path: Path) -> ServerConfig:
    return ServerConfig(spool=tmp_path / "spool")


@pytest.fixture
def store(config: ServerConfig) -> Iterator[JobStore]:
    store = JobStore(config)
    yield store
    store.close()


@pytest.fixture
def make_runner(config: ServerConfig, store: JobStore) -> Iterator[Callable[..., JobRunner]]:
    runners = []

    def make(classifier: Any) -> JobRunner:
        admission = Admission(max_in_flight=1, max_computing=1)
        runners.append(JobRunner(config, store, classifier, admission, Auditor(config)))
        return runners[-1]

    yield make
    for runner in runners:
        runner.stop()


class Pausing:
    """A classifier that waits before each slice once ``after`` slices are answered."""

    def __init__(self, model: Classifier, after: int) -> None:
        self._model = model
        self._left = after
        self.calls = 0
        self.reached, self.resume = threading.Event(), threading.Event()
        self.rule, self.identity = model.rule, model.identity
        self.manifest = model.manifest

    def at(self, _operating_point: str) -> "Pausing":
        return self

    def predict_scan(self, scan: Scan, *, heatmap: bool) -> Prediction:
        if self._left == 0:
            self.reached.set()
            assert self.resume.wait(WAIT_S)
        self._left -= 1
        self.calls += 1
        return self._model.predict_scan(scan, heatmap=heatmap)


def add(store: JobStore, *contents: bytes) -> str:
    job, folder = store.new_folder()
    names = [str(number) for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        (folder / name).write_bytes(content)
    uploads = [(name, f"{name}.nii") for name in names]
    store.add(job, uploads, operating_point="balanced", hold_s=0)
    return job


def test_answers_of_another_model_are_made_again(
    store: JobStore,
    make_runner: Callable[..., JobRunner],
    tiny_model: Classifier,
    volume: Callable[..., bytes],
) -> None:
    job = add(store, volume(3), volume(3))
    claimed = store.claim()
    assert claimed is not None
    before = tiny_model.at(threshold=0.125).predict(np.zeros((64, 64)) + np.eye(64))
    for number in range(4):
        stored = StoredAnswer(number, number // 3, before.to_dict(), series_uid="1")
        store.commit(job, stored, files_done=number // 3 + (number == 2))
    store.release(job)
    make_runner(tiny_model).start()
    answers = finish(store, job)
    assert [one["kind"] for one in answers] == ["image"] * 6 + ["series"] * 2
    assert {one["operating_point"]["name"] for one in answers} == {"balanced"}


def finish(store: JobStore, job: str) -> list[dict[str, Any]]:
    for _ in range(WAIT_S * 50):
        if store.get(job).state == "finished":
            return [one.answer for one in store.answers(job)]
        threading.Event().wait(0.02)
    raise AssertionError(store.get(job))


def test_interrupted_job_goes_on_after_its_last_answer(
    store: JobStore,
    make_runner: Callable[..., JobRunner],
    tiny_model: Classifier,
    volume: Callable[..., bytes],
) -> None:
    job = add(store, volume(6), volume(6))
    model = Pausing(tiny_model, after=8)
    runner = make_runner(model)
    runner.start()
    assert model.reached.wait(WAIT_S)
    stopper = threading.Thread(target=runner.stop)
    stopper.start()
    while not runner._stopping.is_set():
        pass
    model.resume.set()
    stopper.join()
    interrupted = store.get(job)
    assert (interrupted.state, interrupted.files_done) == ("queued", 1)
    assert len(store.answers(job)) == 9

    fresh = Pausing(tiny_model, after=-1)
    make_runner(fresh).start()
    answers = finish(store, job)
    assert fresh.calls == 3
    assert [(one["source"], one.get("slice_index")) for one in answers[:12]] == [
        (f"{file}.nii", index) for file in (0, 1) for index in range(6)
    ]
    assert [one["kind"] for one in answers[12:]] == ["series", "series"]
    expected = [one["outcome"] for one in answers[:6]]
    assert expected == ["no_tumor"] * 2 + ["tumor"] * 2 + ["no_tumor"] * 2


def test_file_that_kills_the_process_is_given_up(
    store: JobStore,
    make_runner: Callable[..., JobRunner],
    tiny_model: Classifier,
    volume: Callable[..., bytes],
) -> None:
    job = add(store, volume(4), volume(4))
    for _ in range(MAX_ATTEMPTS):
        store.claim()
        with store._transaction() as database:
            database.execute("UPDATE jobs SET lease = 0")
    make_runner(tiny_model).start()
    answers = finish(store, job)
    assert [one["kind"] for one in answers] == ["error"] + ["image"] * 4 + ["series"]
    assert answers[0]["error"]["type"] == "corrupt-image"


def test_series_that_cannot_be_answered_end_the_job(
    store: JobStore,
    make_runner: Callable[..., JobRunner],
    tiny_model: Classifier,
    volume: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job_runner, "_LONGEST_PAUSE_S", 0.05)

    class Undecided:
        point = tiny_model.rule.point

        def decide(self, probability: float) -> None:
            raise RuntimeError(probability)

    class WithoutRule(Pausing):
        def __init__(self, model: Classifier) -> None:
            super().__init__(model, after=-1)
            self.rule = Undecided()  # its slices have been decided by the model itself

    job = add(store, volume(3))
    model = WithoutRule(tiny_model)
    make_runner(model).start()
    while store.get(job).state != "finished":
        with store._transaction() as database:
            database.execute("UPDATE jobs SET lease = 0 WHERE files_done > 0")
        threading.Event().wait(0.02)
    answers = finish(store, job)
    assert model.calls == 3
    assert [one["kind"] for one in answers] == ["image"] * 3 + ["error"]
    assert answers[-1]["error"]["detail"] == NO_SERIES


def test_job_that_cannot_be_begun_ends(
    store: JobStore,
    make_runner: Callable[..., JobRunner],
    tiny_model: Classifier,
    volume: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def expand(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(job_runner, "expand", expand)
    job = add(store, volume(3))
    for _ in range(MAX_ATTEMPTS + 1):
        store.claim()
        with store._transaction() as database:
            database.execute("UPDATE jobs SET lease = 0")
    make_runner(tiny_model).start()
    [answer] = finish(store, job)
    assert (answer["kind"], answer["error"]["detail"]) == ("error", GIVEN_UP)


def test_cancelled_job_is_left(
    store: JobStore,
    make_runner: Callable[..., JobRunner],
    tiny_model: Classifier,
    volume: Callable[..., bytes],
) -> None:
    job = add(store, volume(6))
    model = Pausing(tiny_model, after=2)
    make_runner(model).start()
    assert model.reached.wait(WAIT_S)
    store.discard(job)
    model.resume.set()
    later = add(store, volume(3))
    assert len(finish(store, later)) == 4
    assert store.answers(job) == []
    assert not store.folder(job).exists()


def test_long_slice_keeps_its_lease(
    tmp_path: Path,
    tiny_model: Classifier,
    volume: Callable[..., bytes],
    store: JobStore,
) -> None:
    config = ServerConfig(spool=tmp_path / "spool", lease_s=0.3)
    own, other = JobStore(config), JobStore(config)
    model = Pausing(tiny_model, after=1)
    admission = Admission(max_in_flight=1, max_computing=1)
    runner = JobRunner(config, own, model, admission, Auditor(config))
    job = add(own, volume(3))
    runner.start()
    assert model.reached.wait(WAIT_S)
    threading.Event().wait(0.8)
    assert other.claim() is None
    model.resume.set()
    finish(own, job)
    runner.stop()
    own.close()
    other.close()


def test_runner_survives_a_broken_store(
    store: JobStore,
    make_runner: Callable[..., JobRunner],
    tiny_model: Classifier,
    volume: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    failures = iter([OSError("disk full"), OSError("disk full")])
    original = store.claim

    def claim() -> Any:
        for failure in failures:
            raise failure
        return original()

    monkeypatch.setattr(store, "claim", claim)
    job = add(store, volume(3))
    runner = make_runner(tiny_model)
    runner.start()
    assert len(finish(store, job)) == 4
    assert runner.is_alive
