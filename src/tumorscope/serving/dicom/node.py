"""A DICOM node: every image that is sent to it is answered, then every series."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import pydicom.uid
from pynetdicom import AE, _config, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made when it is loaded
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    StorageCommitmentPushModel,
    UltrasoundImageStorage,
    Verification,
    XRayAngiographicImageStorage,
)

from tumorscope.answer import Failure, Prediction
from tumorscope.errors import ImageError, ImageTooLargeError, UsageError
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.scan import Scan
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom.auditing import NodeAuditor
from tumorscope.serving.dicom.config import NodeConfig
from tumorscope.serving.dicom.messages import BoundedMessages
from tumorscope.serving.dicom.origin import Origin, is_own_result, read_origin
from tumorscope.serving.dicom.places import LOG as _LOG
from tumorscope.serving.dicom.places import Places
from tumorscope.serving.dicom.series_assembler import DueSeries, SeriesAssembler
from tumorscope.serving.dicom.server import BoundedServer

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.presentation import PresentationContextTuple

    from tumorscope.serving.dicom.store_and_forward import StoreAndForward

STORAGE_CLASSES: Final = (
    MRImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    SecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    CTImageStorage,
    EnhancedCTImageStorage,
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    UltrasoundImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    XRayAngiographicImageStorage,
)
"""PS3.4 annex B.5. Those of other modalities are taken, too, and answered ``rejected``: a sender of
a mixed study would otherwise stop in the middle."""

DEFLATED: Final = pydicom.uid.DeflatedExplicitVRLittleEndian
TRANSFER_SYNTAXES: Final = (
    pydicom.uid.ExplicitVRLittleEndian,
    pydicom.uid.ImplicitVRLittleEndian,
    DEFLATED,
    pydicom.uid.ExplicitVRBigEndian,
    pydicom.uid.RLELossless,
    pydicom.uid.JPEGBaseline8Bit,
    pydicom.uid.JPEGExtended12Bit,
    pydicom.uid.JPEGLossless,
    pydicom.uid.JPEGLosslessSV1,
    pydicom.uid.JPEGLSLossless,
    pydicom.uid.JPEGLSNearLossless,
    pydicom.uid.JPEG2000Lossless,
    pydicom.uid.JPEG2000,
)

SUCCESS: Final = 0x0000
OUT_OF_RESOURCES: Final = 0xA700
CANNOT_UNDERSTAND: Final = 0xC000
PROCESSING_FAILURE: Final = 0x0110
DATASET_MISMATCH: Final = 0xA900
DUPLICATE: Final = 0x0111
"""Statuses of C-STORE, PS3.4 table B.2-1, and of any service, PS3.7 annex C."""

_WATCH_S: Final = 0.25
_DRAIN_S: Final = 30.0
"""Senders get this long to end when the node stops."""
_DRAIN_SILENT_S: Final = 2.0
"""A sender that says nothing for this long while the node stops is cut off."""
_READ_AT_A_TIME: Final = 4
"""Images in memory."""
_NEVER: Final = 1 << 30
"""Associations that pynetdicom would allow; places are counted before it is asked."""


class DicomNode:
    """Receives images by C-STORE and hands on their answers.

    The sender is told success once the answer has been written, or the image is on the disk to be
    answered, so that nothing it was told of is lost.

    Parameters
    ----------
    classifier
        That answers.
    config
        Address, titles and bounds.
    write
        Takes the JSON object of one answer after the other, never two at a time; may raise OSError.
    kept
        Where images are kept on the disk until their results are away; without it an image is
        answered before its sender is told success, and kept nowhere.

    Raises
    ------
    UsageError
        If the configuration cannot be.
    """

    def __init__(
        self,
        classifier: Classifier,
        config: NodeConfig,
        write: Callable[[dict[str, Any]], None],
        kept: StoreAndForward | None = None,
    ) -> None:
        config.check()
        self._kept = kept
        self._config, self._classifier, self._write_one = config, classifier, write
        self._auditor = NodeAuditor(config, classifier.identity)
        self._assembler = SeriesAssembler(classifier, after_s=config.series_after_s)
        # One image at a time has all cores: two would only wait for each other.
        self._busy = threading.Lock()
        # Before that, files that take long to read must not keep the others waiting.
        self._reading = threading.BoundedSemaphore(_READ_AT_A_TIME)
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="series", daemon=True)
        self._places = Places(in_all=config.max_associations, per_peer=config.max_per_peer)
        self._server: BoundedServer | None = None
        self._listener: threading.Thread | None = None

    def start(self) -> int:
        """Listen, and return the port.

        Raises
        ------
        UsageError
            If the address cannot be had.
        """
        config = self._config
        handlers: list[Any] = [(evt.EVT_C_STORE, self._store)]
        if config.takes_reports:
            handlers.append((evt.EVT_N_EVENT_REPORT, self._take_report))
        _set_up_pynetdicom()
        try:
            server = _application_entity(config).make_server(
                (config.host, config.port),
                evt_handlers=[*handlers, (evt.EVT_ESTABLISHED, self._begin)],
                server_class=BoundedServer,
                config=config,
                places=self._places,
            )
        except OSError as error:
            raise UsageError(
                f"{config.host}:{config.port} cannot be used ({error.strerror}); give another "
                "--port or --host."
            ) from error
        self._server = cast("BoundedServer", server)
        self._listener = threading.Thread(target=server.serve_forever, name="listen", daemon=True)
        self._listener.start()
        self._watcher.start()
        if self._kept is not None:
            self._kept.start()
        return int(server.server_address[1])

    def stop(self) -> None:
        """Take no more senders, let those that are there end, and answer what series there are."""
        if self._server is not None and self._listener is not None:
            self._server.close()
            self._listener.join()
        self._places.drain(_DRAIN_S, silent_s=_DRAIN_SILENT_S)
        self._stopping.set()
        self._watcher.join()
        with self._busy:
            pass  # the image that is being answered is a slice of its series, too
        self._answer_series(everything=True)
        if self._kept is not None:
            self._kept.stop()

    def _begin(self, event: evt.Event) -> None:
        place = cast("BoundedMessages", event.assoc.dimse).place
        _LOG.info("association of %s accepted", place)
        self._auditor.begin(place)

    def _store(self, event: evt.Event) -> int:
        """Answer one instance; the status tells the sender whether it is done."""
        messages = cast("BoundedMessages", event.assoc.dimse)
        uid = str(cast("C_STORE", event.request).AffectedSOPInstanceUID)
        try:
            status = self._refusal(messages) or self._answer(messages, uid, event.context)
        except OSError as error:
            _LOG.error("an answer could not be written: %s", error.strerror)
            status = OUT_OF_RESOURCES
        except Exception as error:
            _LOG.error("an image could not be answered: %s", type(error).__name__)
            status = PROCESSING_FAILURE
        if status == SUCCESS:
            messages.place.stored += 1
        else:
            messages.place.refused += 1
            _LOG.warning("C-STORE of %s refused with status %04X", messages.place, status)
        return status

    def _take_report(self, event: evt.Event) -> tuple[int, None]:
        """Take what a receiver of results says of its commitment to keep them."""
        try:
            if self._kept is not None:
                self._kept.take_report(event.event_information)
        # A damaged report can fail anywhere inside the parser.
        except Exception as error:
            _LOG.error("a report on storage commitment: %s", type(error).__name__)
            return PROCESSING_FAILURE, None
        return SUCCESS, None

    def _refusal(self, messages: BoundedMessages) -> int:
        if messages.refusal is None:
            return SUCCESS
        _LOG.warning("C-STORE of %s: %s", messages.place, messages.refusal)
        return OUT_OF_RESOURCES

    def _answer(
        self, messages: BoundedMessages, uid: str, context: PresentationContextTuple
    ) -> int:
        """Read, answer and write; the data set is in memory for no longer than this."""
        with self._reading:
            with cast("BinaryIO", messages.received) as file:
                content = file.read()
            read = _read(content, uid)
            header = not isinstance(read, Failure) or not _is_bomb(read, context.transfer_syntax)
            origin = read_origin(content if header else b"", calling=messages.place.calling)
            if self._kept is not None and not isinstance(read, Failure):
                return self._keep(self._kept, read, uid, content, origin)
            del content
            with self._busy:
                if self._stopping.is_set():
                    return OUT_OF_RESOURCES
                answers = self._answers(read)
                for answer in answers:
                    self._write_one(origin.record(answer))
                self._auditor.answered(messages.place, origin.study_instance_uid, answers)
                if not isinstance(read, Failure) and (series := read[0].series_uid):
                    self._assembler.add(series, uid, answers, origin)
        understood = any(isinstance(answer, Prediction) for answer in answers)
        return SUCCESS if understood else CANNOT_UNDERSTAND

    def _keep(
        self, kept: StoreAndForward, read: list[Scan], uid: str, content: bytes, origin: Origin
    ) -> int:
        """Put an image that can be read on the disk."""
        first = read[0]
        if first.sop_instance_uid != uid:
            _LOG.warning("C-STORE: the data set has another SOP Instance UID than the request")
            return DATASET_MISMATCH
        if is_own_result(content):
            return SUCCESS  # a PACS that sends everything also sends what it got from here
        digests = [one.member.digest for one in read if one.member is not None]
        digest = hashlib.sha256("".join(digests).encode()).hexdigest()
        known = kept.keep(uid, first.series_uid or uid, content, digest, origin)
        return DUPLICATE if known == "other pixels" else SUCCESS

    def _answers(self, read: list[Scan] | Failure) -> list[Prediction | Failure]:
        if isinstance(read, Failure):
            return [read]
        return [self._classifier.answer_scan(scan) for scan in read]

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_S):
            self._answer_series(everything=False)

    def _answer_series(self, *, everything: bool) -> None:
        for series in self._assembler.due(everything=everything):
            try:
                self._answer_one_series(series)
            except OSError as error:
                _LOG.error("the answer of a series could not be written: %s", error.strerror)
                self._assembler.put_off(series)
            # Trying again would fail again; the others are to be answered all the same.
            except Exception as error:
                _LOG.error("a series could not be answered: %s", type(error).__name__)
                self._assembler.answered(series)

    def _answer_one_series(self, series: DueSeries) -> None:
        if answer := self._assembler.answer(series):
            with self._busy:
                self._write_one(series.origin.record(answer))
        self._assembler.answered(series)


def _set_up_pynetdicom() -> None:
    # Its messages may hold what was sent, and cost time where nobody reads them.
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
    _config.LOG_HANDLER_LEVEL = "none"
    # A data set goes to a file as it comes.
    _config.STORE_RECV_CHUNKED_DATASET = True


def _application_entity(config: NodeConfig) -> AE:
    ae = AE(ae_title=config.ae_title)
    ae.require_called_aet = True
    ae.require_calling_aet = list(config.accepted)
    ae.maximum_associations = _NEVER
    ae.maximum_pdu_size = config.max_pdu
    ae.dimse_timeout = ae.network_timeout = config.idle_timeout_s
    ae.acse_timeout = config.association_timeout_s
    ae.add_supported_context(Verification)
    for storage in STORAGE_CLASSES:
        ae.add_supported_context(storage, list(TRANSFER_SYNTAXES))
    if config.takes_reports:
        # Who reports is the provider of the service, though it asks for the association.
        ae.add_supported_context(StorageCommitmentPushModel, scu_role=False, scp_role=True)
    return ae


def _read(content: bytes, uid: str) -> list[Scan] | Failure:
    try:
        return read_one(content, name=uid)
    except ImageError as error:
        return Failure(uid, error)


def _is_bomb(failure: Failure, syntax: str) -> bool:
    """Tell whether a file that could not be read had better not be read again for its header."""
    return syntax == DEFLATED or isinstance(failure.error, ImageTooLargeError)
