"""What was acknowledged is answered once, and what was made is sent once, whatever happens."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import generate_uid
from pynetdicom import AE, AllStoragePresentationContexts, build_role, evt
from pynetdicom.sop_class import StorageCommitmentPushModel

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")

from tests.serving.dicom.attacks import listening
from tests.serving.dicom.made_series import make_series
from tests.serving.dicom.orthanc import free_port, wait_until_open
from tests.serving.dicom.test_node import associate, send
from tumorscope.errors import UsageError
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom import node as node_module
from tumorscope.serving.dicom.answer_file import AnswerFile
from tumorscope.serving.dicom.calls import Caller
from tumorscope.serving.dicom.config import NodeConfig
from tumorscope.serving.dicom.delivery import DeliveryError, StoreReceiver, StowReceiver
from tumorscope.serving.dicom.node import DicomNode
from tumorscope.serving.dicom.origin import Origin
from tumorscope.serving.dicom.series_store import MAX_ATTEMPTS, KeptSeries, SeriesStore
from tumorscope.serving.dicom.store_and_forward import StoreAndForward

MakeDicom = Callable[..., FileDataset]
Head = Callable[..., np.ndarray]
ORIGIN = Origin(calling_ae_title="SENDER", study_instance_uid="1.2", series_instance_uid="1.3")


@pytest.fixture(scope="module")
def classifier(tiny_artifact: Artifact) -> Classifier:
    return Classifier(tiny_artifact, threads=1)


class Pacs:
    """A receiver in memory, which may be down or refuse."""

    name = "PACS"

    def __init__(self, *, commits: bool = False) -> None:
        self.received: list[pydicom.Dataset] = []
        self.down = False
        self.refuses = 0
        self.commits = commits
        self.asked: list[tuple[list[str], str]] = []

    def ask(self, files: Sequence[Path], transaction: str, report: Any) -> None:
        if self.down:
            raise DeliveryError("down")
        self.asked.append(
            ([str(pydicom.dcmread(one).SOPInstanceUID) for one in files], transaction)
        )

    def send(
        self, files: Sequence[Path], done: Callable[[int, DeliveryError | None], None]
    ) -> None:
        if self.down:
            raise DeliveryError("down")
        for place, file in enumerate(files):
            if self.refuses:
                self.refuses -= 1
                done(place, DeliveryError("refused"))
                continue
            self.received.append(pydicom.dcmread(file))
            done(place, None)


class Clock:
    def __init__(self) -> None:
        self.now = 1e9

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(
        "tumorscope.serving.dicom.store_and_forward.SeriesStore",
        lambda folder: SeriesStore(folder, clock),
    )
    return clock


@pytest.fixture
def start(tmp_path: Path, classifier: Classifier) -> Iterator[Callable[..., StoreAndForward]]:
    opened = []

    def make(pacs: Pacs | None = None, *, after_s: float = 1.0) -> StoreAndForward:
        lines: list[str] = []
        one = StoreAndForward(
            classifier,
            tmp_path / "store",
            after_s=after_s,
            write=lines.extend,
            kinds=("sr", "seg"),
            receivers=[] if pacs is None else [pacs],
        )
        one.written = lines  # type: ignore[attr-defined]
        opened.append(one)
        return one

    yield make
    for one in opened:
        one._store.close()


def encoded(ds: FileDataset, encode: Callable[..., bytes]) -> tuple[str, str, bytes, str]:
    return str(ds.SOPInstanceUID), str(ds.SeriesInstanceUID), encode(ds), "digest"


def test_a_series_is_answered_after_a_restart(
    start: Any, clock: Clock, make_head: Head, make_dicom: MakeDicom, encode_dicom: Any
) -> None:
    first = start()
    for ds in make_series(make_head, make_dicom, count=3):
        assert first.keep(*encoded(ds, encode_dicom), ORIGIN) == "new"
        assert first.keep(*encoded(ds, encode_dicom), ORIGIN) == "again"
    assert not first.answer_one(), "more may come"
    first._store.close()
    clock.now += 2
    pacs = Pacs()
    second = start(pacs)
    assert not second.answer_one(), "nobody could send while no node ran"
    clock.now += 2
    assert second.answer_one()
    assert not second.answer_one()
    second._write_lines()
    answers = [json.loads(line) for line in second.written]
    assert [one["kind"] for one in answers] == ["image"] * 3 + ["series"]
    assert answers[0]["source"] == answers[0]["sop_instance_uid"]
    assert answers[-1]["most_suspicious"][0]["source"] in {one["source"] for one in answers}
    assert answers[-1]["calling_ae_title"] == "SENDER"
    second._delivery.send_due(pacs)
    assert [one.Modality for one in pacs.received] == ["SR", "SEG"]
    second._delivery.send_due(pacs)
    assert len(pacs.received) == 2
    assert not list((second._store._folder / "results").iterdir())


def test_a_late_slice_is_answered_with_the_others(
    start: Any, clock: Clock, make_head: Head, make_dicom: MakeDicom, encode_dicom: Any
) -> None:
    one = start()
    *early, late = make_series(make_head, make_dicom, count=3)
    for ds in early:
        one.keep(*encoded(ds, encode_dicom), ORIGIN)
    clock.now += 2
    one.answer_one()
    one.keep(*encoded(late, encode_dicom), ORIGIN)
    clock.now += 2
    assert one.answer_one()
    one._write_lines()
    series = [json.loads(line) for line in one.written if '"kind": "series"' in line]
    assert [answer["slices"] for answer in series] == [2, 3]
    clock.now += 3601
    one._store.forget_images()
    assert not list((one._store._folder / "images").iterdir())
    assert one.keep(*encoded(late, encode_dicom), ORIGIN) == "again"


def test_results_wait_for_a_receiver_that_is_down(
    start: Any, clock: Clock, make_head: Head, make_dicom: MakeDicom, encode_dicom: Any
) -> None:
    pacs = Pacs()
    pacs.down = True
    one = start(pacs)
    for ds in make_series(make_head, make_dicom, count=2):
        one.keep(*encoded(ds, encode_dicom), ORIGIN)
    clock.now += 2
    one.answer_one()
    one._delivery.send_due(pacs)
    pacs.down, pacs.refuses = False, 1
    one._delivery.send_due(pacs)
    assert pacs.received == [], "not yet"
    clock.now += 5
    one._delivery.send_due(pacs)
    assert len(pacs.received) == 1
    clock.now += 10
    one._delivery.send_due(pacs)
    assert len(pacs.received) == 2
    assert one._store.count()["waiting"] == 0


def test_a_process_killed_between_sending_and_marking_sends_the_same_instances(
    start: Any, clock: Clock, make_head: Head, make_dicom: MakeDicom, encode_dicom: Any
) -> None:
    pacs = Pacs()
    one = start(pacs)
    for ds in make_series(make_head, make_dicom, count=2):
        one.keep(*encoded(ds, encode_dicom), ORIGIN)
    clock.now += 2
    one.answer_one()
    files = [waiting.file for waiting in one._store.waiting("PACS")]
    pacs.send(files, lambda *_: None)  # and killed
    one._store.close()
    again = start(pacs)
    again._delivery.send_due(pacs)
    uids = [ds.SOPInstanceUID for ds in pacs.received]
    assert len(uids) == 4
    assert len(set(uids)) == 2


def commitment(transaction: str, committed: list[str], failed: list[str]) -> pydicom.Dataset:
    """Event information of a report on storage commitment."""

    def references(uids: list[str]) -> list[pydicom.Dataset]:
        found = []
        for uid in uids:
            one = pydicom.Dataset()
            one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = "1.2.840.10008.1.1", uid
            found.append(one)
        return found

    information = pydicom.Dataset()
    information.TransactionUID = transaction
    information.ReferencedSOPSequence = references(committed)
    if failed:
        information.FailedSOPSequence = references(failed)
    return information


def test_a_result_is_kept_until_its_receiver_commits_to_it(
    start: Any, clock: Clock, make_head: Head, make_dicom: MakeDicom, encode_dicom: Any
) -> None:
    pacs = Pacs(commits=True)
    one = start(pacs)
    for ds in make_series(make_head, make_dicom, count=2):
        one.keep(*encoded(ds, encode_dicom), ORIGIN)
    clock.now += 2
    one.answer_one()
    one._delivery.send_due(pacs)
    [(uids, transaction)] = pacs.asked
    assert [ds.SOPInstanceUID for ds in pacs.received] == uids
    results = one._store._folder / "results"
    assert len(list(results.iterdir())) == 2, "stored, and not committed to"
    one._delivery.send_due(pacs)
    assert len(pacs.asked) == 1, "it has its time"
    one.take_report(commitment("2.25.1", uids, []))
    assert one._store.count()["waiting"] == 2, "of a transaction that nobody asked for"
    one.take_report(commitment(transaction, uids[:1], uids[1:]))
    assert len(list(results.iterdir())) == 1
    clock.now += 6
    one._delivery.send_due(pacs)
    assert [ds.SOPInstanceUID for ds in pacs.received] == [*uids, uids[1]], "sent again"
    assert pacs.asked[1][0] == uids[1:]
    clock.now += 601
    one._store.close()
    again = start(pacs)
    again._delivery.send_due(pacs)
    assert len(pacs.received) == 3, "asked again, not sent again"
    assert len(pacs.asked) == 3
    again.take_report(commitment(pacs.asked[2][1], uids[1:], []))
    assert again._store.count()["waiting"] == 0
    assert not list(results.iterdir())


def test_a_store_of_before_gets_its_columns(tmp_path: Path) -> None:
    SeriesStore(tmp_path / "store").close()
    with closing(sqlite3.connect(tmp_path / "store" / "node.sqlite")) as db:
        db.execute("ALTER TABLE outbox DROP COLUMN stored")
        db.execute("ALTER TABLE outbox DROP COLUMN asked")
        db.commit()
    store = SeriesStore(tmp_path / "store")
    assert store.waiting("PACS") == []
    store.close()


class CommittingPacs:
    """A PACS that reports on storage commitment, in the same association or one of its own."""

    def __init__(self, way: str) -> None:
        self.stored: list[str] = []
        self.reports: list[int] = []
        self.node_port = 0
        self._way = way
        ae = AE(ae_title="PACS")
        ae.supported_contexts = AllStoragePresentationContexts
        ae.add_supported_context(StorageCommitmentPushModel)
        self._ae = ae

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Yield the port."""
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_N_ACTION, self._commit)]
        with listening(self._ae, 0, handlers) as port:
            yield port

    def _store(self, event: Any) -> int:
        self.stored.append(str(event.request.AffectedSOPInstanceUID))
        return 0

    def _commit(self, event: Any) -> tuple[int, None]:
        asked = event.action_information
        report = pydicom.Dataset()
        report.TransactionUID = asked.TransactionUID
        report.ReferencedSOPSequence = asked.ReferencedSOPSequence
        threading.Thread(target=self._report, args=(event.assoc, report)).start()
        return 0, None

    def _report(self, association: Any, report: pydicom.Dataset) -> None:
        time.sleep(0.3)
        of_its_own = self._way == "new association"
        if of_its_own:
            ae = Caller(ae_title="PACS")
            ae.add_requested_context(StorageCommitmentPushModel)
            roles = [build_role(StorageCommitmentPushModel, scp_role=True)]
            association = ae.associate(
                "127.0.0.1", self.node_port, ext_neg=roles, ae_title="TUMORSCOPE"
            )
        status, _ = association.send_n_event_report(
            report, 1, StorageCommitmentPushModel, "1.2.840.10008.1.20.1.1"
        )
        self.reports.append(status.get("Status", -1))
        if of_its_own:
            association.release()


@pytest.fixture(params=["same association", "new association"])
def committing_pacs(request: pytest.FixtureRequest) -> Iterator[tuple[CommittingPacs, int]]:
    pacs = CommittingPacs(request.param)
    with pacs.listening() as port:
        yield pacs, port


def test_a_receiver_is_asked_for_storage_commitment(
    committing_pacs: tuple[CommittingPacs, int],
    classifier: Classifier,
    tmp_path: Path,
    make_head: Head,
    make_dicom: MakeDicom,
) -> None:
    pacs, port = committing_pacs
    receiver = StoreReceiver("PACS", "127.0.0.1", port, "TUMORSCOPE", commits=True)
    forward = StoreAndForward(
        classifier, tmp_path / "store", after_s=0.3, write=lambda _: None, kinds=("sr", "seg"),
        receivers=[receiver],
    )  # fmt: skip
    config = NodeConfig(port=0, accepted=("PACS", "SENDER"), takes_reports=True)
    node = DicomNode(classifier, config, lambda _: None, forward)
    pacs.node_port = node.start()
    try:
        datasets = make_series(make_head, make_dicom, count=2)
        assert send(pacs.node_port, *datasets) == [node_module.SUCCESS] * 2
        results = tmp_path / "store" / "results"
        end = time.monotonic() + 60
        while (not pacs.reports or any(results.iterdir())) and time.monotonic() < end:
            time.sleep(0.05)
        assert pacs.reports == [0]
        assert len(pacs.stored) == len(set(pacs.stored)) == 2
        assert not list(results.iterdir())
        assert forward._store.count()["waiting"] == 0
    finally:
        node.stop()


def test_a_series_that_ends_the_process_waits_and_is_given_up_at_last(
    start: Any, clock: Clock, tmp_path: Path
) -> None:
    begun = []
    for attempt in range(MAX_ATTEMPTS):
        store = SeriesStore(tmp_path / "store", clock)
        if attempt == 0:
            store.keep("1.1", "1.3", b"x", "d", ORIGIN)
        else:  # another one is not kept waiting by it
            store.keep(f"1.2.{attempt}", f"1.4.{attempt}", b"x", "d", ORIGIN)
        opened = clock.now
        clock.now += 11
        if attempt:
            other = store.due(10)
            assert other is not None
            assert other.key == f"1.4.{attempt}"
            store.answer(other, [], {}, [])
        while (series := store.due(10)) is None:
            clock.now += 10
        assert series.key == "1.3"
        begun.append(clock.now - opened)
        store.close()  # as a process that ends
    assert begun[:3] == [11, 11, 11]
    assert 60 <= begun[3] <= 71
    assert begun[-1] >= 3600
    one = start()
    clock.now += 2
    assert not one.answer_one()
    clock.now += 3600
    assert one.answer_one()
    assert one._store.count()["failed"] == 1
    assert "10 times" in one._store.reasons()["1.3"]
    one._write_lines()
    [line] = map(json.loads, one.written)
    assert line["kind"] == "error"
    assert line["source"] == "1.3"
    assert "10 times" in line["error"]["detail"]


def test_a_rejected_series_is_recorded_with_its_reason(
    start: Any, clock: Clock, make_head: Head, make_dicom: MakeDicom, encode_dicom: Any
) -> None:
    one = start(Pacs())
    for ds in make_series(make_head, make_dicom, count=2, BodyPartExamined="KNEE"):
        one.keep(*encoded(ds, encode_dicom), ORIGIN)
    clock.now += 2
    one.answer_one()
    assert one._store.count() == {"skipped": 1, "waiting": 0}
    assert "KNEE" in next(iter(one._store.reasons().values())).upper()


def test_files_without_a_row_are_removed(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path / "store")
    store.keep("../../1.1", "../1.3", b"x", "d", ORIGIN)
    store.close()
    (tmp_path / "store" / "images" / "stray").write_bytes(b"x")
    SeriesStore(tmp_path / "store").close()
    names = [one.name for one in (tmp_path / "store" / "images").iterdir()]
    assert len(names) == 1
    assert names[0] != "stray"
    assert not (tmp_path / "1.1").exists()


def test_evidence_that_a_killed_process_left_goes_at_the_next_start(
    start: Any,
    clock: Clock,
    make_head: Head,
    make_dicom: MakeDicom,
    encode_dicom: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = start(Pacs())
    for ds in make_series(make_head, make_dicom, count=2):
        one.keep(*encoded(ds, encode_dicom), ORIGIN)
    clock.now += 2
    # A process that is killed cleans nothing up.
    monkeypatch.setattr(
        "tempfile.TemporaryDirectory.cleanup", lambda self: self._finalizer.detach()
    )
    assert one.answer_one()
    work = one._store.work
    assert [path.suffix for path in work.rglob("*") if path.is_dir()] == [""]
    one._store.close()
    start()
    assert not list(work.iterdir())


def test_one_node_at_a_time_has_the_folder(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path / "store")
    with pytest.raises(UsageError, match="Another run"):
        SeriesStore(tmp_path / "store")
    store.close()


def test_lines_that_are_in_the_file_are_not_written_again(tmp_path: Path) -> None:
    file = AnswerFile(tmp_path / "answers.jsonl")
    file.write({"a": 1})
    file.write_once(["b", "c"])
    file.write_once(["b", "c"])
    file.close()
    assert (tmp_path / "answers.jsonl").read_text() == '{"a": 1}\nb\nc\n'


@pytest.mark.parametrize("written", ["", "b", "bb\nc", "bb\n", "bb\ncc", "bb\ncc\n"])
@pytest.mark.parametrize("before", ["", "a\n", "bb\n", "x" * 99 + "\n"])
def test_lines_that_a_killed_process_wrote_in_part_are_completed(
    tmp_path: Path, before: str, written: str
) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(before + written)
    file = AnswerFile(path)
    file.write_once(["bb", "cc", "dd"])
    file.close()
    expected = "bb\ncc\ndd\n" if before == "bb\n" and not written else f"{before}bb\ncc\ndd\n"
    assert path.read_text() == expected


def test_an_answer_commits_nothing_if_it_fails(tmp_path: Path) -> None:
    store = SeriesStore(tmp_path / "store")
    store.keep("1.1", "1.3", b"x", "d", ORIGIN)
    series = KeptSeries("1.3", {Path("x"): "1.1"}, ORIGIN)

    def lines() -> Iterator[str]:
        yield "one"
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011
        store.answer(series, lines(), {}, [])
    assert store.lines() == ([], [])
    assert store.count()["open"] == 1
    store.close()


@pytest.mark.parametrize("wrong", ["PACS", "PACS@host", "@host:104", "PACS@host:0", "PACS@:104"])
def test_a_receiver_has_title_host_and_port(wrong: str) -> None:
    with pytest.raises(UsageError, match="AE@HOST:PORT"):
        StoreReceiver.parse(wrong, calling="TUMORSCOPE")


def test_a_password_is_in_no_name() -> None:
    receiver = StowReceiver("https://user:secret@pacs.example/dicom-web")
    assert receiver.name == "https://pacs.example/dicom-web"
    with pytest.raises(UsageError, match="URL"):
        StowReceiver("pacs.example")


class Kept:
    """A node that keeps what it receives, in this process."""

    def __init__(self, classifier: Classifier, folder: Path) -> None:
        self.lines: list[str] = []
        self.forward = StoreAndForward(classifier, folder, after_s=0.5, write=self.lines.extend)
        config = NodeConfig(port=0, series_after_s=0.5)
        self.records: list[dict[str, Any]] = []
        self.node = DicomNode(classifier, config, self.records.append, self.forward)
        self.port = self.node.start()


@pytest.fixture
def kept(classifier: Classifier, tmp_path: Path) -> Iterator[Kept]:
    one = Kept(classifier, tmp_path / "store")
    yield one
    one.node.stop()


def test_statuses_of_a_node_that_keeps(kept: Kept, make_head: Head, make_dicom: MakeDicom) -> None:
    good = make_series(make_head, make_dicom, count=1)[0]
    other = pydicom.dcmread(_file(good))
    other.PixelData = bytes(len(good.PixelData) - 1000) + bytes(range(250)) * 4
    truncated = pydicom.dcmread(_file(good))
    truncated.SOPInstanceUID = truncated.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    truncated.PixelData = truncated.PixelData[:1000]
    own = pydicom.dcmread(_file(good))
    own.SOPInstanceUID = own.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    own.Manufacturer = "tumorscope"
    assert send(kept.port, good, good, other, truncated, own) == [
        node_module.SUCCESS,
        node_module.SUCCESS,
        node_module.DUPLICATE,
        node_module.CANNOT_UNDERSTAND,
        node_module.SUCCESS,
    ]
    end = time.monotonic() + 20
    while not kept.lines and time.monotonic() < end:
        time.sleep(0.05)
    assert [json.loads(one)["kind"] for one in kept.lines] == ["image"]
    assert [one["kind"] for one in kept.records] == ["error"]


def _file(ds: FileDataset) -> Any:
    import io

    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    return buffer


def test_a_full_disk_is_told_and_the_node_goes_on(
    kept: Kept, make_head: Head, make_dicom: MakeDicom, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make_series(make_head, make_dicom, count=2)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tumorscope.serving.dicom.series_store.whole_file", full)
        assert send(kept.port, first) == [node_module.OUT_OF_RESOURCES]
    assert send(kept.port, first, second) == [node_module.SUCCESS] * 2


KILLS = 4


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_killed_at_random_moments_acknowledged_is_answered_once(
    tmp_path: Path, tiny_artifact_path: Path, make_head: Head, make_dicom: MakeDicom
) -> None:
    """Four senders that send again what was not acknowledged; the node is killed meanwhile."""
    port = free_port()
    series = [
        make_series(
            make_head, make_dicom, count=8, SeriesInstanceUID=generate_uid(), InstanceNumber=1
        )
        for _ in range(4)
    ]
    for one in series:
        for ds in one:
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    acknowledged: set[str] = set()
    running = [_start_node(tmp_path, port, tiny_artifact_path)]
    senders = [threading.Thread(target=_send_all, args=(port, one, acknowledged)) for one in series]
    for one in senders:
        one.start()
    chance = random.Random(5)
    for _ in range(KILLS):
        wait_until_open(port)
        time.sleep(chance.uniform(0.1, 1.5))
        running[0].send_signal(signal.SIGKILL)
        running[0].wait()
        running[0] = _start_node(tmp_path, port, tiny_artifact_path)
    for one in senders:
        one.join(120)
    expected = {str(ds.SOPInstanceUID) for one in series for ds in one}
    end = time.monotonic() + 60
    while len(_answered(tmp_path)) < len(expected) and time.monotonic() < end:
        time.sleep(0.3)
    running[0].terminate()
    running[0].wait(60)
    assert acknowledged == expected
    lines = [json.loads(line) for line in (tmp_path / "answers.jsonl").read_text().splitlines()]
    last = {one["source"]: one for one in lines if one["kind"] == "series"}
    assert {name: one["slices"] for name, one in last.items()} == {
        str(one[0].SeriesInstanceUID): 8 for one in series
    }
    assert _answered(tmp_path) == expected
    keys = [json.dumps({**one, "time": None}) + one["time"] for one in lines]
    assert len(keys) == len(set(keys)), "no line twice"


def _send_all(port: int, datasets: list[FileDataset], acknowledged: set[str]) -> None:
    """Send until all have been told success, over and over."""
    left = list(datasets)
    while left:
        wait_until_open(port)
        association = associate(port)
        if not association.is_established:
            time.sleep(0.2)
            continue
        while left and association.is_established:
            if association.send_c_store(left[0]).get("Status") != 0:
                break
            acknowledged.add(str(left.pop(0).SOPInstanceUID))
            time.sleep(0.1)
        association.abort()


def _answered(folder: Path) -> set[str]:
    path = folder / "answers.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return {one["source"] for one in map(json.loads, lines) if one["kind"] == "image"}


def _start_node(folder: Path, port: int, model: Path) -> subprocess.Popen[bytes]:
    with (folder / "node.log").open("ab") as log:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "tumorscope", "node", "--port", str(port)),
                *("--store", str(folder / "store"), "--output", str(folder / "answers.jsonl")),
                *("--model", str(model), "--series-after", "3"),
            ],
            stderr=log,
            stdout=subprocess.DEVNULL,
        )
