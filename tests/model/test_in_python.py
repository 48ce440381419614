"""The model as a researcher holds it: arrays in, tables and pictures out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorscope import Volume, to_frame
from tumorscope.errors import ImageError, UsageError
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier

Head = Callable[..., np.ndarray]


@pytest.fixture(scope="module")
def model(tiny_artifact: Artifact) -> Classifier:
    return Classifier(tiny_artifact, threads=1)


def test_probabilities_of_several_images_have_the_order_of_the_classes(
    model: Classifier, make_head: Head, tmp_path: Path
) -> None:
    tumor, free = make_head(blob=(62, 94)), make_head()
    Image.fromarray(free).save(tmp_path / "free.png")
    found = model.predict_proba([tumor, Image.fromarray(tumor), tmp_path / "free.png"])
    assert model.classes_.tolist() == ["no_tumor", "tumor"]
    assert found.shape == (3, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert found[0, 1] == found[1, 1] > 0.5 > found[2, 1]
    np.testing.assert_array_equal(model.predict_proba(np.stack([tumor, free])), found[[0, 2]])


def test_what_is_rejected_has_no_probabilities(make_checked, make_head: Head) -> None:
    model = Classifier(make_checked(), threads=1)
    bright = 255 - make_head()
    assert np.isnan(model.predict_proba([bright])).all() == (
        model.predict(bright).outcome == "rejected"
    )


@pytest.mark.parametrize("one", ["scan.png", Path("scan.png"), np.zeros((64, 64)), b"x", 3])
def test_one_image_is_not_several(model: Classifier, one: object) -> None:
    with pytest.raises(UsageError, match="predict_proba takes several images"):
        model.predict_proba(one)  # type: ignore[arg-type]


def test_channels_may_come_first(model: Classifier, make_head: Head) -> None:
    head = make_head(blob=(62, 94))
    last = np.repeat(head[..., None], 3, axis=-1)
    first = np.ascontiguousarray(np.moveaxis(last, 2, 0))
    assert model.predict(first).probabilities == model.predict(last).probabilities
    assert model.predict(head[None]).probabilities == model.predict(head).probabilities


def test_a_volume_in_memory_is_a_series(model: Classifier, make_head: Head) -> None:
    voxels = np.stack([make_head(seed=seed) for seed in range(5)], axis=-1)
    answer = model.predict(Volume(voxels, (1.0, 1.0, 5.0)))
    assert answer.slices == 5
    answers = list(model.predict_many([Volume(voxels, (1.0, 1.0, 5.0))]))
    assert [type(one).__name__ for one in answers] == ["Prediction"] * 5 + ["SeriesPrediction"]
    with pytest.raises(ImageError, match=r"tumorscope\.Volume"):
        model.predict(voxels)


def test_answers_are_short_in_words_and_rich_in_a_notebook(
    model: Classifier, make_head: Head
) -> None:
    answer = model.predict(make_head(blob=(62, 94)), heatmap=True)
    assert len(repr(answer)) < 120
    assert repr(answer).startswith("Prediction(tumor, probability of tumor ")
    page = answer._repr_html_()
    assert page.count("data:image/png;base64,") == 2
    assert "Research use only. Not a medical device." in page
    assert "data:image" not in model.predict(make_head())._repr_html_()
    assert repr(model).startswith("<Classifier tiny 0 (")
    assert "<" not in repr(model.predict(make_head())).replace("<=", "")


def test_a_name_is_no_markup(model: Classifier, make_head: Head, tmp_path: Path) -> None:
    path = tmp_path / "<b>.png"
    Image.fromarray(make_head()).save(path)
    assert "<b>" not in model.predict(path)._repr_html_()


def test_answers_become_a_data_frame(model: Classifier, make_head: Head, tmp_path: Path) -> None:
    pytest.importorskip("pandas", reason="the extra [data] is not installed")
    (tmp_path / "bad.png").write_bytes(b"")
    frame = to_frame(model.predict_many([make_head(blob=(62, 94)), tmp_path / "bad.png"]))
    assert frame["kind"].tolist() == ["image", "error"]
    assert frame["outcome"][0] == "tumor"
    assert frame["probability_tumor"][0] > 0.5
