"""A real sender, a real association, a real socket."""

import copy
import gc
import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    BasicTextSRStorage,
    CTImageStorage,
    MRImageStorage,
    Verification,
)
from pynetdicom.transport import ThreadedAssociationServer

from tests.serving.dicom.attacks import connect, dcmtk, read_pdu, request
from tumorscope.errors import UsageError
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.audit_log import AuditLog, entries
from tumorscope.serving.dicom import node as node_module
from tumorscope.serving.dicom import series_assembler
from tumorscope.serving.dicom.calls import Caller
from tumorscope.serving.dicom.config import NodeConfig
from tumorscope.serving.dicom.node import DicomNode

MakeDicom = Callable[..., FileDataset]
Head = Callable[..., np.ndarray]


class Running:
    """A node with the tiny model, and what it wrote."""

    def __init__(self, classifier: Classifier, **settings: Any) -> None:
        self.answers: list[dict[str, Any]] = []
        self.fault: Exception | None = None
        self.faulty = "image"
        config = NodeConfig(**{"port": 0, "series_after_s": 0.5, **settings})
        self.node = DicomNode(classifier, config, self._write)
        self.port = self.node.start()

    def _write(self, record: dict[str, Any]) -> None:
        if self.fault and record["kind"] == self.faulty:
            raise self.fault
        self.answers.append(record)

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.answers if one["kind"] == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        end = time.monotonic() + 20
        while len(self.of_kind(kind)) < count and time.monotonic() < end:
            time.sleep(0.05)
        return self.of_kind(kind)


@pytest.fixture(scope="module")
def classifier(tiny_artifact: Artifact) -> Classifier:
    return Classifier(tiny_artifact)


@pytest.fixture
def running(classifier: Classifier) -> Iterator[Running]:
    node = Running(classifier)
    yield node
    node.node.stop()


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def associate(
    port: int,
    *,
    called: str = "TUMORSCOPE",
    calling: str = "SENDER",
    syntax: str = ExplicitVRLittleEndian,
) -> Association:
    ae = Caller(ae_title=calling)
    ae.add_requested_context(Verification)
    for storage in (MRImageStorage, CTImageStorage, BasicTextSRStorage):
        ae.add_requested_context(storage, [syntax])
    return ae.associate("127.0.0.1", port, ae_title=called)


def send(port: int, *datasets: FileDataset) -> list[int]:
    sender = associate(port, syntax=datasets[0].file_meta.TransferSyntaxUID)
    assert sender.is_established
    try:
        return [sender.send_c_store(ds).Status for ds in datasets]
    finally:
        sender.release()


@pytest.fixture
def make_slices(make_head: Head, make_dicom: MakeDicom) -> Callable[[int], list[FileDataset]]:
    def make(count: int) -> list[FileDataset]:
        return [
            make_dicom(
                make_head(),
                InstanceNumber=index,
                ImagePositionPatient=[0, 0, 5.0 * index],
                ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            )
            for index in range(count)
        ]

    return make


def test_echo_is_answered(running: Running) -> None:
    sender = associate(running.port)
    assert sender.send_c_echo().Status == 0x0000
    sender.release()


def test_one_scan_has_one_answer_through_python_and_dicom(
    running: Running,
    classifier: Classifier,
    make_slices: Callable[[int], list[FileDataset]],
    encode_dicom: Callable[..., bytes],
) -> None:
    [ds] = make_slices(1)
    packed = copy.deepcopy(ds)
    packed.compress(RLELossless, generate_instance_uid=True)
    compressed = pydicom.dcmread(io.BytesIO(encode_dicom(packed)))
    assert send(running.port, ds) + send(running.port, compressed) == [0x0000, 0x0000]
    expected = classifier.predict(ds).to_dict()
    for answer, sent in zip(running.of_kind("image"), (ds, compressed), strict=True):
        assert answer["source"] == answer["sop_instance_uid"] == sent.SOPInstanceUID
        assert answer["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-6)
        assert answer["outcome"] == expected["outcome"]
        assert answer["notice"] == "Research use only. Not a medical device."


def test_series_is_answered_once_when_no_more_slices_come(
    running: Running, make_slices: Callable[[int], list[FileDataset]]
) -> None:
    slices = make_slices(4)
    send(running.port, *slices[:2])
    send(running.port, *slices[2:])
    [series] = running.wait_for("series")
    assert (series["slices"], series["source"]) == (4, slices[0].SeriesInstanceUID)
    time.sleep(1.0)
    assert len(running.of_kind("series")) == 1


def test_slice_that_is_sent_again_counts_once_and_a_late_one_joins_the_rest(
    running: Running, make_slices: Callable[[int], list[FileDataset]]
) -> None:
    slices = make_slices(3)
    send(running.port, slices[0], slices[1], slices[1])
    assert running.wait_for("series")[0]["slices"] == 2
    send(running.port, slices[2])
    assert running.wait_for("series", 2)[1]["slices"] == 3


def test_damaged_image_is_refused_a_blank_one_rejected_and_the_next_answered(
    running: Running, make_slices: Callable[[int], list[FileDataset]], make_dicom: MakeDicom
) -> None:
    good = make_slices(1)[0]
    cut = copy.deepcopy(good)
    cut.SOPInstanceUID = cut.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    cut.PixelData = good.PixelData[:100]
    flat = make_dicom(np.full((64, 64), 7, np.uint16), InstanceNumber=9)
    assert send(running.port, cut, flat, good) == [0xC000, 0x0000, 0x0000]
    assert [one["source"] for one in running.of_kind("error")] == [cut.SOPInstanceUID]
    outcomes = {one["sop_instance_uid"]: one["outcome"] for one in running.of_kind("image")}
    assert outcomes[flat.SOPInstanceUID] == "rejected"
    assert good.SOPInstanceUID in outcomes
    assert "Doe" not in json.dumps(running.answers)


def test_answer_that_cannot_be_written_is_not_called_a_success(
    running: Running, make_slices: Callable[[int], list[FileDataset]]
) -> None:
    [ds] = make_slices(1)
    running.fault = OSError(28, "No space left on device")
    assert send(running.port, ds) == [0xA700]
    running.fault = None
    assert send(running.port, ds) == [0x0000]


def test_fault_of_ours_is_a_failure_of_that_image_alone(
    running: Running, make_slices: Callable[[int], list[FileDataset]], caplog: Any
) -> None:
    [ds] = make_slices(1)
    running.fault = ZeroDivisionError("Doe^Jane")
    assert send(running.port, ds) == [0x0110]
    assert "ZeroDivisionError" in caplog.text
    assert "Doe" not in caplog.text


def test_series_answer_is_written_once_the_disk_has_room_again(
    running: Running,
    make_slices: Callable[[int], list[FileDataset]],
    caplog: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(series_assembler, "RETRY_S", 0.1)
    running.faulty, running.fault = "series", OSError(28, "No space left on device")
    send(running.port, *make_slices(2))
    wait_until(lambda: "series could not be written" in caplog.text)
    running.fault = None
    assert running.wait_for("series")[0]["slices"] == 2


def test_series_that_cannot_be_answered_does_not_end_the_others(
    running: Running, make_slices: Callable[[int], list[FileDataset]], caplog: Any
) -> None:
    running.faulty, running.fault = "series", ZeroDivisionError("Doe^Jane")
    send(running.port, *make_slices(2))
    wait_until(lambda: "series could not be answered: ZeroDivisionError" in caplog.text)
    assert "Doe" not in caplog.text
    running.fault = None
    slices = make_slices(3)
    for one in slices:
        one.SeriesInstanceUID = "1.2.826.5"
    send(running.port, *slices)
    assert [one["slices"] for one in running.wait_for("series")] == [3]


def test_slice_that_is_being_answered_while_the_node_stops_is_in_its_series(
    classifier: Classifier,
    make_slices: Callable[[int], list[FileDataset]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(node_module, "_DRAIN_S", 0.2)
    slow = copy.copy(classifier)
    begun, go_on = threading.Event(), threading.Event()

    def answer(scan: Any) -> Any:
        if scan.sop_instance_uid == slices[1].SOPInstanceUID:
            begun.set()
            go_on.wait(20)
        return classifier.answer_scan(scan)

    monkeypatch.setattr(slow, "answer_scan", answer)
    running = Running(slow, series_after_s=3600.0)
    slices = make_slices(2)
    send(running.port, slices[0])
    sender = associate(running.port)
    sending = threading.Thread(target=sender.send_c_store, args=(slices[1],))
    sending.start()
    begun.wait(20)
    stopping = threading.Thread(target=running.node.stop)
    stopping.start()
    time.sleep(1.5)
    go_on.set()
    for one in (stopping, sending):
        one.join()
    assert [one["kind"] for one in running.answers] == ["image", "image", "series"]
    assert running.answers[2]["slices"] == 2


def test_ct_is_rejected_in_its_place_and_a_report_is_not_taken(
    running: Running, make_slices: Callable[[int], list[FileDataset]]
) -> None:
    [ds] = make_slices(1)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.Modality = "CT"
    assert send(running.port, ds) == [0x0000]
    assert [one["outcome"] for one in running.of_kind("image")] == ["rejected"]
    sender = associate(running.port)
    accepted = {str(context.abstract_syntax) for context in sender.accepted_contexts}
    sender.release()
    assert accepted == {str(Verification), str(MRImageStorage), str(CTImageStorage)}


@pytest.mark.parametrize(
    ("calling", "called", "reason"), [("SENDER", "OTHER", 7), ("STRANGER", "TUMORSCOPE", 3)]
)
def test_wrong_titles_are_refused(
    classifier: Classifier, calling: str, called: str, reason: int
) -> None:
    # Read from the socket: pynetdicom takes a rejection that is faster than its own thread for a
    # connection that failed. The numbers are those of table 9-21 of PS3.8.
    running = Running(classifier, accepted=("SENDER",))
    permanent, service_user = 1, 1
    rejection = bytes([3, 0, 0, 0, 0, 4, 0, permanent, service_user, reason])
    try:
        with connect(running.port) as peer:
            peer.sendall(request(calling, called))
            assert read_pdu(peer) == rejection
        right = associate(running.port)
        assert right.is_established
        right.release()
    finally:
        running.node.stop()


def test_two_senders_at_a_time_lose_nothing(
    running: Running, make_slices: Callable[[int], list[FileDataset]]
) -> None:
    slices = make_slices(12)
    senders = [
        threading.Thread(target=send, args=(running.port, *slices[part::3])) for part in range(3)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert {one["source"] for one in running.of_kind("image")} == {
        str(ds.SOPInstanceUID) for ds in slices
    }
    assert running.wait_for("series")[-1]["slices"] == 12


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
@pytest.mark.parametrize(
    ("owner", "method"),
    [(ThreadedAssociationServer, "process_request"), (Association, "start")],
    ids=["server", "association"],
)
def test_connection_without_a_thread_leaves_no_descriptor(
    running: Running, monkeypatch: pytest.MonkeyPatch, owner: type, method: str
) -> None:
    def no_thread(*_: Any) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(owner, method, no_thread)
    server = running.node._server
    assert server is not None
    monkeypatch.setattr(server, "_gc_at", float("inf"))
    gc.disable()
    try:
        before = set(Path("/proc/self/fd").iterdir())
        with connect(running.port) as peer:
            peer.sendall(request())
            assert read_pdu(peer)[0] == 7
        wait_until(lambda: set(Path("/proc/self/fd").iterdir()) <= before)
    finally:
        gc.enable()
    assert server.admitted == {}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"host": "192.0.2.1"}, "--accept"),
        ({"ae_title": "A" * 17}, "1 to 16"),
        ({"ae_title": "  "}, "1 to 16"),
        ({"accepted": ("A\\B",)}, "backslash"),
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=re.escape(words)):
        NodeConfig(**settings).check()


def test_port_that_is_taken(running: Running, classifier: Classifier) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        Running(classifier, port=running.port)


@pytest.fixture
def process(tmp_path: Path, tiny_artifact_path: Path) -> Iterator[tuple[Any, int, Path]]:
    output = tmp_path / "answers.jsonl"
    command = [sys.executable, "-m", "tumorscope", "node", "--port", "0", "--series-after", "3600"]
    command += ["--output", str(output), "--model", str(tiny_artifact_path)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        line = running.stderr.readline()
        found = re.search(r":(\d+) ", line)
        assert found, line
        yield running, int(found[1]), output
        running.kill()


def test_stopped_node_answers_the_series_that_it_has(
    process: tuple[Any, int, Path], make_slices: Callable[[int], list[FileDataset]]
) -> None:
    running, port, output = process
    assert send(port, *make_slices(3)) == [0, 0, 0]
    assert len(output.read_text().splitlines()) == 3
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=60) == 0
    kinds = [json.loads(line)["kind"] for line in output.read_text().splitlines()]
    assert kinds == ["image"] * 3 + ["series"]


@pytest.mark.skipif(dcmtk("storescu") is None, reason="dcmtk is not installed")
def test_storescu_of_dcmtk_sends_a_folder(
    process: tuple[Any, int, Path],
    make_slices: Callable[[int], list[FileDataset]],
    tmp_path: Path,
) -> None:
    _, port, output = process
    folder = tmp_path / "series"
    folder.mkdir()
    for index, ds in enumerate(make_slices(3)):
        ds.save_as(folder / f"{index}.dcm", enforce_file_format=True)
    program = dcmtk("storescu")
    assert program
    command = [program, "--aetitle", "SENDER", "--call", "TUMORSCOPE", "+sd"]
    subprocess.run([*command, "127.0.0.1", str(port), str(folder)], check=True, timeout=60)
    assert len(output.read_text().splitlines()) == 3


def test_associations_are_written_down_without_patients(
    classifier: Classifier, make_slices: Callable[[int], list[FileDataset]], tmp_path: Path
) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    node = Running(classifier, audit_log=log.path)
    slices = make_slices(2)
    for one in slices:
        one.StudyInstanceUID = "1.2.826.77"
    send(node.port, *slices)
    node.node.stop()
    begin, end = (entry for _, entry in entries(log.files()))
    assert (begin["verb"], begin["by"]) == ("association-begin", "AE SENDER")
    assert (end["verb"], end["stored"], end["refused"]) == ("association-end", 2, 0)
    assert (len(end["studies"]), sum(end["outcomes"].values())) == (1, 2)
    assert end["model"].startswith("tiny 0 ")
    for secret in ("1.2.826.77", "Doe", "12345678", slices[0].SOPInstanceUID):
        assert secret not in log.path.read_text()


def test_an_association_that_cannot_be_written_down_is_cut(
    classifier: Classifier, make_slices: Callable[[int], list[FileDataset]], tmp_path: Path
) -> None:
    (tmp_path / "audit.jsonl").write_bytes(b"no log\n")
    node = Running(classifier, audit_log=tmp_path / "audit.jsonl")
    sender = associate(node.port)
    end = time.monotonic() + 20
    while sender.is_established and time.monotonic() < end:
        time.sleep(0.05)
    assert not sender.is_established
    node.node.stop()
    assert node.answers == []
