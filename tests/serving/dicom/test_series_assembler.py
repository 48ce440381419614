"""What is kept of a series is bounded, and kept until its answer has been written."""

from collections.abc import Callable

import numpy as np
import pytest

from tumorscope.answer import Prediction
from tumorscope.imaging.scan import Scan
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.dicom import series_assembler
from tumorscope.serving.dicom.origin import Origin
from tumorscope.serving.dicom.series_assembler import SeriesAssembler

ORIGIN = Origin(calling_ae_title="A")
Answer = Callable[[str, str], Prediction]


@pytest.fixture(scope="module")
def classifier(tiny_artifact: Artifact) -> Classifier:
    return Classifier(tiny_artifact)


@pytest.fixture(scope="module")
def answer(classifier: Classifier) -> Answer:
    pixels = np.zeros((64, 64), np.float32)
    pixels[16:48, 16:48] = 100

    def make(series: str, instance: str) -> Prediction:
        made = classifier.answer_scan(Scan(pixels, f"{series}.{instance}", series_uid=series))
        assert isinstance(made, Prediction)
        return made

    return make


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def make(classifier: Classifier, *, after_s: float = 3600) -> tuple[SeriesAssembler, Clock]:
    clock = Clock()
    return SeriesAssembler(classifier, after_s=after_s, clock=clock), clock


def test_oldest_series_is_answered_when_too_much_is_kept(
    classifier: Classifier, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_assembler, "MAX_ANSWERS", 5)
    assembler, _ = make(classifier)
    for series in ("1.1", "1.2", "1.3"):
        for index in "01":
            made = answer(series, index)
            assembler.add(series, made.source, [made], Origin(calling_ae_title=series))
    [due] = assembler.due()
    answered = assembler.answer(due)
    assert answered is not None
    assert answered.source == due.origin.calling_ae_title == "1.1"
    assembler.answered(due)
    assert {one.uid for one in assembler.due(everything=True)} == {"1.2", "1.3"}


def test_frames_count_as_many_and_a_series_over_the_bound_is_answered_in_parts(
    classifier: Classifier, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(series_assembler, "MAX_ANSWERS", 5)
    assembler, _ = make(classifier)
    frames = [answer("1.1", str(index)) for index in range(6)]
    assembler.add("1.1", "a", frames, ORIGIN)
    [due] = assembler.due()
    assembler.add("1.1", "b", frames[:2], ORIGIN)
    assembler.answered(due)
    assert assembler.due() == []
    [rest] = assembler.due(everything=True)
    assert list(rest.instances) == ["b"]


def test_series_is_due_until_its_answer_is_written(classifier: Classifier, answer: Answer) -> None:
    assembler, clock = make(classifier, after_s=10)
    assembler.add("1.1", "a", [answer("1.1", "a")], ORIGIN)
    clock.now += 10
    [due] = assembler.due()
    assembler.put_off(due)
    assert assembler.due() == []
    clock.now += series_assembler.RETRY_S
    [due] = assembler.due()
    assembler.answered(due)
    clock.now += 10
    assert assembler.due(everything=True) == []


def test_slice_that_comes_while_its_series_is_answered_is_answered_too(
    classifier: Classifier, answer: Answer
) -> None:
    assembler, _ = make(classifier)
    assembler.add("1.1", "a", [answer("1.1", "a")], ORIGIN)
    [due] = assembler.due(everything=True)
    assembler.add("1.1", "b", [answer("1.1", "b")], ORIGIN)
    assembler.answered(due)
    [again] = assembler.due(everything=True)
    assert list(again.instances) == ["a", "b"]
