"""A port that is open to strangers: bounded memory, good senders served, and no exit."""

import json
import re
import shutil
import signal
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from pynetdicom.dsutils import encode
from pynetdicom.sop_class import (
    StorageCommitmentPushModel,
    Verification,
)

from tests.serving.dicom.attacks import (
    ATTACKS,
    COMMAND,
    ECHO_CONTEXT,
    FRAGMENT,
    LAST,
    MIB,
    PATIENT,
    RELEASE,
    STORE_CONTEXT,
    GoodPeer,
    NodeProcess,
    associated,
    command,
    connect,
    data,
    dcmtk,
    read_pdu,
    request,
    send_mutants,
    session,
    store_command,
)

MakeImage = Callable[..., FileDataset]
MAX_MIB = 300
SERVED_S = 2.0
SLOWER = 5
"""Where the machine does so much else that an image takes long anyway: how many times that."""

ABORT, REJECT = 7, 3
SECONDS = 2.0

pytestmark = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
needs_dcmtk = pytest.mark.skipif(dcmtk("storescu") is None, reason="dcmtk is not installed")


@pytest.fixture
def make_image(
    make_head: Callable[..., np.ndarray], make_dicom: Callable[..., FileDataset]
) -> MakeImage:
    """An image of an own instance, in the study 1.2.3."""

    def make(**elements: object) -> FileDataset:
        ds = make_dicom(make_head(), StudyInstanceUID="1.2.3", **elements)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        return ds

    return make


@pytest.fixture
def image_file(make_image: MakeImage, tmp_path: Path) -> Path:
    path = tmp_path / "good.dcm"
    make_image().save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def start(tmp_path: Path, tiny_artifact_path: Path) -> Iterator[Callable[..., NodeProcess]]:
    """Start nodes with the tiny model."""
    with ExitStack() as stack:

        def begin(*words: str) -> NodeProcess:
            node = NodeProcess(tmp_path, "--model", str(tiny_artifact_path), *words)
            stack.callback(node.close)
            return node

        yield begin


def wait_until(is_so: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def answers(path: Path) -> list[dict[str, object]]:
    """Read whole lines; a half one would be an error."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def ends_with(peer: socket.socket, kind: int) -> bytes:
    """Read PDUs to the end of the connection; the last one is of that kind."""
    last = b""
    while content := read_pdu(peer):
        last = content
    assert last[:1] == bytes([kind]), last
    return last


@needs_dcmtk
@pytest.mark.slow
def test_no_attack_takes_memory_or_keeps_a_good_sender_waiting(
    start: Callable[..., NodeProcess], image_file: Path, make_image: MakeImage
) -> None:
    node = start()
    calm = GoodPeer(node.port, image_file)
    for _ in range(4):
        calm.send()
    served_s = max(SERVED_S, SLOWER * sorted(calm.seconds)[1])
    mutants = {"mutants": lambda port, _: send_mutants(port, make_image(), range(300))}
    for name, attack in (ATTACKS | mutants).items():
        node.forget_peak()
        good = GoodPeer(node.port, image_file)
        with good.at_work():
            attack(node.port, SECONDS)
        assert node.process.poll() is None, name
        assert not good.faults, (name, good.faults)
        assert max(good.seconds) < served_s, (name, good.seconds)
        assert node.memory_mib("VmHWM") - node.idle_mib < MAX_MIB, name
    assert node.stop() == 0
    assert "Traceback" not in node.log
    assert PATIENT.decode() not in node.log


def test_refusals_say_what_was_wrong(start: Callable[..., NodeProcess]) -> None:
    node = start("--association-timeout", "1", "--max-pdu", "16")
    for first, reason in (
        (b"\x01\x00\xff\xff\xff\xff", 6),
        (b"\x01\x00\x00\x00\x00\x01", 6),
        (b"\x05\x00\x00\x00\x00\x04" + bytes(4), 2),
        (b"GET / HTTP/1.1\r\n\r\n", 1),
        (request()[:74] + b"\xff" * (len(request()) - 74), 6),
    ):
        with closing(connect(node.port)) as peer:
            peer.sendall(first)
            assert ends_with(peer, ABORT)[8:10] == bytes([2, reason]), first
    with closing(connect(node.port)) as peer:
        peer.sendall(request(called="OTHER"))
        assert ends_with(peer, REJECT)[7:10] == bytes((1, 1, 7))
    with closing(connect(node.port)) as peer:
        begin = time.monotonic()
        assert read_pdu(peer) == b""
        assert time.monotonic() - begin < 5
    with closing(associated(node.port)) as peer:
        peer.sendall(struct.pack(">BBL", 4, 0, 16 * 1024 + 1))
        assert ends_with(peer, ABORT)[8:10] == bytes([2, 6])
    assert "4,294,967,295 bytes" in node.log
    assert "rejected: it called 'OTHER'" in node.log
    assert "no association request within 1 s" in node.log


@pytest.mark.parametrize(
    "message",
    [
        data(STORE_CONTEXT, LAST, bytes(8)),
        data(STORE_CONTEXT, COMMAND | LAST, command(0x20, with_dataset=True)),
        data(STORE_CONTEXT, COMMAND | LAST, command(1, with_dataset=False)),
        data(STORE_CONTEXT, COMMAND | LAST, command(0x100, with_dataset=True)),
        data(STORE_CONTEXT, COMMAND | LAST, command(0x9999, with_dataset=False)),
        data(STORE_CONTEXT, COMMAND, bytes(20_000)),
        data(77, COMMAND | LAST, command(1, with_dataset=True)),
        data(STORE_CONTEXT, COMMAND | LAST, b"no command set"),
        struct.pack(">BBLLB", 4, 0, 5, 1, STORE_CONTEXT),
        store_command() + store_command(),
    ],
    ids=range(10),
)
def test_message_that_no_good_sender_sends_ends_its_association(
    start: Callable[..., NodeProcess], message: bytes
) -> None:
    node = start()
    with closing(associated(node.port)) as peer:
        peer.sendall(message)
        ends_with(peer, ABORT)
    with closing(associated(node.port)) as peer:
        echo = command(0x30, with_dataset=False, sop_class=Verification)
        peer.sendall(data(ECHO_CONTEXT, COMMAND | LAST, echo))
        assert read_pdu(peer)[:1] == b"\x04"
    assert "Traceback" not in node.log


def test_reports_on_storage_commitment_are_bounded(
    start: Callable[..., NodeProcess], tmp_path: Path
) -> None:
    receiver = ("--send-to", "PACS@127.0.0.1:1", "--commitment")
    node = start(*receiver, "--store", str(tmp_path / "store"))
    context = 5
    others = [(StorageCommitmentPushModel, ExplicitVRLittleEndian)]
    ds = Dataset()
    ds.AffectedSOPClassUID, ds.CommandField, ds.MessageID = StorageCommitmentPushModel, 0x100, 1
    ds.CommandDataSetType, ds.AffectedSOPInstanceUID, ds.EventTypeID = (
        1,
        "1.2.840.10008.1.20.1.1",
        1,
    )
    whole = encode(ds, True, True)
    del ds.EventTypeID
    incomplete = encode(ds, True, True)
    assert whole
    assert incomplete
    with closing(associated(node.port, others=others)) as peer:
        peer.sendall(data(context, COMMAND | LAST, incomplete))
        ends_with(peer, ABORT)
    with closing(associated(node.port, others=others)) as peer:
        peer.sendall(data(context, COMMAND | LAST, whole))
        with suppress(OSError):
            for _ in range(2 * MIB // FRAGMENT):
                peer.sendall(data(context, 0, bytes(FRAGMENT)))
        ends_with(peer, ABORT)
    report = Dataset()
    report.TransactionUID = "2.25.1"  # that nobody asked for
    content = encode(report, False, True)
    assert content
    with closing(associated(node.port, others=others)) as peer:
        for value, status in ((content, 0), (b"\x08\x00\x95\x11UI\xff\xff", None), (content, 0)):
            peer.sendall(data(context, COMMAND | LAST, whole) + data(context, LAST, value))
            answer = read_pdu(peer)
            if status is not None:
                assert struct.pack("<HHLH", 0, 0x0900, 2, status) in answer
    assert "a report of more than 1,048,576 bytes" in node.log
    assert "an incomplete N-EVENT-REPORT-RQ" in node.log
    assert "Traceback" not in node.log


def test_data_set_over_the_bound_is_refused_once_it_is_complete(
    start: Callable[..., NodeProcess], make_image: MakeImage
) -> None:
    node = start("--max-dataset", "1")
    with closing(associated(node.port)) as peer:
        peer.sendall(store_command())
        for _ in range(12):
            peer.sendall(data(STORE_CONTEXT, 0, bytes(FRAGMENT)))
        peer.sendall(data(STORE_CONTEXT, LAST, b"end"))
        assert struct.pack("<HHLH", 0, 0x0900, 2, 0xA700) in read_pdu(peer)
        # The association lives, and the next image is answered.
        for part in session(make_image())[2:-1]:
            peer.sendall(part)
        assert struct.pack("<HHLH", 0, 0x0900, 2, 0) in read_pdu(peer)
        peer.sendall(RELEASE)
        assert read_pdu(peer)[:1] == b"\x06"
    assert "more than 1,048,576 bytes" in node.log
    wait_until(lambda: "1 stored, 1 refused" in node.log)
    assert [one["kind"] for one in answers(node.output)] == ["image"]


def test_all_that_is_being_received_is_bounded(start: Callable[..., NodeProcess]) -> None:
    node = start("--max-receiving", "1")
    with closing(associated(node.port)) as first, closing(associated(node.port)) as second:
        for peer in (first, second):
            peer.sendall(store_command())
            for _ in range(6):
                peer.sendall(data(STORE_CONTEXT, 0, bytes(FRAGMENT)))
            time.sleep(1)  # the first has been read before the second comes
        second.sendall(data(STORE_CONTEXT, LAST, b"end"))
        assert struct.pack("<HHLH", 0, 0x0900, 2, 0xA700) in read_pdu(second)
        first.sendall(data(STORE_CONTEXT, LAST, b"end"))
        assert struct.pack("<HHLH", 0, 0x0900, 2, 0xC000) in read_pdu(first)
    assert "are being received in all" in node.log


def test_data_set_of_twice_the_bound_ends_the_association(
    start: Callable[..., NodeProcess],
) -> None:
    node = start("--max-dataset", "1")
    with closing(associated(node.port)) as peer:
        peer.sendall(store_command())
        with suppress(OSError):
            for _ in range(3 * MIB // FRAGMENT):
                peer.sendall(data(STORE_CONTEXT, 0, bytes(FRAGMENT)))
        ends_with(peer, ABORT)


def test_what_is_received_has_no_name_on_the_disk(
    start: Callable[..., NodeProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setenv("TMPDIR", str(spool))
    node = start()
    with closing(associated(node.port)) as peer:
        for index in range(8):
            first = store_command() if index == 0 else b""
            peer.sendall(first + data(STORE_CONTEXT, 0, bytes(FRAGMENT)))
        time.sleep(1)
        links = Path(f"/proc/{node.process.pid}/fd").iterdir()
        opened = [str(one.readlink()) for one in links if one.is_symlink()]
        assert any(str(spool) in one and "deleted" in one for one in opened), opened
        assert not list(spool.iterdir())


def test_full_disk_is_a_refusal_and_no_half_line(
    start: Callable[..., NodeProcess], make_image: MakeImage, image_file: Path
) -> None:
    node = start()
    resource = pytest.importorskip("resource")
    with closing(associated(node.port)) as peer:

        def send() -> bytes:
            for part in session(make_image())[2:-1]:
                peer.sendall(part)
            return read_pdu(peer)

        assert struct.pack("<HHLH", 0, 0x0900, 2, 0) in send()
        # Nothing that is received can be kept.
        size = node.output.stat().st_size
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (size // 2, -1))
        assert struct.pack("<HHLH", 0, 0x0900, 2, 0xA700) in send()
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (-1, -1))
        assert struct.pack("<HHLH", 0, 0x0900, 2, 0) in send()
    assert {one["kind"] for one in answers(node.output)} == {"image"}
    assert "Traceback" not in node.log


def test_data_set_that_no_file_can_be_made_for_is_refused(
    start: Callable[..., NodeProcess],
    make_image: MakeImage,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    monkeypatch.setenv("TMPDIR", str(spool))
    node = start()
    with closing(associated(node.port)) as peer:
        for is_there, status in ((True, 0), (False, 0xA700), (False, 0xA700), (True, 0)):
            if is_there:
                spool.mkdir(exist_ok=True)
            else:
                shutil.rmtree(spool, ignore_errors=True)
            for part in session(make_image())[2:-1]:
                peer.sendall(part)
            assert struct.pack("<HHLH", 0, 0x0900, 2, status) in read_pdu(peer)
    assert "the data set cannot be kept" in node.log
    assert "Traceback" not in node.log


def test_silent_associations_give_way_and_busy_ones_do_not(
    start: Callable[..., NodeProcess],
) -> None:
    node = start("--max-per-peer", "2")
    echo = data(
        ECHO_CONTEXT,
        COMMAND | LAST,
        command(0x30, with_dataset=False, sop_class=Verification),
    )
    with ExitStack() as stack:
        silent = [stack.enter_context(closing(associated(node.port))) for _ in range(2)]
        time.sleep(0.5)
        stack.enter_context(closing(associated(node.port)))
        ends_with(silent[0], ABORT)
    assert "gave way" in node.log
    with ExitStack() as stack:
        busy = [stack.enter_context(closing(associated(node.port))) for _ in range(2)]
        stop = threading.Event()

        def chat(peer: socket.socket) -> None:
            while not stop.wait(0.02):
                peer.sendall(echo)
                assert read_pdu(peer)[:1] == b"\x04"

        threads = [threading.Thread(target=chat, args=(one,)) for one in busy]
        for thread in threads:
            thread.start()
        try:
            with closing(connect(node.port)) as third:
                third.sendall(request())
                assert ends_with(third, REJECT)[7:10] == bytes((2, 3, 2))
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_answer_says_when_from_whom_and_of_what(
    start: Callable[..., NodeProcess], make_image: MakeImage
) -> None:
    node = start("--series-after", "0.2")
    image = make_image()
    with closing(associated(node.port, calling="SCANNER")) as peer:
        for one in (image, make_image(), make_image(Rows=0)):
            peer.sendall(b"".join(session(one)[2:-1]))
            read_pdu(peer)
    wait_until(lambda: len(answers(node.output)) == 4)
    lines = answers(node.output)
    assert sorted(str(one["kind"]) for one in lines) == ["error", "image", "image", "series"]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(line["time"]))
        assert line["calling_ae_title"] == "SCANNER"
        assert line["study_instance_uid"] == "1.2.3"
        assert line["series_instance_uid"] == image.SeriesInstanceUID
    assert stat.S_IMODE(node.output.stat().st_mode) == 0o600
    assert "association of 'SCANNER' at 127.0.0.1 accepted" in node.log
    assert PATIENT.decode() not in node.log + node.output.read_text()


class Load:
    """Senders that go on until the node is gone; each image has an own identifier."""

    def __init__(self, port: int, make_image: MakeImage, count: int = 3) -> None:
        self.stored: list[str] = []
        self._port, self._stop = port, threading.Event()
        images = [[make_image() for _ in range(400)] for _ in range(count)]
        self._threads = [threading.Thread(target=self._send, args=(one,)) for one in images]
        for thread in self._threads:
            thread.start()

    def _send(self, images: list[FileDataset]) -> None:
        # A connection that ends is no answer; what was not told success is not counted.
        with suppress(OSError, AssertionError), closing(associated(self._port)) as peer:
            for image in images:
                if self._stop.is_set():
                    break
                peer.sendall(b"".join(session(image)[2:-1]))
                if struct.pack("<HHLH", 0, 0x0900, 2, 0) in read_pdu(peer):
                    self.stored.append(str(image.SOPInstanceUID))

    def wait_for(self, count: int) -> None:
        wait_until(lambda: len(self.stored) >= count, 60)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.slow
def test_rotation_and_stop_under_load_lose_no_answer(
    start: Callable[..., NodeProcess], make_image: MakeImage
) -> None:
    node = start("--series-after", "3600")
    load = Load(node.port, make_image)
    rotated = []
    try:
        for index in range(3):
            load.wait_for(len(load.stored) + 5)
            rotated.append(node.output.with_suffix(f".{index}"))
            node.output.rename(rotated[-1])
            node.signal(signal.SIGHUP)
            wait_until(node.output.exists)
            load.wait_for(len(load.stored) + 5)
        node.signal(signal.SIGTERM)
        load.wait_for(len(load.stored) + 2)  # senders that are there may go on
    finally:
        load.stop()
    assert node.process.wait(60) == 0
    files = [answers(path) for path in (*rotated, node.output)]
    assert all(len(one) >= 5 for one in files)
    written = [str(line["source"]) for one in files for line in one if line["kind"] == "image"]
    assert set(load.stored) <= set(written)
    assert len(written) == len(set(written))
    assert [line["kind"] for line in files[-1]][-1] == "series"
    assert stat.S_IMODE(node.output.stat().st_mode) == 0o600


def test_stop_does_not_wait_for_those_who_say_nothing(start: Callable[..., NodeProcess]) -> None:
    node = start()
    with closing(connect(node.port)), closing(associated(node.port)) as half:
        half.sendall(data(STORE_CONTEXT, 0, bytes(FRAGMENT))[:100])
        begin = time.monotonic()
        assert node.stop() == 0
        assert time.monotonic() - begin < 15


def test_file_that_cannot_be_opened_anew_does_not_end_the_node(
    start: Callable[..., NodeProcess],
) -> None:
    node = start()
    node.output.rename(node.output.with_suffix(".old"))
    node.output.mkdir()  # nothing can be opened under that name
    node.signal(signal.SIGHUP)
    wait_until(lambda: "cannot be reopened" in node.log)
    associated(node.port).close()
    assert node.stop() == 0
