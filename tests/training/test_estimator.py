import pickle
from functools import partial

import numpy as np
import pytest
from PIL import Image
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from tests.training.conftest import NARROW, make_examples
from tumorscope import load_model
from tumorscope.errors import UsageError
from tumorscope.training import TumorClassifier, estimator
from tumorscope.training.config import TrainConfig


def small() -> TumorClassifier:
    return TumorClassifier(
        weights=None, size=64, views=1, fine_tune_epochs=2, batch_size=8, validation_fraction=0.25
    )


@pytest.fixture(scope="module")
def images():
    examples = make_examples(40, seed=4)
    return examples.canvases, np.where(examples.tumor == 1, "tumor", "none")


@pytest.fixture(scope="module")
def fitted(images):
    return small().fit(*images)


@pytest.mark.parametrize(
    "name",
    [
        "check_decision_proba_consistency",
        "check_do_not_raise_errors_in_init_or_set_params",
        "check_estimator_cloneable",
        "check_estimator_repr",
        "check_estimator_tags_renamed",
        "check_estimators_unfitted",
        "check_get_params_invariance",
        "check_mixin_order",
        "check_no_attributes_set_in_init",
        "check_parameters_default_constructible",
        "check_set_params",
        "check_valid_tag_types",
    ],
)
def test_scikit_learn_check(name):
    """Every check that needs no table to fit on; docs/reference/python.md lists the others."""
    getattr(estimator_checks, name)("TumorClassifier", small())


@pytest.mark.parametrize("kind", [UsageError, ValueError])
def test_misuse_is_a_value_error_too(kind, images):
    with pytest.raises(kind, match="exactly two classes"):
        small().fit(images[0], np.zeros(40))


def test_regression_target_is_refused(images):
    with pytest.raises(ValueError, match="Unknown label type"):
        small().fit(images[0], np.linspace(0, 1, 40))


@pytest.mark.slow
def test_probabilities_and_classes(fitted, images):
    probability = fitted.predict_proba(images[0])
    assert probability.shape == (40, 2)
    np.testing.assert_allclose(probability.sum(axis=1), 1)
    assert fitted.classes_.tolist() == ["none", "tumor"]
    assert set(fitted.predict(images[0])) <= {"none", "tumor"}


def test_pickle_in_memory_gives_the_same_answers(fitted, images):
    again = pickle.loads(pickle.dumps(fitted))  # noqa: S301  our own bytes, never a file
    np.testing.assert_array_equal(
        fitted.predict_proba(images[0][:4]), again.predict_proba(images[0][:4])
    )


def test_clone_is_unfitted_with_the_same_settings(fitted):
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not hasattr(copy, "graph_")


def test_groups_stay_on_one_side(images):
    from tumorscope.training.estimator import _choose_validation

    groups = np.repeat(np.arange(10), 4)
    labels = (images[1] == "tumor").astype(np.int8)
    inside = _choose_validation(labels, groups, fraction=0.25, seed=0)
    assert 0 < inside.sum() < len(inside)
    for group in range(10):
        assert len(set(inside[groups == group])) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.zeros(40)}, "exactly two classes"),
        ({"groups": [1, 2]}, "as many groups"),
        ({"masks": [None]}, "as many masks"),
        ({"X": []}, "no images"),
    ],
)
def test_bad_input_is_named(images, change, message):
    arguments = {"X": images[0], "y": images[1], **change}
    with pytest.raises(UsageError, match=message):
        small().fit(arguments.pop("X"), arguments.pop("y"), **arguments)


def test_saved_estimator_is_loaded_and_answers_the_same(fitted, images, tmp_path) -> None:
    fitted.save(tmp_path / "mine.tumorscope")
    model = load_model(tmp_path / "mine.tumorscope")
    found = model.predict_proba(list(images[0][:4]))
    np.testing.assert_allclose(found, fitted.predict_proba(images[0][:4]), atol=1e-6)
    assert model.classes_.tolist() == ["no_tumor", "tumor"]


def test_paths_and_pil_images_are_images_too(fitted, images, tmp_path) -> None:
    pictures = [Image.fromarray(one) for one in images[0][:2]]
    pictures[1].save(tmp_path / "1.png")
    found = fitted.predict_proba([pictures[0], tmp_path / "1.png"])
    np.testing.assert_array_equal(found, fitted.predict_proba(images[0][:2]))


def test_a_start_of_another_size_is_refused(images, tiny_artifact_path) -> None:
    classifier = TumorClassifier(start=str(tiny_artifact_path), size=96)
    with pytest.raises(UsageError, match=r"takes images of 64 pixels.*give size=64"):
        classifier.fit(*images)


@pytest.mark.slow
@pytest.mark.usefixtures("eagerly")
def test_search_by_groups_pipeline_and_calibration(images, monkeypatch) -> None:
    monkeypatch.setattr(estimator, "TrainConfig", partial(TrainConfig, width=NARROW))
    pictures, labels = images
    groups = np.repeat(np.arange(10), 4)
    quick = small().set_params(fine_tune_epochs=1, frozen_epochs=0)
    pipeline = make_pipeline(FunctionTransformer(np.asarray), quick)
    search = GridSearchCV(
        pipeline, {"tumorclassifier__dropout": [0.3]}, cv=GroupKFold(2), scoring="roc_auc"
    )
    search.fit(pictures, labels, groups=groups)
    assert search.predict_proba(pictures[:2]).shape == (2, 2)
    calibrated = CalibratedClassifierCV(quick, cv=2).fit(pictures, labels)
    np.testing.assert_allclose(calibrated.predict_proba(pictures[:2]).sum(axis=1), 1)
