"""Leases, answers and deletion in the store of jobs."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.full_disk import is_disk_full
from tumorscope.serving.http_api.jobs import job_store
from tumorscope.serving.http_api.jobs.job_store import JobStore, LeaseLostError, StoredAnswer


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[..., JobStore]]:
    stores = []

    def make(**settings: float) -> JobStore:
        stores.append(JobStore(ServerConfig(spool=tmp_path / "spool", **settings)))
        return stores[-1]

    yield make
    for store in stores:
        store.close()


@pytest.fixture
def store(make_store: Callable[..., JobStore]) -> JobStore:
    return make_store()


def add(store: JobStore, *names: str, hold_s: float = 0) -> str:
    job, folder = store.new_folder()
    for number, name in enumerate(names):
        (folder / str(number)).write_bytes(name.encode())
    store.add(
        job,
        [(str(n), name) for n, name in enumerate(names)],
        operating_point="balanced",
        hold_s=hold_s,
    )
    return job


def answer(number: int, *, file: int = 0, kind: str = "image") -> StoredAnswer:
    return StoredAnswer(number, file, {"kind": kind, "source": f"{number}"})


def test_folders_are_private(store: JobStore, tmp_path: Path) -> None:
    add(store, "a")
    spool = tmp_path / "spool"
    folders = [spool, *(one for one in spool.rglob("*") if one.is_dir())]
    assert {one.stat().st_mode & 0o777 for one in folders} == {0o700}
    assert (spool / "jobs.sqlite3").stat().st_mode & 0o077 == 0


def test_job_is_claimed_once_and_in_order(
    store: JobStore, make_store: Callable[..., JobStore]
) -> None:
    first, second = add(store, "a"), add(store, "b")
    assert store.claim().id == first
    assert make_store().claim().id == second
    assert store.claim() is None


def test_answers_are_read_back(store: JobStore) -> None:
    job = add(store, "a", "b")
    store.claim()
    view = {"rows": 3}
    kept = StoredAnswer(0, 0, {"kind": "image", "source": "ü"}, "1.2", 3.5, view)
    store.commit(job, kept, files_done=1)
    store.commit(job, answer(1, file=1, kind="error"), files_done=2)
    assert store.answers(job)[0] == kept
    assert store.answers(job, after=1) == [answer(1, file=1, kind="error")]
    assert store.answer(job, 1).number == 1
    assert store.answer(job, 2) is None
    snapshot = store.snapshot(job, after=1)
    assert (snapshot.job.slices, snapshot.job.failed, len(snapshot.answers)) == (2, 1, 1)
    assert store.get(job).files_done == 2


def test_snapshot_is_of_one_moment(make_store: Callable[..., JobStore]) -> None:
    worker, reader = make_store(), make_store()
    job = add(worker, "a")
    worker.claim()

    def work() -> None:
        for number in range(300):
            worker.commit(job, answer(number), files_done=0)
        worker.finish(job, [StoredAnswer(300, None, {"kind": "series"})])

    thread = threading.Thread(target=work)
    thread.start()
    state, looks = "running", 0
    while state == "running":
        snapshot = reader.snapshot(job, after=0)
        state, looks = snapshot.job.state, looks + 1
        series = 1 if state == "finished" else 0
        assert len(snapshot.answers) == snapshot.job.slices + series
    thread.join()
    assert looks > 3


def test_lost_lease_cannot_commit(make_store: Callable[..., JobStore]) -> None:
    slow, other = make_store(lease_s=0.0), make_store()
    job = add(slow, "a")
    assert slow.claim().id == job
    slow.commit(job, answer(0), files_done=0)
    assert other.claim().id == job
    for act in (
        lambda: slow.commit(job, answer(1), files_done=0),
        lambda: slow.renew(job),
        lambda: slow.finish(job, []),
        lambda: slow.release(job),
    ):
        with pytest.raises(LeaseLostError):
            act()
    other.commit(job, answer(1), files_done=1)
    assert [one.number for one in other.answers(job)] == [0, 1]


def test_renewed_lease_is_not_taken_over(make_store: Callable[..., JobStore]) -> None:
    store, other = make_store(lease_s=60.0), make_store()
    job = add(store, "a")
    store.claim()
    store.renew(job)
    assert other.claim() is None


@pytest.mark.parametrize("hours", [-1, 1])
def test_job_of_a_dead_process_is_taken_over_after_the_clock_was_set(
    make_store: Callable[..., JobStore], monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    dead, other = make_store(), make_store()
    job = add(dead, "a")
    dead.claim()
    now = time.time() + 3600 * hours
    monkeypatch.setattr(job_store.time, "time", lambda: now)
    assert other.claim().id == job


def test_attempts_count_deaths_without_an_answer(make_store: Callable[..., JobStore]) -> None:
    store = make_store(lease_s=-1.0)
    job = add(store, "a")
    assert [store.claim().attempts for _ in range(3)] == [1, 2, 3]
    store.commit(job, answer(0), files_done=0)
    assert store.claim().attempts == 1


def test_released_job_is_claimed_again(store: JobStore) -> None:
    job = add(store, "a")
    store.claim()
    store.release(job)
    assert store.claim().id == job


def test_finish_deletes_the_uploads(store: JobStore) -> None:
    job = add(store, "a", "b")
    store.claim()
    store.finish(job, [StoredAnswer(0, None, {"kind": "series"})])
    assert store.get(job).state == "finished"
    assert store.uploads(job) == []
    assert list(store.folder(job).iterdir()) == []
    assert store.load() == (0, len('{"kind": "series"}'))  # answers that are kept take room, too


def test_discarded_job_leaves_no_trace(store: JobStore, tmp_path: Path) -> None:
    job = add(store, "Jane^Doe.dcm")
    store.claim()
    named = StoredAnswer(0, 0, {"kind": "image", "source": "Jane^Doe.dcm"})
    store.commit(job, named, files_done=1)
    assert store.discard(job)
    assert not store.discard(job)
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert files
    assert not [one for one in files if b"Jane" in one.read_bytes()]


def test_deleted_rows_are_overwritten_whatever_sqlite_was_built_with(store: JobStore) -> None:
    # Whether text is left behind depends on the pages that are used again, so ask for the setting.
    assert store._database.execute("PRAGMA secure_delete").fetchone()[0] == 1


def test_hold_is_prolonged_by_looking(make_store: Callable[..., JobStore]) -> None:
    store = make_store(expiry_s=0.0, keep_results_s=0)
    held, left = add(store, "a", hold_s=60), add(store, "b")
    for job in (held, left):
        store.claim()
        store.finish(job, [])
    store.get(held)
    assert store.sweep() == 1
    assert store.get(held) is not None
    assert store.get(left) is None


def test_folder_of_a_broken_upload_is_swept(make_store: Callable[..., JobStore]) -> None:
    store = make_store(upload_timeout_s=0.0)
    queued = add(store, "a")
    _, broken = store.new_folder()
    store.sweep()
    assert store.folder(queued).exists()
    assert not broken.exists()


def test_folder_that_goes_while_it_is_looked_at_is_no_fault(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter([folder / "gone"]))
    monkeypatch.setattr(Path, "glob", lambda folder, _: iter([folder / ".backup.gone"]))
    assert store.sweep() == 0


def test_list_of_jobs_reads_no_answers(store: JobStore) -> None:
    job = add(store, "a")
    store.claim()
    store.commit(job, answer(0), files_done=0)
    store.commit(job, answer(1, kind="error"), files_done=1)
    store.finish(job, [StoredAnswer(2, None, {"kind": "error"})])
    statements: list[str] = []
    store._database.set_trace_callback(statements.append)
    [listed] = store.page(None, before=None, limit=10)
    store._database.set_trace_callback(None)
    assert (listed.job.slices, listed.job.failed) == (2, 1)
    assert not [one for one in statements if "answers" in one]


def test_answers_that_are_forgotten_are_not_counted(store: JobStore) -> None:
    job = add(store, "a")
    store.claim()
    store.commit(job, answer(0, kind="error"), files_done=1)
    store.restart(job)
    assert (store.get(job).slices, store.get(job).failed) == (0, 0)


def test_upload_under_way_is_not_swept(store: JobStore) -> None:
    _, folder = store.new_folder()
    store.sweep()
    assert folder.exists()


def test_many_processes_share_the_queue(make_store: Callable[..., JobStore]) -> None:
    stores = [make_store() for _ in range(4)]
    jobs = {add(stores[0], str(number)) for number in range(20)}
    claimed: list[str] = []

    def take(store: JobStore) -> None:
        while (job := store.claim()) is not None:
            claimed.append(job.id)

    threads = [threading.Thread(target=take, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(jobs)


def test_spool_of_an_earlier_version_is_taken_over(
    make_store: Callable[..., JobStore], tmp_path: Path
) -> None:
    store = make_store()
    job = add(store, "a")
    store.close()
    with closing(sqlite3.connect(tmp_path / "spool" / "jobs.sqlite3")) as database:
        database.execute("ALTER TABLE jobs DROP COLUMN caller")
        database.execute("DROP TABLE repeats")
    assert make_store().claim().id == job


def test_pictures_count_against_the_spool(store: JobStore) -> None:
    job = add(store, "a")
    assert store.claim().id == job
    pictures = store.folder(job) / "pictures"
    pictures.mkdir()
    (pictures / "0.png").write_bytes(bytes(1000))
    store.finish(job, [])
    assert store.load() == (0, 1000)


def test_full_disk_is_told_as_what_it_is(store: JobStore) -> None:
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages + 8}")
    with pytest.raises(sqlite3.OperationalError) as raised:
        add(store, *(f"{number}{'x' * 200}" for number in range(2000)))
    assert is_disk_full(raised.value)
    store._database.execute("PRAGMA max_page_count = 100000")
    assert store.get(add(store, "a")).state == "queued"
