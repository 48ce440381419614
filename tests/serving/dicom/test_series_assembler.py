"""What is kept of a series is bounded."""

import numpy as np
import pytest

from tumorscope.imaging.scan import Scan
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom import series_assembler as series_desk
from tumorscope.serving.dicom.origin import Origin
from tumorscope.serving.dicom.series_assembler import SeriesDesk


def test_oldest_series_is_answered_when_too_much_is_kept(
    tiny_artifact: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_desk, "MAX_INSTANCES", 5)
    classifier = Classifier(tiny_artifact)
    seconds = iter(range(100))
    desk = SeriesDesk(classifier, after_s=3600, clock=lambda: float(next(seconds)))
    pixels = np.zeros((64, 64), np.float32)
    pixels[16:48, 16:48] = 100
    for series in ("1.1", "1.2", "1.3"):
        for index in range(2):
            scan = Scan(pixels, f"{series}.{index}", series_uid=series)
            answer = classifier.answer_scan(scan)
            desk.add(series, scan.source, [answer], Origin(calling_ae_title=series))
    [(answer, origin)] = desk.due()
    assert answer.source == origin.calling_ae_title == "1.1"
    assert {one.source for one, _ in desk.due(everything=True)} == {"1.2", "1.3"}
