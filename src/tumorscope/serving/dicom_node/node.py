"""A DICOM node: every image that is sent to it is answered, then every series."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import pydicom.uid
from pynetdicom import AE, evt
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
    UltrasoundImageStorage,
    Verification,
    XRayAngiographicImageStorage,
)

from tumorscope.errors import ImageError, UsageError
from tumorscope.imaging.read import read_one
from tumorscope.model.classifier import Classifier
from tumorscope.model.prediction import Answer, Failure, Prediction
from tumorscope.serving.dicom_node.config import NodeConfig
from tumorscope.serving.dicom_node.series_desk import SeriesDesk

if TYPE_CHECKING:
    from pynetdicom.dimse_primitives import C_STORE

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

TRANSFER_SYNTAXES: Final = (
    pydicom.uid.ExplicitVRLittleEndian,
    pydicom.uid.ImplicitVRLittleEndian,
    pydicom.uid.DeflatedExplicitVRLittleEndian,
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
"""Statuses of C-STORE, PS3.4 table B.2-1, and of any service, PS3.7 annex C."""

_WATCH_S: Final = 0.25
_DRAIN_S: Final = 30.0
"""Senders get this long to end when the node stops."""

_LOG: Final = logging.getLogger("tumorscope.node")


class DicomNode:
    """Receives images by C-STORE and hands on their answers.

    The sender is told success once the answer has been written, so that nothing it was told of is
    lost. Images are kept nowhere.

    Parameters
    ----------
    classifier
        That answers.
    config
        Address, titles and bounds.
    write
        Takes one answer after the other, never two at a time; may raise OSError.

    Raises
    ------
    UsageError
        If the configuration cannot be.
    """

    def __init__(
        self, classifier: Classifier, config: NodeConfig, write: Callable[[Answer], None]
    ) -> None:
        config.check()
        self._config, self._classifier, self._write_one = config, classifier, write
        self._desk = SeriesDesk(classifier, after_s=config.series_after_s)
        # One image at a time has all cores: two would only wait for each other.
        self._busy = threading.Lock()
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="series", daemon=True)
        self._ae = _application_entity(config)
        self._server: Any = None

    def start(self) -> int:
        """Listen, and return the port.

        Raises
        ------
        UsageError
            If the address cannot be had.
        """
        # Its messages may hold what was sent.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
        config = self._config
        try:
            self._server = self._ae.start_server(
                (config.host, config.port),
                block=False,
                evt_handlers=[(evt.EVT_C_STORE, self._store)],
            )
        except OSError as error:
            raise UsageError(
                f"{config.host}:{config.port} cannot be used ({error.strerror}); give another "
                "--port or --host."
            ) from error
        self._watcher.start()
        return int(self._server.server_address[1])

    def stop(self) -> None:
        """Take no more senders, let those that are there end, and answer what series there are."""
        self._server.shutdown()
        end = time.monotonic() + _DRAIN_S
        while self._ae.active_associations and time.monotonic() < end:
            time.sleep(_WATCH_S)
        self._ae.shutdown()
        self._stopping.set()
        self._watcher.join()
        self._answer_series(everything=True)

    def _store(self, event: evt.Event) -> int:
        """Answer one instance; the status tells the sender whether it is done."""
        uid = str(cast("C_STORE", event.request).AffectedSOPInstanceUID)
        try:
            content = event.encoded_dataset()
            with self._busy:
                answers = self._answer(content, uid)
                for answer in answers:
                    self._write_one(answer)
        except OSError as error:
            _LOG.error("an answer could not be written: %s", error.strerror)
            return OUT_OF_RESOURCES
        except Exception as error:
            _LOG.error("an image could not be answered: %s", type(error).__name__)
            return PROCESSING_FAILURE
        understood = any(isinstance(answer, Prediction) for answer in answers)
        return SUCCESS if understood else CANNOT_UNDERSTAND

    def _answer(self, content: bytes, uid: str) -> list[Prediction | Failure]:
        try:
            scans = read_one(content, name=uid)
        except ImageError as error:
            return [Failure(uid, error)]
        answers = [self._classifier.answer_scan(scan) for scan in scans]
        if series := scans[0].series_uid:
            self._desk.add(series, uid, answers)
        return answers

    def _watch(self) -> None:
        while not self._stopping.wait(_WATCH_S):
            self._answer_series(everything=False)

    def _answer_series(self, *, everything: bool) -> None:
        for answer in self._desk.due(everything=everything):
            try:
                with self._busy:
                    self._write_one(answer)
            except OSError as error:
                _LOG.error("the answer of a series could not be written: %s", error.strerror)


def _application_entity(config: NodeConfig) -> AE:
    ae = AE(ae_title=config.ae_title)
    ae.require_called_aet = True
    ae.require_calling_aet = list(config.accepted)
    ae.maximum_associations = config.max_associations
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = config.idle_timeout_s
    ae.add_supported_context(Verification)
    for storage in STORAGE_CLASSES:
        ae.add_supported_context(storage, list(TRANSFER_SYNTAXES))
    return ae
