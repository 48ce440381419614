"""What strangers do to an open DICOM port, and a node process to do it to.

Everything goes over real sockets to a node that is started as users start it; memory is what Linux
says of its process.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ, A_RELEASE_RQ
from pynetdicom.pdu_primitives import A_ASSOCIATE, ImplementationClassUIDNotification
from pynetdicom.pdu_primitives import MaximumLengthNotification as MaximumLength
from pynetdicom.presentation import build_context
from pynetdicom.sop_class import MRImageStorage, Verification

MIB = 1024 * 1024
ECHO_CONTEXT, STORE_CONTEXT = 1, 3
COMMAND, LAST = 1, 2
FRAGMENT = 120 * 1024
PATIENT = b"Doe^Jane"

RELEASE = A_RELEASE_RQ().encode()


def dcmtk(name: str) -> str | None:
    """Return the path of a program of dcmtk; pynetdicom has some of the same name."""
    own = str(Path(sys.executable).parent)
    places = [place for place in os.environ["PATH"].split(os.pathsep) if place != own]
    return shutil.which(name, path=os.pathsep.join(places))


class NodeProcess:
    """``tumorscope node`` as a process of its own."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.output, self._log = folder / "answers.jsonl", folder / "node.log"
        command = [sys.executable, "-m", "tumorscope", "node", "--port", "0"]
        command += ["--output", str(self.output), *words]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(command, stderr=log, stdout=subprocess.DEVNULL)
        self.port = self._wait_for_port()
        self.idle_mib = self.memory_mib("VmRSS")

    @property
    def log(self) -> str:
        """What it wrote to the standard error stream."""
        return self._log.read_text()

    def memory_mib(self, name: str) -> float:
        """Return ``VmRSS``, or ``VmHWM``, which is the peak since :meth:`forget_peak`."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        assert found, status
        return int(found[1]) / 1024

    def forget_peak(self) -> None:
        """Start a new peak."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def stop(self, timeout_s: float = 60) -> int:
        """Send SIGTERM and return the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait()

    def _wait_for_port(self) -> int:
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            if found := re.search(r"listens as \S+ on \S+:(\d+) ", self.log):
                return int(found[1])
            time.sleep(0.05)
        raise AssertionError(self.log)


class GoodPeer:
    """Sends an image over and over by dcmtk, and notes how long each takes.

    Parameters
    ----------
    port
        Of the node.
    image
        DICOM file.
    """

    def __init__(self, port: int, image: Path) -> None:
        program = dcmtk("storescu")
        assert program
        titles = ["-aet", "SENDER", "-aec", "TUMORSCOPE"]
        self._command = [program, *titles, "127.0.0.1", str(port), str(image)]
        self.seconds: list[float] = []
        self.faults: list[str] = []

    def send(self) -> None:
        """Send once."""
        begin = time.monotonic()
        done = subprocess.run(
            self._command, check=False, capture_output=True, text=True, timeout=60
        )
        self.seconds.append(time.monotonic() - begin)
        if done.returncode != 0:
            self.faults.append(done.stdout + done.stderr)

    @contextmanager
    def at_work(self, pause_s: float = 0.1) -> Iterator[None]:
        """Send again and again; at least once."""
        stop = threading.Event()

        def work() -> None:
            self.send()
            while not stop.wait(pause_s):
                self.send()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def request(
    calling: str = "STRANGER",
    called: str = "TUMORSCOPE",
    others: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Return an A-ASSOCIATE-RQ for verification and MR images.

    ``others`` are further SOP classes and transfer syntaxes; their contexts are 5, 7, 9 and so on.
    """
    primitive = A_ASSOCIATE()
    primitive.application_context_name = "1.2.840.10008.3.1.1.1"
    primitive.calling_ae_title, primitive.called_ae_title = calling, called
    contexts = [
        build_context(Verification, ExplicitVRLittleEndian),
        build_context(MRImageStorage, ExplicitVRLittleEndian),
        *(build_context(one, syntax) for one, syntax in others),
    ]
    for index, context in enumerate(contexts):
        context.context_id = 2 * index + 1
    primitive.presentation_context_definition_list = contexts
    length, implementation = MaximumLength(), ImplementationClassUIDNotification()
    length.maximum_length_received = 16384
    implementation.implementation_class_uid = "1.2.3.4"
    primitive.user_information = [length, implementation]
    return A_ASSOCIATE_RQ(primitive).encode()


def data(context: int, control: int, value: bytes) -> bytes:
    """Return a P-DATA-TF of one fragment."""
    item = struct.pack(">LBB", len(value) + 2, context, control) + value
    return struct.pack(">BBL", 4, 0, len(item)) + item


def command(
    field: int, *, with_dataset: bool, uid: str = "1.2.3", sop_class: str = MRImageStorage
) -> bytes:
    """Return an encoded command set, without its group length."""
    ds = Dataset()
    ds.AffectedSOPClassUID, ds.CommandField, ds.MessageID = sop_class, field, 1
    ds.Priority, ds.CommandDataSetType = 2, 1 if with_dataset else 0x0101
    ds.AffectedSOPInstanceUID = uid
    content = encode(ds, True, True)
    assert content
    return content


def store_command(uid: str = "1.2.3") -> bytes:
    """Return the P-DATA-TF of a C-STORE-RQ's command."""
    return data(STORE_CONTEXT, COMMAND | LAST, command(1, with_dataset=True, uid=uid))


@contextmanager
def listening(ae: AE, port: int, handlers: Sequence[Any]) -> Iterator[int]:
    """Be a PACS, and yield its port.

    pynetdicom leaves a connection open that it cannot shut down, such as one of a node that was
    killed; here it is closed at the end.
    """
    peers: list[socket.socket] = []
    opened = (evt.EVT_CONN_OPEN, lambda event: peers.append(event.assoc.dul.socket.socket))
    address = "127.0.0.1", port
    server = ae.start_server(address, block=False, evt_handlers=[*handlers, opened])
    assert server is not None
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        for peer in peers:
            peer.close()


def connect(port: int, timeout_s: float = 10) -> socket.socket:
    """Open a connection and say nothing."""
    return socket.create_connection(("127.0.0.1", port), timeout=timeout_s)


def read_pdu(peer: socket.socket) -> bytes:
    """Read one PDU; empty when the connection has ended."""
    content = b""
    with suppress(ConnectionError):
        while len(content) < 6 or len(content) < 6 + struct.unpack(">L", content[2:6])[0]:
            chunk = peer.recv(4096)
            if not chunk:
                return b""
            content += chunk
    return content


def associated(port: int, **words: Any) -> socket.socket:
    """Open a connection with an association."""
    peer = connect(port)
    peer.sendall(request(**words))
    answer = read_pdu(peer)
    assert answer[:1] == b"\x02", answer
    return peer


def pour(peer: socket.socket, chunk: bytes, seconds: float) -> int:
    """Send the same over and over until the node has enough; return the bytes sent."""
    end, sent = time.monotonic() + seconds, 0
    with suppress(OSError):
        while time.monotonic() < end:
            peer.sendall(chunk)
            sent += len(chunk)
    return sent


def header_bomb(port: int, seconds: float) -> None:
    """Announce 4 GiB of association request and send zeros."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with closing(connect(port)) as peer:
            peer.sendall(b"\x01\x00\xff\xff\xff\xff")
            pour(peer, bytes(MIB), end - time.monotonic())


def header_bomb_inside(port: int, seconds: float) -> None:
    """Announce 4 GiB of data within an association."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(AssertionError, OSError), closing(associated(port)) as peer:
            peer.sendall(b"\x04\x00\xff\xff\xff\xff")
            pour(peer, bytes(MIB), end - time.monotonic())


def endless_dataset(port: int, seconds: float) -> None:
    """Send a data set without a last fragment."""
    _pour_inside(port, seconds, store_command(), data(STORE_CONTEXT, 0, bytes(FRAGMENT)))


def endless_command(port: int, seconds: float) -> None:
    """Send a command without a last fragment."""
    _pour_inside(port, seconds, b"", data(STORE_CONTEXT, COMMAND, bytes(FRAGMENT)))


def dataset_of_zeros(port: int, seconds: float) -> None:
    """Send complete data sets of zeros: eight megabytes of them are a million elements."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(AssertionError, OSError), closing(associated(port)) as peer:
            peer.sendall(store_command())
            for _ in range(8 * MIB // FRAGMENT):
                peer.sendall(data(STORE_CONTEXT, 0, bytes(FRAGMENT)))
            peer.sendall(data(STORE_CONTEXT, LAST, b""))
            read_pdu(peer)


def dataset_of_nothing(port: int, seconds: float) -> None:
    """Send a data set to which no command belongs, or one that has none."""
    fragment = data(STORE_CONTEXT, 0, bytes(FRAGMENT))
    _pour_inside(port, seconds / 2, b"", fragment)
    find = data(STORE_CONTEXT, COMMAND | LAST, command(0x20, with_dataset=True))
    _pour_inside(port, seconds / 2, find, fragment)


def flood_of_messages(port: int, seconds: float) -> None:
    """Ask again and again without reading an answer."""
    echo = command(0x30, with_dataset=False, sop_class=Verification)
    _pour_inside(port, seconds / 2, b"", data(ECHO_CONTEXT, COMMAND | LAST, echo))
    report = command(0x100, with_dataset=False)
    _pour_inside(port, seconds / 2, b"", data(STORE_CONTEXT, COMMAND | LAST, report))


def _pour_inside(port: int, seconds: float, first: bytes, chunk: bytes) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(AssertionError, OSError), closing(associated(port)) as peer:
            peer.sendall(first)
            pour(peer, chunk, end - time.monotonic())


def silent_peers(port: int, seconds: float) -> None:
    """Open 64 connections and say nothing."""
    with ExitStack() as stack:
        for _ in range(64):
            stack.enter_context(closing(connect(port)))
        time.sleep(seconds)


def silent_associations(port: int, seconds: float) -> None:
    """Ask 64 times for an association, half of them for a C-STORE, too, and say nothing more."""
    with ExitStack() as stack:
        for index in range(64):
            peer = stack.enter_context(closing(connect(port)))
            with suppress(OSError):
                peer.sendall(request() + (store_command() if index % 2 else b""))
        time.sleep(seconds)


def slow_requests(port: int, seconds: float) -> None:
    """Send 32 association requests, a byte at a time."""
    _trickle(port, seconds, 32, lambda: connect(port), request())


def slow_datasets(port: int, seconds: float) -> None:
    """Send 32 data sets, in fragments of one byte."""

    def begin() -> socket.socket:
        peer = connect(port)
        peer.sendall(request() + store_command())
        return peer

    _trickle(port, seconds, 32, begin, *[data(STORE_CONTEXT, 0, b"\0")] * 10_000)


def slow_pdus(port: int, seconds: float) -> None:
    """Send within an association one large PDU, a byte at a time."""

    def begin() -> socket.socket:
        peer = connect(port)
        peer.sendall(request())
        return peer

    _trickle(port, seconds, 32, begin, data(STORE_CONTEXT, 0, bytes(FRAGMENT)))


def _trickle(
    port: int, seconds: float, count: int, begin: Callable[[], socket.socket], *pieces: bytes
) -> None:
    """Send pieces, or where there is one its bytes, every tenth of a second."""
    parts = list(pieces) if len(pieces) > 1 else [bytes([one]) for one in pieces[0]]
    end, step = time.monotonic() + seconds, 0
    with ExitStack() as stack:
        peers = [stack.enter_context(closing(begin())) for _ in range(count)]
        while time.monotonic() < end:
            for index, peer in enumerate(peers):
                try:
                    peer.sendall(parts[step % len(parts)])
                except OSError:
                    peer.close()
                    with suppress(OSError):
                        peers[index] = stack.enter_context(closing(begin()))
            step += 1
            time.sleep(0.1)


def session(image: FileDataset) -> list[bytes]:
    """Return what a good sender says: request, echo, store in fragments, release."""
    content = encode(image, False, True)
    assert content
    echo = command(0x30, with_dataset=False, sop_class=Verification)
    fragments = [content[start : start + 8000] for start in range(0, len(content), 8000)]
    stored = [data(STORE_CONTEXT, 0, one) for one in fragments[:-1]]
    return [
        request(),
        data(ECHO_CONTEXT, COMMAND | LAST, echo),
        store_command(str(image.SOPInstanceUID)),
        *stored,
        data(STORE_CONTEXT, LAST, fragments[-1]),
        RELEASE,
    ]


_BOUNDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutant(number: int, pdus: list[bytes]) -> list[bytes]:
    """Return a session with one to three faults, made from the number alone."""
    draw = random.Random(number)
    pdus = list(pdus)
    for _ in range(draw.randint(1, 3)):
        # The request is mutated as often as all the rest: it is believed first.
        index = 0 if draw.random() < 0.5 else draw.randrange(len(pdus))
        pdus[index : index + 1] = _fault(draw, pdus[index], draw.choice(pdus))
    return pdus


def _fault(draw: random.Random, pdu: bytes, other: bytes) -> list[bytes]:
    place = draw.randrange(max(1, min(len(pdu), draw.choice((12, 80, 400, len(pdu) or 1)))))
    long = struct.pack(">L", draw.choice(_BOUNDS))
    return draw.choice(
        (
            [pdu[:place] + draw.randbytes(1) + pdu[place + 1 :]],
            [pdu[:place] + long + pdu[place + 4 :]],
            [pdu[:place] + long[2:] + pdu[place + 2 :]],
            [pdu[:place]],
            [pdu, pdu],
            [pdu[:place] + other[place:]],
            [pdu[:place] + draw.randbytes(draw.randrange(1, 64)) + pdu[place:]],
            [other, pdu],
            [],
        )
    )


def send_mutant(port: int, pdus: list[bytes]) -> None:
    """Send all of it, then wait for the node to end the connection, but not for long."""
    with suppress(OSError), closing(connect(port, timeout_s=2)) as peer:
        for pdu in pdus:
            peer.sendall(pdu)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(4096):
            pass


def send_mutants(port: int, image: FileDataset, numbers: range, *, threads: int = 4) -> None:
    """Send mutants, some at a time."""
    pdus = session(image)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda number: send_mutant(port, mutant(number, pdus)), numbers))


ATTACKS: dict[str, Callable[[int, float], None]] = {
    one.__name__: one
    for one in (
        header_bomb,
        header_bomb_inside,
        endless_dataset,
        endless_command,
        dataset_of_zeros,
        dataset_of_nothing,
        flood_of_messages,
        silent_peers,
        silent_associations,
        slow_requests,
        slow_pdus,
        slow_datasets,
    )
}
"""All but the mutants: each is given the port and how long it goes on, in seconds."""
