"""Connections that we open are closed, those that fail too."""

import gc
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

pytest.importorskip("highdicom", reason="the extra [dicom] is not installed")

from tests.serving.dicom.orthanc import free_port
from tumorscope.serving.dicom.delivery import DeliveryError, StoreReceiver

DESCRIPTORS = Path("/proc/self/fd")


@contextmanager
def refusing() -> Iterator[int]:
    yield free_port()


@contextmanager
def resetting() -> Iterator[int]:
    """Be a PACS that ends the connection amid the request."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def reset() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(6)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=reset)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def sockets() -> set[str]:
    found = set()
    for one in DESCRIPTORS.iterdir():
        try:
            found.add(str(one.readlink()))
        except FileNotFoundError:  # of the listing itself
            continue
    return {one for one in found if one.startswith("socket:")}


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="needs Linux")
@pytest.mark.parametrize("pacs", [refusing, resetting])
def test_connection_that_fails_leaves_no_descriptor(
    pacs: Callable[[], AbstractContextManager[int]],
) -> None:
    gc.collect()
    gc.disable()
    try:
        before = sockets()
        with pacs() as port, pytest.raises(DeliveryError, match="cannot be reached, or rejected"):
            StoreReceiver("PACS", "127.0.0.1", port, "TUMORSCOPE").send([], lambda *_: None)
        end = time.monotonic() + 20
        while sockets() - before and time.monotonic() < end:
            time.sleep(0.05)
        assert not sockets() - before
    finally:
        gc.enable()
