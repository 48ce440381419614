import numpy as np
import pytest

from tumorscope.errors import ArtifactError
from tumorscope.model.recognition import Recognition, recognize_plane, recognize_sequence

NAMES = ("T1", "T1+C", "T2", "FLAIR")


def _logits(**shares: float) -> np.ndarray:
    return np.log([shares.get(name.replace("+", "_"), 1e-6) for name in NAMES])


def test_header_goes_before_the_pixels() -> None:
    sequence, note = recognize_sequence("T2", _logits(T2=0.6, FLAIR=0.4), NAMES)

    assert sequence["name"] == "T2"
    assert sequence["from"] == "header"
    assert sequence["probability"] == pytest.approx(0.6, abs=1e-4)
    assert note is None


def test_pixels_name_it_where_the_header_is_silent_and_they_are_sure_enough() -> None:
    sure, _ = recognize_sequence(None, _logits(FLAIR=0.7, T2=0.3), NAMES)
    unsure, _ = recognize_sequence(None, _logits(FLAIR=0.4, T2=0.3, T1=0.3), NAMES)

    assert (sure["name"], sure["from"]) == ("FLAIR", "pixels")
    assert unsure == {"name": None, "probability": None, "from": None}


def test_contradiction_is_told_and_missing_enhancement_is_none() -> None:
    _, note = recognize_sequence("T1", _logits(T2=0.99), NAMES)
    _, none = recognize_sequence("T1+C", _logits(T1=0.99), NAMES)

    assert note == "The header says T1, but the image looks like T2."
    assert none is None


def test_without_logits_the_header_is_all_there_is() -> None:
    assert recognize_sequence("T1", None, ())[0] == {
        "name": "T1",
        "probability": None,
        "from": "header",
    }
    assert recognize_sequence(None, None, ())[0]["name"] is None


def test_plane_is_the_headers_or_the_pixels() -> None:
    planes = ("axial", "coronal", "sagittal")
    logits = np.array([5.0, 0.0, 0.0])

    assert recognize_plane("sagittal", logits, planes) == "sagittal"
    assert recognize_plane(None, logits, planes) == "axial"
    assert recognize_plane(None, np.zeros(3), planes) is None
    assert recognize_plane(None, None, ()) is None


def test_class_of_a_later_version_is_refused() -> None:
    with pytest.raises(ArtifactError, match="'T3'"):
        Recognition.from_dict({"sequence": ["T1", "T3"], "plane": []})
