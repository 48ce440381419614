import json

import numpy as np
import pytest
from msgspec.structs import replace

from tumorscope.answer import (
    Failure,
    Localization,
    ModelIdentity,
    Prediction,
    SeriesPrediction,
)
from tumorscope.errors import CorruptImageError, ImageTooLargeError, UsageError
from tumorscope.labels import NOTICE
from tumorscope.operating_point import OperatingPoint

MODEL = ModelIdentity("tiny", "0", "ab" * 32)
PREDICTION = Prediction(
    source="scan.dcm",
    outcome="tumor",
    probabilities={"tumor": 0.75, "no_tumor": 0.25},
    type_probabilities={"glioma": 0.5, "meningioma": 0.25, "pituitary": 0.25},
    prediction_set=("tumor",),
    reasons=(),
    localization=Localization((1, 2), (0, 1, 3, 4)),
    model=MODEL,
    operating_point=OperatingPoint("balanced", 0.5),
    slice_index=5,
    sop_instance_uid="1.2.3",
    series_instance_uid="1.2",
    study_instance_uid="1",
    series_key="1.2",
    position_mm=-3.5,
)
SERIES = SeriesPrediction(
    source="folder",
    series_instance_uid="1.2",
    outcome="no_tumor",
    probabilities={"tumor": 0.25, "no_tumor": 0.75},
    type_probabilities={"glioma": 0.5, "meningioma": 0.25, "pituitary": 0.25},
    prediction_set=("no_tumor",),
    reasons=(),
    slices=3,
    failed_slices=1,
    most_suspicious=(
        {"source": "scan.dcm", "slice_index": 5, "sop_instance_uid": "1.2.3", "probability": 0.3},
    ),
    model=MODEL,
    operating_point=OperatingPoint("balanced", 0.5),
)


def test_image_answer_has_the_documented_shape() -> None:
    assert json.loads(json.dumps(PREDICTION.to_dict())) == {
        "kind": "image",
        "source": "scan.dcm",
        "slice_index": 5,
        "sop_instance_uid": "1.2.3",
        "series_instance_uid": "1.2",
        "study_instance_uid": "1",
        "outcome": "tumor",
        "probabilities": {"tumor": 0.75, "no_tumor": 0.25},
        "type_probabilities": {"glioma": 0.5, "meningioma": 0.25, "pituitary": 0.25},
        "prediction_set": ["tumor"],
        "reasons": [],
        "operating_point": {"name": "balanced", "threshold": 0.5},
        "sequence": {"name": None, "probability": None, "from": None},
        "plane": None,
        "localization": {"peak": [1, 2], "box": [0, 1, 3, 4]},
        "notes": [],
        "model": {"id": "tiny", "version": "0", "sha256": "ab" * 32},
        "notice": "Research use only. Not a medical device.",
    }


def test_rejected_answer_has_no_probabilities() -> None:
    rejected = replace(
        PREDICTION,
        outcome="rejected",
        probabilities=None,
        type_probabilities=None,
        prediction_set=(),
        reasons=("It looks like a photograph.",),
        localization=None,
    ).to_dict()
    assert rejected["probabilities"] is None
    assert rejected["type_probabilities"] is None
    assert rejected["localization"] is None
    assert rejected["prediction_set"] == []
    assert rejected["reasons"] == ["It looks like a photograph."]


def test_series_answer() -> None:
    answer = json.loads(json.dumps(SERIES.to_dict()))
    assert answer["kind"] == "series"
    assert answer["series_instance_uid"] == "1.2"
    assert (answer["slices"], answer["failed_slices"]) == (3, 1)
    assert answer["most_suspicious"][0]["slice_index"] == 5
    assert answer["notice"] == NOTICE


def test_failure_has_the_documented_shape() -> None:
    failure = Failure("a.png", CorruptImageError("The file is empty (0 bytes)."))
    answer = json.loads(json.dumps(failure.to_dict()))
    assert answer["kind"] == "error"
    assert answer["source"] == "a.png"
    assert answer["error"] == {
        "type": "corrupt-image",
        "title": "The file is damaged or incomplete.",
        "detail": "The file is empty (0 bytes).",
    }
    other = Failure("a.png", ImageTooLargeError("Too large.")).to_dict()
    assert other["error"]["type"] == "image-too-large"


def test_answers_never_say_forbidden_words() -> None:
    failure = Failure("a.png", CorruptImageError("Damaged."))
    text = " ".join(str(one.to_dict()) for one in (PREDICTION, SERIES, failure)).lower()
    for word in ("normal", "healthy", "diagnos", "severity", "confidence"):
        assert word not in text


def test_overlay_needs_the_evidence() -> None:
    with pytest.raises(UsageError, match="heatmap=True"):
        PREDICTION.overlay()


def test_overlay_is_of_the_size_of_the_image() -> None:
    image = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    drawn = replace(PREDICTION, evidence=np.zeros((3, 4), np.float32), pixels=image)
    assert drawn.overlay().size == (4, 3)
    assert drawn.overlay().mode == "RGB"


def test_former_names_say_what_has_replaced_them() -> None:
    with pytest.warns(DeprecationWarning, match="series_uid is now series_key"):
        assert PREDICTION.series_uid == "1.2"
    with pytest.warns(DeprecationWarning, match="series_uid is now series_instance_uid"):
        assert SERIES.series_uid == "1.2"
    for one, uid in ((PREDICTION, "1"), (SERIES, None)):
        with pytest.warns(DeprecationWarning, match="study_uid is now study_instance_uid"):
            assert one.study_uid == uid
