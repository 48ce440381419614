"""What an established association may send: one message at a time, of bounded size.

C-STORE and C-ECHO; N-EVENT-REPORT where reports on storage commitment are awaited.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dsutils import decode
from pynetdicom.pdu_primitives import P_DATA

from tumorscope.serving.dicom.config import NodeConfig
from tumorscope.serving.dicom.places import LOG, Place, Places

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse import _QueueItem
    from pynetdicom.dimse_messages import DIMSEMessage
    from pynetdicom.dimse_primitives import DimsePrimitiveType

MAX_COMMAND: Final = 16 * 1024
"""Bytes of a command set; a C-STORE-RQ has fewer than 500."""

MAX_REPORT: Final = 1024 * 1024
"""Bytes of the data set of an N-EVENT-REPORT-RQ, which stays in memory; a reference has 150."""

PROGRESS_BYTES: Final = 16 * 1024
"""A data set that grows by less is no sign of life: else a byte a second would hold a place."""

_PAUSE_S: Final = 0.004
_COMMAND, _LAST = 0x01, 0x02
"""Bits of the message control header, PS3.8 annex E.2."""
_STORE_RQ, _ECHO_RQ, _REPORT_RQ, _NO_DATASET = 0x0001, 0x0030, 0x0100, 0x0101
"""Command fields, and the command data set type that announces none, PS3.7 annex E."""
_OF_REPORT: Final = ("MessageID", "EventTypeID", "AffectedSOPClassUID", "AffectedSOPInstanceUID")
_INVALID_PDU: Final = "Evt19"
"""What the state machine of PS3.8 section 9.2 answers with A-ABORT."""


class ProtocolError(Exception):
    """Something that ends its association."""


def reason_of(error: Exception) -> str:
    """Return what the log may say: the text of other errors may quote what was sent."""
    return str(error) if isinstance(error, ProtocolError) else type(error).__name__


class BoundedMessages(DIMSEServiceProvider):
    """Puts messages together under bounds.

    A data set goes to an unlinked file, so that nothing of it is left whatever ends the process.
    What is over the bound is thrown away, and the sender told so once it has sent all; what is
    over twice the bound ends the association.

    Attributes
    ----------
    received
        The file of the data set that came last: an encoded DICOM file.
    refusal
        Why that data set was not kept, if so.
    place
        Of the association.
    """

    def __init__(
        self, assoc: Association, config: NodeConfig, places: Places, place: Place
    ) -> None:
        super().__init__(assoc)
        self.received: BinaryIO | None = None
        self.refusal: str | None = None
        self._config, self._places, self.place = config, places, place
        self._command = bytearray()
        self._size = self._marked = 0
        self._started: float | None = None
        self._alive_at = time.monotonic()
        self._is_serving, self._lock = False, threading.Lock()
        # pynetdicom hands a report to a thread of its own, past the queue.
        self._is_report = self._is_reporting = False

    @property
    def is_busy(self) -> bool:
        """Tell whether a message waits for its answer; nothing more is read until then."""
        with self._lock:
            return self._is_serving or self._is_reporting or not self.msg_queue.empty()

    @property
    def is_overdue(self) -> bool:
        """Tell whether a message has been arriving for too long."""
        started = self._started
        return started is not None and (
            time.monotonic() - started > self._config.transfer_timeout_s
        )

    def silent_s(self) -> float:
        """Return the seconds since the sender last sent something of use."""
        return 0.0 if self.is_busy else time.monotonic() - self._alive_at

    def get_msg(self, block: bool = False) -> _QueueItem:
        """Take a complete message.

        pynetdicom asks a thousand times a second; silent associations must not cost a core.
        """
        if self.msg_queue.empty():
            time.sleep(_PAUSE_S)
        with self._lock:
            item = super().get_msg(block)
            self._is_serving = item[1] is not None
        return item

    def send_msg(self, primitive: DimsePrimitiveType, context_id: int) -> None:
        """Send an answer. The sender was silent because it had to wait for it."""
        self._alive_at = time.monotonic()
        self.place.kept = 0
        self.dul._idle_timer.restart()
        self._is_reporting = False
        super().send_msg(primitive, context_id)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take what one P-DATA-TF brought."""
        try:
            for context_id, value in primitive.presentation_data_value_list:
                self._take(context_id, value)
        # Anything may surface in the parser.
        except Exception as error:
            LOG.warning("association of %s aborted: %s", self.place, reason_of(error))
            self.dul.event_queue.put(_INVALID_PDU)

    def close(self) -> None:
        """Give the files back."""
        files = [self.received, self.message._data_set_file if self.message else None]
        for file in files:
            if file is not None:
                with suppress(OSError):
                    file.close()

    def _take(self, context_id: int, value: bytes) -> None:
        if not value:
            raise ProtocolError("a fragment without a header")
        if value[0] & _COMMAND:
            self._check_command(value)
        else:
            value = self._bounded(value)
            # Before it is fed: the answer may be sent before that returns.
            self._is_reporting = self._is_report and bool(value[0] & _LAST)
        self._feed(context_id, value)
        if self.message is None:
            self._started, self._alive_at = None, time.monotonic()
        elif self.message._data_set_file and self.received is None:
            self._unlink(Path(self.message._data_set_file.name))

    def _check_command(self, value: bytes) -> None:
        if self.message is None:
            self._begin()
        elif self._is_in_dataset:
            raise ProtocolError("a command in the middle of a data set")
        self._command += value[1:]
        if len(self._command) > MAX_COMMAND:
            raise ProtocolError(f"a command of more than {MAX_COMMAND:,} bytes")
        if value[0] & _LAST:
            command = decode(BytesIO(self._command), True, True)
            has_dataset = command.CommandDataSetType != _NO_DATASET
            allowed = [(_STORE_RQ, True), (_ECHO_RQ, False)]
            if self._config.takes_reports:
                allowed.append((_REPORT_RQ, True))
            if (command.CommandField, has_dataset) not in allowed:
                raise ProtocolError("a message that is neither C-STORE-RQ nor C-ECHO-RQ")
            self._is_report = command.CommandField == _REPORT_RQ
            # pynetdicom leaves a request without one of these unanswered.
            if self._is_report and any(name not in command for name in _OF_REPORT):
                raise ProtocolError("an incomplete N-EVENT-REPORT-RQ")

    def _begin(self) -> None:
        if self.is_busy:
            raise ProtocolError("a second message before the first was answered")
        if self.received is not None:
            self.received.close()
        self.received = self.refusal = None
        self._is_report = False
        self._command.clear()
        self._size = self._marked = 0
        self._started = time.monotonic()

    def _bounded(self, value: bytes) -> bytes:
        """Return the fragment of a data set, or no more than its header where it is too large."""
        if not self._is_in_dataset:
            raise ProtocolError("a data set without its command")
        self._size += len(value) - 1
        if self._size - self._marked >= PROGRESS_BYTES:
            self._marked, self._alive_at = self._size, time.monotonic()
        if self._is_report:
            if self._size > MAX_REPORT:
                raise ProtocolError(f"a report of more than {MAX_REPORT:,} bytes")
            return value
        limit, in_all = self._config.max_dataset, self._config.max_receiving
        if self._size > 2 * limit:
            raise ProtocolError(f"a data set of more than twice the {limit:,} bytes allowed")
        if self.refusal is None:
            self.place.kept = self._size
            if self._size > limit:
                self._refuse(f"the data set has more than {limit:,} bytes")
            elif self._places.kept() > in_all:
                self._refuse(f"more than {in_all:,} bytes are being received in all")
        return value if self.refusal is None else value[:1]

    def _feed(self, context_id: int, value: bytes) -> None:
        try:
            super().receive_primitive(_fragment(context_id, value))
        except OSError as error:
            if self.message is None:
                raise
            self._refuse(f"the data set cannot be kept ({error.strerror})")
            # A file that cannot be made fails when the command is complete, which is known then.
            if not value[0] & _COMMAND:
                super().receive_primitive(_fragment(context_id, value[:1]))

    @property
    def _is_in_dataset(self) -> bool:
        """Tell whether the command is complete and its data set is not."""
        message = self.message
        return message is not None and (
            message._data_set_file is not None or self.refusal is not None or self._is_report
        )

    def _refuse(self, reason: str) -> None:
        """Give the file up: its room is free at once, and no write to it can fail any more."""
        self.refusal, self.place.kept = reason, 0
        message = cast("DIMSEMessage", self.message)
        file, path = message._data_set_file, message._data_set_path
        message._data_set_file = message._data_set_path = None
        if file is None:
            return
        with suppress(OSError):
            os.ftruncate(cast("BinaryIO", file).fileno(), 0)
        with suppress(OSError):
            file.close()
        if self.received is None and isinstance(path, Path):
            path.unlink(missing_ok=True)

    def _unlink(self, path: Path) -> None:
        self.received = path.open("rb")
        # Where a file that is open cannot be unlinked, pynetdicom does it after the answer.
        with suppress(OSError):
            path.unlink()


def _fragment(context_id: int, value: bytes) -> P_DATA:
    primitive = P_DATA()
    primitive.presentation_data_value_list.append((context_id, value))
    return primitive
