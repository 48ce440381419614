"""Connections before pynetdicom believes them, and what it may read from them after.

A connection costs a descriptor and no thread until its request for an association is complete, of
bounded size, addressed to this node, and there is a place for it.
"""

from __future__ import annotations

import gc
import select
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

from pynetdicom import evt
from pynetdicom.transport import (
    AssociationSocket,
    RequestHandler,
    ThreadedAssociationServer,
)

from tumorscope.serving.dicom import pdu
from tumorscope.serving.dicom.config import NodeConfig
from tumorscope.serving.dicom.messages import (
    PROGRESS_BYTES,
    BoundedMessages,
    ProtocolError,
    reason_of,
)
from tumorscope.serving.dicom.places import LOG, Place, Places

if TYPE_CHECKING:
    from pynetdicom.association import Association

PLACE_WAIT_S: Final = 1.5
"""A request for an association waits this long for a place before it is rejected."""

_TICK_S: Final = 0.02
_GC_S: Final = 30.0
_CHUNK: Final = 64 * 1024
_ESTABLISHED, _LAST_STATE = "Sta6", "Sta13"
"""Of the state machine of PS3.8 section 9.2; in the last one, nothing but the end of the connection
is awaited."""
_PAUSE_S: Final = 0.01


class BoundedSocket(AssociationSocket):
    """The socket of an association; reads no more than is allowed, and not for longer.

    Parameters
    ----------
    assoc, client_socket
        As in the base class.
    request
        The A-ASSOCIATE-RQ, which was read before.
    config
        Has the bounds.
    place
        Of the association.
    """

    def __init__(
        self,
        assoc: Association,
        client_socket: socket.socket,
        *,
        request: bytes,
        config: NodeConfig,
        place: Place,
    ) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self._kept = bytearray(request)
        self._config, self._place = config, place
        self._deadline = 0.0
        self._raw = client_socket
        client_socket.settimeout(config.idle_timeout_s)
        # The same connection for what must not wait: to Python, a timeout outweighs MSG_DONTWAIT.
        self._now = client_socket.dup()
        self._now.setblocking(False)

    @property
    def ready(self) -> bool:
        """Tell whether there is something to read that may be read now."""
        if self._kept:
            return True
        if self.assoc.dul.state_machine.current_state == _LAST_STATE:
            _discard(self._now)
            return False
        if self._messages.is_busy:
            return False
        if self.assoc.dul.state_machine.current_state == _ESTABLISHED:
            self._wait()
        return super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """Read the header of a PDU, or what follows it.

        Raises
        ------
        OSError
            If that is too long, or took too long; the sender has then been sent an A-ABORT.
        """
        if nr_bytes > max(self._config.max_pdu, len(self._kept)):
            self._refuse(pdu.INVALID_PARAMETER, f"a PDU of {nr_bytes:,} bytes")
        if nr_bytes == pdu.HEADER_BYTES:
            self._deadline = time.monotonic() + self._config.idle_timeout_s
            if self._messages.is_overdue:
                seconds = self._config.transfer_timeout_s
                self._refuse(pdu.NO_REASON, f"a data set that took more than {seconds:g} s")
        data = self._kept[:nr_bytes]
        del self._kept[:nr_bytes]
        while len(data) < nr_bytes:
            chunk = self._receive(min(nr_bytes - len(data), _CHUNK))
            if not chunk:
                break
            data += chunk
        self._raw.settimeout(self._config.idle_timeout_s)
        return data

    def cut(self) -> None:
        """Abort and close, from any thread; whoever reads or writes is woken by it."""
        with suppress(OSError):
            self._now.send(pdu.abort(pdu.NO_REASON))
        with suppress(OSError):
            self._raw.shutdown(socket.SHUT_RDWR)

    def _wait(self) -> None:
        """Sleep until something comes, but not for long: an answer may have to be sent."""
        with suppress(OSError, ValueError):
            select.select([self._raw], [], [], _PAUSE_S)

    def release(self) -> None:
        """Give the descriptors back."""
        self.drop_copy()
        _close(self._raw)

    def drop_copy(self) -> None:
        """Give back the descriptor that is this object's own."""
        self._now.close()

    def silent_s(self) -> float:
        """Return the seconds since the sender last sent something of use, read or not."""
        with suppress(OSError):
            if len(self._now.recv(PROGRESS_BYTES, socket.MSG_PEEK)) >= PROGRESS_BYTES:
                return 0.0
        return self._messages.silent_s()

    @property
    def _messages(self) -> BoundedMessages:
        return cast("BoundedMessages", self.assoc.dimse)

    def _receive(self, count: int) -> bytes:
        # 0 would mean not to wait at all.
        self._raw.settimeout(max(0.001, self._deadline - time.monotonic()))
        try:
            return self._raw.recv(count)
        except TimeoutError:
            self._refuse(pdu.NO_REASON, "a PDU that did not arrive in time")

    def _refuse(self, reason: int, what: str) -> NoReturn:
        LOG.warning("association of %s aborted: %s", self._place, what)
        self.send(pdu.abort(reason))
        raise ConnectionAbortedError(what)


class BoundedHandler(RequestHandler):
    """Makes the association of a request that was admitted."""

    server: BoundedServer

    def handle(self) -> None:
        """Start the association, if the request can be read."""
        waiting = self.server.admitted.pop(self.request)
        place = cast("Place", waiting.place)
        try:
            self._start(bytes(waiting.content), place)
        # What a stranger sent, or no further thread to be had, is no reason to stop.
        except Exception as error:
            self.server.places.leave(place)
            LOG.warning("connection of %s closed: %s", place.address, reason_of(error))
            _close(self.request, pdu.abort(pdu.INVALID_PARAMETER))

    def _start(self, request: bytes, place: Place) -> None:
        if not pdu.is_sound(request):
            raise ProtocolError("an association request that cannot be read")
        assoc = self._create_association()
        peer = self._bound(assoc, request, place)
        try:
            evt.trigger(assoc, evt.EVT_CONN_OPEN, {"address": self.client_address})
            assoc.start()
        except Exception:
            peer.drop_copy()
            raise

    def _bound(self, assoc: Association, request: bytes, place: Place) -> BoundedSocket:
        config = self.server.config
        messages = BoundedMessages(assoc, config, self.server.places, place)
        assoc.dimse = messages
        # In the place of the usual socket, which has announced the connection already.
        assoc.dul.socket = None
        assoc.dul.event_queue.queue.clear()
        peer = BoundedSocket(assoc, self.request, request=request, config=config, place=place)
        assoc.set_socket(peer)
        place.silent_s, place.cut = peer.silent_s, peer.cut

        def end() -> None:
            assoc.dul.kill_dul()
            # Before the place is free: a node that stops waits until all are.
            place.ended()
            self.server.places.leave(place)
            messages.close()
            peer.release()
            _log_end(assoc, place)

        assoc.dul.daemon = True
        _guard(assoc.dul, place, peer.cut)
        _guard(assoc, place, end)
        return peer


@dataclass(slots=True, eq=False)
class _Waiting:
    """A connection whose request is not complete, or has no place yet."""

    peer: socket.socket
    address: Any
    since: float
    content: bytearray = field(default_factory=bytearray)
    complete_at: float | None = None
    place: Place | None = None

    @property
    def host(self) -> str:
        return str(self.address[0])


class BoundedServer(ThreadedAssociationServer):
    """Accepts connections, and hands on those with a sound request and a place.

    Parameters
    ----------
    config
        Has the bounds.
    places
        That associations need.
    *args, **settings
        As in the base class.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *args: Any, config: NodeConfig, places: Places, **settings: Any) -> None:
        super().__init__(*args, **{**settings, "request_handler": BoundedHandler})
        self.config, self.places = config, places
        self.admitted: dict[Any, _Waiting] = {}
        self._waiting: list[_Waiting] = []
        self._selector = selectors.DefaultSelector()
        self._closing = threading.Event()
        self._gc_at = 0.0

    def serve_forever(self, poll_interval: float = _TICK_S) -> None:
        """Accept connections and read requests until :meth:`close`."""
        listening = cast("socket.socket", self.socket)
        listening.setblocking(False)
        self._selector.register(listening, selectors.EVENT_READ)
        while not self._closing.is_set():
            for key, _ in self._selector.select(poll_interval):
                # One connection's fault is not that of the others.
                try:
                    if key.data is None:
                        self._accept(listening)
                    elif key.data in self._waiting:
                        self._read(key.data)
                except OSError as error:
                    self._failed(key.data, error)
            self._admit()
            self.service_actions()
        for waiting in list(self._waiting):
            self._drop(waiting)
        self._selector.close()
        self.server_close()

    def close(self) -> None:
        """End :meth:`serve_forever`, from another thread."""
        self._closing.set()

    def service_actions(self) -> None:
        """Collect what dead associations left, at times: it takes as long as an image."""
        if time.monotonic() >= self._gc_at:
            self._gc_at = time.monotonic() + _GC_S
            gc.collect()

    def _accept(self, listening: socket.socket) -> None:
        peer, address = listening.accept()
        peer.setblocking(False)
        if len(self._waiting) >= self.config.max_waiting:
            hosts = Counter(one.host for one in self._waiting)
            crowd = hosts.most_common(1)[0][0]
            oldest = next(one for one in self._waiting if one.host == crowd)
            self._drop(oldest, f"more than {self.config.max_waiting} connections wait")
        waiting = _Waiting(peer, address, time.monotonic())
        self._waiting.append(waiting)
        self._selector.register(peer, selectors.EVENT_READ, waiting)

    def _failed(self, waiting: _Waiting | None, error: OSError) -> None:
        if waiting is not None:
            self._drop(waiting)
        elif not isinstance(error, (BlockingIOError, ConnectionAbortedError)):
            LOG.error("a connection could not be accepted: %s", error.strerror)
            time.sleep(_TICK_S)  # out of descriptors: not at full speed

    def _read(self, waiting: _Waiting) -> None:
        content = waiting.content
        need = pdu.HEADER_BYTES
        if len(content) >= need:
            need += pdu.header(content)[1]
        chunk = waiting.peer.recv(need - len(content))
        if not chunk:
            self._drop(waiting)
            return
        content += chunk
        if len(content) == pdu.HEADER_BYTES:
            self._check_header(waiting)
        elif len(content) == need > pdu.HEADER_BYTES:
            waiting.complete_at = time.monotonic()
            self._selector.unregister(waiting.peer)

    def _check_header(self, waiting: _Waiting) -> None:
        kind, length = pdu.header(waiting.content)
        if kind != pdu.ASSOCIATE_RQ:
            reason = pdu.UNEXPECTED if kind in pdu.PDU_TYPES else pdu.UNRECOGNIZED
            self._drop(waiting, "no association request", pdu.abort(reason))
        elif not pdu.MIN_REQUEST <= length <= pdu.MAX_REQUEST:
            answer = pdu.abort(pdu.INVALID_PARAMETER)
            self._drop(waiting, f"an association request of {length:,} bytes", answer)

    def _admit(self) -> None:
        """Give places in the order of the connections."""
        now = time.monotonic()
        complete = sum(one.complete_at is not None for one in self._waiting)
        for waiting in list(self._waiting):
            if waiting.complete_at is None:
                if now - waiting.since > self.config.association_timeout_s:
                    seconds = self.config.association_timeout_s
                    self._drop(waiting, f"no association request within {seconds:g} s")
            else:
                self._place(waiting, waited_s=now - waiting.complete_at, complete=complete)

    def _place(self, waiting: _Waiting, *, waited_s: float, complete: int) -> None:
        called, calling = pdu.titles(waiting.content)
        who = f"association of {calling!r} at {waiting.host}"
        if called != self.ae_title.strip():
            answer = pdu.reject(pdu.PERMANENT, pdu.SERVICE_USER, pdu.CALLED_TITLE)
            LOG.warning("%s rejected: it called %r", who, called)
            self._drop(waiting, answer=answer)
        elif self.config.accepted and calling not in self._accepted:
            answer = pdu.reject(pdu.PERMANENT, pdu.SERVICE_USER, pdu.CALLING_TITLE)
            LOG.warning("%s rejected: its title is not accepted", who)
            self._drop(waiting, answer=answer)
        elif place := self.places.take(waiting.host, calling, waiting=complete):
            waiting.place = place
            self._hand_on(waiting)
        elif waited_s > PLACE_WAIT_S:
            answer = pdu.reject(pdu.TRANSIENT, pdu.PRESENTATION, pdu.LOCAL_LIMIT)
            LOG.warning("%s rejected: too many associations", who)
            self._drop(waiting, answer=answer)

    @property
    def _accepted(self) -> set[str]:
        return {title.strip() for title in self.config.accepted}

    def _hand_on(self, waiting: _Waiting) -> None:
        self._waiting.remove(waiting)
        waiting.peer.setblocking(True)
        self.admitted[waiting.peer] = waiting
        try:
            self.process_request(waiting.peer, waiting.address)
        except RuntimeError:
            LOG.error("an association could not be started: no more threads are available")
            del self.admitted[waiting.peer]
            self.places.leave(cast("Place", waiting.place))
            _close(waiting.peer, pdu.abort(pdu.NO_REASON))

    def _drop(self, waiting: _Waiting, reason: str = "", answer: bytes = b"") -> None:
        if reason:
            LOG.warning("connection of %s closed: %s", waiting.host, reason)
        self._waiting.remove(waiting)
        with suppress(KeyError):
            self._selector.unregister(waiting.peer)
        _close(waiting.peer, answer)


def _close(peer: socket.socket, answer: bytes = b"") -> None:
    """Send a last word, without waiting, and close."""
    with suppress(OSError):
        peer.setblocking(False)
        if answer:
            peer.send(answer)
        peer.shutdown(socket.SHUT_WR)
        _discard(peer)
    with suppress(OSError):
        peer.close()


def _discard(peer: socket.socket) -> None:
    """Read what has come: a socket closed before that resets the connection, with the last word."""
    with suppress(OSError):
        for _ in range(16):
            if not peer.recv(_CHUNK):
                break


def _guard(thread: threading.Thread, place: Place, end: Callable[[], None]) -> None:
    """Let a thread of pynetdicom end without a stack trace, and never without its clean-up."""
    run = thread.run

    def guarded() -> None:
        try:
            run()
        except Exception as error:
            LOG.warning("association of %s broken off: %s", place, reason_of(error))
        finally:
            end()

    setattr(thread, "run", guarded)  # noqa: B010  mypy forbids the plain form


def _log_end(assoc: Association, place: Place) -> None:
    how = "released" if assoc.is_released else "ended"
    counts = f"{place.stored} stored, {place.refused} refused"
    LOG.info("association of %s %s: %s", place, how, counts)
