"""Results to a PACS: C-STORE or STOW-RS, tried until they are received."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import pydicom
import requests
from dicomweb_client.api import DICOMwebClient
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made when it is loaded
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
)
from requests.adapters import HTTPAdapter

from tumorscope.errors import UsageError
from tumorscope.serving.dicom.calls import Caller
from tumorscope.serving.dicom.series_store import SeriesStore, Waiting

_LOG: Final = logging.getLogger("tumorscope.node")
_CLASSES: Final = (
    Comprehensive3DSRStorage,
    EncapsulatedPDFStorage,
    ParametricMapStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)
_STORED: Final = frozenset({0x0000, 0x0111, 0xB000, 0xB006, 0xB007})
"""Statuses after which the receiver has the instance: success, duplicate, and the warnings of
PS3.4 table B.2-1."""
_TIMEOUT_S: Final = 60.0
_LOOK_S: Final = 0.5


Report = Callable[[pydicom.Dataset], None]
"""Takes the event information of a report on storage commitment, PS3.4 annex J.3.3."""

_ACTION_TYPE: Final = 1
"""Request storage commitment, PS3.4 table J.3-1."""
_REPORT_WAIT_S: Final = 2.0
"""A receiver may report in the association in which it was asked; it is not waited for longer."""


class DeliveryError(Exception):
    """A result was not received; the message says why and quotes nothing of the result."""


class Receiver(Protocol):
    """A place that results are sent to."""

    @property
    def name(self) -> str:
        """What tells it from others, in the store and in the log."""

    @property
    def commits(self) -> bool:
        """Whether it has a result only when it committed to keep it."""

    def send(
        self, files: Sequence[Path], done: Callable[[int, DeliveryError | None], None]
    ) -> None:
        """Send files one by one; ``done`` hears of each by its place.

        Raises
        ------
        DeliveryError
            If the receiver cannot be reached; nothing was said of the rest then.
        """

    def ask(self, files: Sequence[Path], transaction: str, report: Report) -> None:
        """Ask to commit to files that were sent; the report may come now, or to the node later.

        Raises
        ------
        DeliveryError
            If the receiver cannot be asked.
        """


@dataclass(frozen=True, slots=True)
class StoreReceiver:
    """A PACS that takes C-STORE.

    Attributes
    ----------
    ae_title, host, port
        Of the receiver.
    calling
        Title of this node.
    commits
        Whether it is asked for storage commitment.
    """

    ae_title: str
    host: str
    port: int
    calling: str
    commits: bool = False

    @classmethod
    def parse(cls, address: str, *, calling: str, commits: bool = False) -> StoreReceiver:
        """Read ``AE@HOST:PORT``.

        Raises
        ------
        UsageError
            If it is not of this form.
        """
        title, at, place = address.partition("@")
        host, colon, port = place.rpartition(":")
        is_port = port.isascii() and port.isdigit() and 0 < int(port) < 65536
        if not (at and colon and 0 < len(title.strip()) <= 16 and host and is_port):
            raise UsageError(
                f"A receiver is AE@HOST:PORT, such as PACS@10.0.0.5:104; received {address!r}."
            )
        return cls(title.strip(), host.strip("[]"), int(port), calling, commits)

    @property
    def name(self) -> str:
        """What tells it from others."""
        return f"{self.ae_title}@{self.host}:{self.port}"

    def send(
        self, files: Sequence[Path], done: Callable[[int, DeliveryError | None], None]
    ) -> None:
        """Send files in one association; see :class:`Receiver`."""
        with self._association(_CLASSES) as association:
            for place, file in enumerate(files):
                if not association.is_established:
                    raise DeliveryError("it ended the association")
                done(place, self._store(association, file))

    def ask(self, files: Sequence[Path], transaction: str, report: Report) -> None:
        """Ask by N-ACTION; see :class:`Receiver`."""
        reported = threading.Event()

        def take(event: evt.Event) -> tuple[int, None]:
            report(event.event_information)
            reported.set()
            return 0, None

        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, take)]
        with self._association([StorageCommitmentPushModel], handlers) as association:
            try:
                status, _ = association.send_n_action(
                    _request(files, transaction),
                    _ACTION_TYPE,
                    StorageCommitmentPushModel,
                    StorageCommitmentPushModelInstance,
                )
            except ValueError as error:
                raise DeliveryError("it offers no storage commitment") from error
            if status.get("Status") != 0:
                said = f"{status.Status:04X}" if "Status" in status else "nothing"
                raise DeliveryError(f"asked for storage commitment, it answered {said}")
            reported.wait(_REPORT_WAIT_S)

    @contextmanager
    def _association(
        self, classes: Iterable[UID], handlers: list[Any] | None = None
    ) -> Iterator[Any]:
        sender = Caller(ae_title=self.calling)
        sender.acse_timeout = sender.dimse_timeout = sender.network_timeout = _TIMEOUT_S
        sender.connection_timeout = _TIMEOUT_S
        for one in classes:
            sender.add_requested_context(one, ExplicitVRLittleEndian)
        association = sender.associate(
            self.host, self.port, ae_title=self.ae_title, evt_handlers=handlers
        )
        if not association.is_established:
            raise DeliveryError("it cannot be reached, or rejected the association")
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def _store(self, association: Any, file: Path) -> DeliveryError | None:
        try:
            status = association.send_c_store(pydicom.dcmread(file)).get("Status")
        except ValueError:
            return DeliveryError("it takes no objects of this kind")
        if status is None:
            return DeliveryError("it gave no answer")
        return None if status in _STORED else DeliveryError(f"it answered {status:04X}")


def _request(files: Sequence[Path], transaction: str) -> pydicom.Dataset:
    """Return the action information of a request for commitment, PS3.4 table J.3-2."""
    request = pydicom.Dataset()
    request.TransactionUID = transaction
    request.ReferencedSOPSequence = []
    for file in files:
        ds = pydicom.dcmread(file, specific_tags=["SOPClassUID", "SOPInstanceUID"])
        one = pydicom.Dataset()
        one.ReferencedSOPClassUID = ds.SOPClassUID
        one.ReferencedSOPInstanceUID = ds.SOPInstanceUID
        request.ReferencedSOPSequence.append(one)
    return request


def read_report(information: pydicom.Dataset) -> tuple[str, list[str], list[str]]:
    """Return transaction, and SOP Instance UIDs that were and were not committed to."""
    return (
        str(information.get("TransactionUID") or ""),
        _uids(information.get("ReferencedSOPSequence")),
        _uids(information.get("FailedSOPSequence")),
    )


def _uids(references: Iterable[pydicom.Dataset] | None) -> list[str]:
    return [str(one.get("ReferencedSOPInstanceUID") or "") for one in references or ()]


@dataclass(frozen=True, slots=True)
class StowReceiver:
    """A PACS that takes STOW-RS.

    Attributes
    ----------
    url
        Of its DICOMweb service, such as ``https://pacs/dicom-web``. A name and password stand in
        the file that ``NETRC`` names, or in the URL.
    """

    url: str

    def __post_init__(self) -> None:
        check_url(self.url)

    @property
    def name(self) -> str:
        """The URL without name and password."""
        return without_password(self.url)

    @property
    def commits(self) -> bool:
        """DICOMweb has no storage commitment that a service is known to offer."""
        return False

    def ask(self, files: Sequence[Path], transaction: str, report: Report) -> None:
        """Do nothing; see :attr:`commits`."""

    def send(
        self, files: Sequence[Path], done: Callable[[int, DeliveryError | None], None]
    ) -> None:
        """Send files, a request each; see :class:`Receiver`."""
        client = web_client(self.url)
        for place, file in enumerate(files):
            try:
                said = client.store_instances([pydicom.dcmread(file)])
            except requests.HTTPError as error:
                done(place, DeliveryError(f"it answered {_status(error)}"))
            except (requests.RequestException, OSError) as error:
                raise DeliveryError(f"it cannot be reached ({type(error).__name__})") from error
            else:
                failed = said.get("FailedSOPSequence") or []
                reason = failed[0].get("FailureReason") if failed else None
                problem = DeliveryError(f"it refused the instance ({reason})") if failed else None
                done(place, problem)


def web_client(url: str) -> DICOMwebClient:
    """Return a client of a DICOMweb service that waits for no answer for ever.

    Raises
    ------
    UsageError
        If it is no URL.
    """
    check_url(url)
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, _WithTimeout())
    parts = urlsplit(url)
    if parts.username is not None:
        session.auth = (parts.username, parts.password or "")
    client = DICOMwebClient(without_password(url).rstrip("/"), session=session)
    client.set_http_retry_params(retry=False)
    return client


def check_url(url: str) -> None:
    """Raise UsageError for what is no address of a web service."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"A DICOMweb service is a URL such as https://pacs.example/dicom-web; received {url!r}."
        )


def without_password(url: str) -> str:
    """Return a URL as a log may have it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


class _WithTimeout(HTTPAdapter):
    def send(self, *args: Any, **options: Any) -> requests.Response:
        options["timeout"] = options.get("timeout") or _TIMEOUT_S
        return super().send(*args, **options)


def _status(error: requests.HTTPError) -> str:
    return "an HTTP error" if error.response is None else f"HTTP {error.response.status_code}"


class Delivery:
    """Sends what waits in the store, a thread for each receiver.

    A result is marked as sent after its receiver said so. A process that ends in between sends it
    again, under the same identifiers, so that the receiver has it once.

    Parameters
    ----------
    store
        That holds the results.
    receivers
        Each gets all of them.
    """

    def __init__(self, store: SeriesStore, receivers: Sequence[Receiver]) -> None:
        self._store, self._stopping = store, threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(one,), name="delivery", daemon=True)
            for one in receivers
        ]

    def start(self) -> None:
        """Begin to send."""
        for one in self._threads:
            one.start()

    def stop(self) -> None:
        """Send no more; what is under way is ended."""
        self._stopping.set()
        for one in self._threads:
            one.join()

    def _run(self, receiver: Receiver) -> None:
        while not self._stopping.wait(_LOOK_S):
            try:
                self.send_due(receiver)
            except Exception as error:
                _LOG.error("delivery to %s: %s", receiver.name, type(error).__name__)

    def send_due(self, receiver: Receiver) -> None:
        """Send what is due, and ask to commit to it; what is not received is put off."""
        waiting = self._store.waiting(receiver.name)
        stored = [one for one in waiting if one.is_stored]
        unsent = [one for one in waiting if not one.is_stored]
        left = {one.number: one for one in unsent}

        def done(place: int, problem: DeliveryError | None) -> None:
            one = left.pop(unsent[place].number)
            if problem is not None:
                self._put_off(receiver, one, problem)
            elif receiver.commits:
                self._store.stored(one)
                stored.append(one)
            else:
                self._store.sent(one)

        if unsent:
            try:
                receiver.send([one.file for one in unsent], done)
            except DeliveryError as problem:
                for one in left.values():
                    self._put_off(receiver, one, problem)
        if stored:
            self._ask(receiver, stored)

    def _ask(self, receiver: Receiver, stored: list[Waiting]) -> None:
        if not receiver.commits:  # it was asked to before the node was started anew
            for one in stored:
                self._store.sent(one)
            return
        transaction = generate_uid(prefix=None)
        self._store.asked(stored, transaction)
        try:
            receiver.ask([one.file for one in stored], transaction, self.take_report)
        except DeliveryError as problem:
            for one in stored:
                self._put_off(receiver, one, problem)

    def take_report(self, information: pydicom.Dataset) -> None:
        """Take what a receiver says of its commitment."""
        transaction, committed, failed = read_report(information)
        if not transaction:
            return
        count = self._store.reported(transaction, committed, failed)
        _LOG.info("storage commitment to %d results", count)
        if failed:
            _LOG.warning("no storage commitment to %d results; they are sent again", len(failed))

    def _put_off(self, receiver: Receiver, one: Waiting, problem: DeliveryError) -> None:
        delay = self._store.not_sent(one)
        _LOG.warning(
            "a result was not received by %s: %s; next try in %.0f s", receiver.name, problem, delay
        )
