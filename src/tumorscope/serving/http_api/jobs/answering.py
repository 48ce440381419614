"""From uploaded files to answers: the same steps for image requests and for jobs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tumorscope.answer import Failure, Prediction
from tumorscope.errors import CorruptImageError, ImageError
from tumorscope.imaging.inputs.read import decode
from tumorscope.imaging.inputs.sources import SourceFile
from tumorscope.imaging.limits import Limits
from tumorscope.imaging.scan import ReadFailure, Scan
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.base.logs import log_crash
from tumorscope.serving.http_api.edge.admission import Admission

Sources = Iterator[SourceFile | ReadFailure]
NOT_PROCESSED = "The file could not be processed; it is damaged or of an unusual kind."


def listed(sources: Sources, name: str) -> Sources:
    """List the files of an upload; an archive that cannot be used gives one failure."""
    try:
        yield from sources
    except ImageError as error:
        yield ReadFailure(name, error)


def read_scans(
    source: SourceFile | ReadFailure, *, limits: Limits, admission: Admission
) -> list[Scan] | Failure:
    """Decode one file in its turn."""
    if isinstance(source, ReadFailure):
        return Failure(source.source, source.error)
    with admission.compute():
        try:
            return decode(source.read(), source.name, limits, source.companion)
        except ImageError as error:
            return Failure(source.name, error)
        # The readers turn what they foresee into ImageError; the rest must not end the batch.
        except Exception as error:
            log_crash(error)
            return Failure(source.name, CorruptImageError(NOT_PROCESSED))


def answer_scan(
    classifier: Classifier, scan: Scan, *, heatmap: bool, admission: Admission
) -> Prediction | Failure:
    """Classify one slice in its turn."""
    with admission.compute():
        started = time.perf_counter()
        answer = _classify(classifier, scan, heatmap=heatmap)
    metrics.INFERENCE_SECONDS.observe(time.perf_counter() - started)
    metrics.ANSWERS.labels("error" if isinstance(answer, Failure) else answer.outcome).inc()
    return answer


def _classify(classifier: Classifier, scan: Scan, *, heatmap: bool) -> Prediction | Failure:
    try:
        return classifier.predict_scan(scan, heatmap=heatmap)
    except ImageError as error:
        return Failure(scan.source, error, scan.slice_index)
    # As above: one slice must not end the batch.
    except Exception as error:
        log_crash(error)
        return Failure(scan.source, CorruptImageError(NOT_PROCESSED), scan.slice_index)
