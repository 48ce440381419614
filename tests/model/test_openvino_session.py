"""OpenVINO in place of ONNX Runtime."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tumorscope import load_model
from tumorscope.errors import ArtifactError, UsageError
from tumorscope.imaging.phantom import SAMPLES, head_phantom
from tumorscope.model import openvino_session
from tumorscope.model.artifact import read_artifact
from tumorscope.model.integer_arithmetic import multiplies_exactly
from tumorscope.model.openvino_session import OpenVinoSession

needs_openvino = pytest.mark.skipif(
    not multiplies_exactly(), reason="OpenVINO would saturate: this processor has no VNNI"
)


@pytest.fixture
def chosen(monkeypatch):
    monkeypatch.setenv("TUMORSCOPE_RUNTIME", "openvino")


@needs_openvino
def test_answers_are_those_of_onnx_runtime(monkeypatch):
    pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    pictures = [
        head_phantom(lesion=lesion, seed=seed) for seed in range(3) for lesion in SAMPLES.values()
    ]
    expected = [load_model().predict(picture) for picture in pictures]
    monkeypatch.setenv("TUMORSCOPE_RUNTIME", "openvino")
    model = load_model()
    assert isinstance(model._session, OpenVinoSession)
    sets = model.manifest.conformal
    limits = (sets.tumor, 1 - sets.no_tumor, model.threshold)
    for picture, one in zip(pictures, expected, strict=True):
        answer = model.predict(picture)
        if one.probabilities is None:
            assert answer.outcome == one.outcome
            continue
        low, high = sorted((answer.probabilities["tumor"], one.probabilities["tumor"]))
        assert high - low < 0.02
        assert answer.outcome == one.outcome or any(low < limit <= high for limit in limits)


@needs_openvino
def test_threads_do_not_mix_their_answers(chosen):
    pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    model = load_model(threads=1)
    canvases = [
        head_phantom(lesion=lesion, seed=seed, size=224)[None]
        for seed in range(4)
        for lesion in SAMPLES.values()
    ]
    alone = [model.run(canvas)[0] for canvas in canvases]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda canvas: model.run(canvas)[0], canvases * 3))
    assert len(np.unique(np.concatenate(alone))) > 1
    np.testing.assert_allclose(np.concatenate(together), np.tile(np.concatenate(alone), 3))


def test_unknown_runtime_is_refused_by_name(monkeypatch):
    monkeypatch.setenv("TUMORSCOPE_RUNTIME", "abacus")
    with pytest.raises(UsageError, match="onnxruntime, openvino; received 'abacus'"):
        load_model()


def test_processor_that_would_saturate_is_refused(chosen, monkeypatch):
    monkeypatch.setattr(openvino_session, "multiplies_exactly", lambda: False)
    with pytest.raises(UsageError, match="no VNNI"):
        OpenVinoSession(read_artifact().graph, 1)


def test_missing_package_is_named(chosen, monkeypatch):
    monkeypatch.setattr(openvino_session, "multiplies_exactly", lambda: True)
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(UsageError, match=r"pip install \"tumorscope\[openvino\]\""):
        load_model()


@needs_openvino
def test_graph_that_is_none_is_an_artifact_error():
    pytest.importorskip("openvino", reason="the extra [openvino] is not installed")
    with pytest.raises(ArtifactError, match="cannot be loaded"):
        OpenVinoSession(b"no graph", 1)
