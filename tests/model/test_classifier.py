import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from tumorscope.answer import Failure, ModelIdentity, Prediction, SeriesPrediction
from tumorscope.errors import (
    ArtifactError,
    CorruptImageError,
    ImageContentError,
    ImageError,
    UsageError,
)
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.imaging.scan import Scan
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier, SeriesCollector, load_model
from tumorscope.operating_point import OperatingPoint

MakeHead = Callable[..., np.ndarray]

CASES = {
    "square": {"blob": (62, 94)},
    "wide": {"shape": (140, 260), "blob": (80, 110)},
    "tall": {"shape": (260, 140), "blob": (150, 60)},
    "cropped": {"shape": (300, 300), "center": (90, 200), "radius": 60, "blob": (104, 180)},
    "padded": {"shape": (200, 120), "center": (100, 60), "radius": 75, "blob": (120, 50)},
    "large": {"shape": (600, 500), "blob": (350, 200)},
    "small": {"shape": (60, 48), "blob": (24, 28)},
}


@pytest.fixture(scope="module")
def classifier(tiny_artifact: Artifact) -> Classifier:
    return Classifier(tiny_artifact, threads=1)


def answer(classifier: Classifier, pixels: np.ndarray) -> Prediction:
    prediction = classifier.predict(pixels, heatmap=True)
    assert isinstance(prediction, Prediction)
    return prediction


def save_volume(path: Path, slices: list[np.ndarray]) -> Path:
    voxels = np.stack(slices, axis=-1).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1, 1, 5, 1])), path)
    return path


def test_blob_is_a_tumor_and_its_absence_is_not(
    classifier: Classifier, make_head: MakeHead
) -> None:
    assert answer(classifier, make_head(blob=(62, 94))).outcome == "tumor"
    without = answer(classifier, make_head())
    assert without.outcome == "no_tumor"
    assert without.localization is None
    assert without.prediction_set == ("no_tumor",)


@pytest.mark.parametrize("blob", [None, (62, 94)])
def test_probabilities_sum_to_one(
    classifier: Classifier, make_head: MakeHead, blob: tuple[int, int] | None
) -> None:
    prediction = answer(classifier, make_head(blob=blob))
    assert prediction.probabilities is not None
    assert prediction.type_probabilities is not None
    assert list(prediction.probabilities) == ["tumor", "no_tumor"]
    assert list(prediction.type_probabilities) == ["glioma", "meningioma", "pituitary"]
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-12)
    assert sum(prediction.type_probabilities.values()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("drawn", [True, False], ids=["answered", "rejected"])
def test_answer_says_which_series_and_study_it_is_of(
    tiny_artifact: Artifact, make_head: MakeHead, drawn: bool
) -> None:
    pixels = make_head() if drawn else np.zeros((128, 128))
    scan = Scan(
        pixels.astype(np.float32),
        "made.dcm",
        sop_instance_uid="1.2.3",
        series_uid="1.2",
        study_uid="1",
    )
    answer = Classifier(tiny_artifact).predict_scan(scan).to_dict()
    assert (answer["outcome"] == "rejected") is not drawn
    assert (answer["series_instance_uid"], answer["study_instance_uid"]) == ("1.2", "1")


def test_probability_is_calibrated(tiny_artifact: Artifact, make_head: MakeHead) -> None:
    pixels = make_head(blob=(62, 94))
    canvas, _ = tiny_artifact.manifest.preprocessing.apply(pixels)
    classifier = Classifier(tiny_artifact)
    logit = float(classifier.run(canvas[None])[0][0])
    prediction = classifier.predict_scan(Scan(pixels.astype(np.float32), "made"))
    assert prediction.probabilities == pytest.approx(
        {"tumor": 1 / (1 + np.exp(-0.5 * logit)), "no_tumor": 1 / (1 + np.exp(0.5 * logit))}
    )
    weights = np.exp(logit * np.array([0.5, 0, -0.5]) / 2.0)
    assert prediction.type_probabilities is not None
    assert list(prediction.type_probabilities.values()) == pytest.approx(
        list(weights / weights.sum())
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_place_of_the_blob_is_found(
    classifier: Classifier, make_head: MakeHead, case: dict[str, tuple[int, int]]
) -> None:
    pixels, (row, column) = make_head(**case), case["blob"]
    prediction = answer(classifier, pixels)
    _, geometry = classifier.manifest.preprocessing.apply(pixels)
    cell = geometry.scale * 8
    assert prediction.localization is not None
    peak, (row0, column0, row1, column1) = prediction.localization.peak, prediction.localization.box
    assert abs(peak[0] - row) <= cell
    assert abs(peak[1] - column) <= cell
    assert row0 <= row <= row1
    assert column0 <= column <= column1
    assert row1 - row0 <= 5 * cell
    assert column1 - column0 <= 5 * cell


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_heat_map_lies_over_the_blob(
    classifier: Classifier, make_head: MakeHead, case: dict[str, tuple[int, int]]
) -> None:
    pixels, (row, column) = make_head(**case), case["blob"]
    prediction = answer(classifier, pixels)
    evidence = prediction.evidence
    assert evidence is not None
    assert evidence.shape == pixels.shape
    rows, columns = np.indices(evidence.shape)
    center = [float((axis * evidence).sum() / evidence.sum()) for axis in (rows, columns)]
    _, geometry = classifier.manifest.preprocessing.apply(pixels)
    assert center == pytest.approx([row, column], abs=geometry.scale * 8)
    drawn = np.asarray(prediction.overlay()).astype(int)
    assert drawn.shape == (*pixels.shape, 3)
    redness = drawn[..., 0] - drawn[..., 2]
    assert redness[row, column] > 50
    assert redness[0, 0] == 0


def test_heat_map_only_on_request(classifier: Classifier, make_head: MakeHead) -> None:
    prediction = classifier.predict(make_head())
    assert isinstance(prediction, Prediction)
    assert prediction.evidence is None
    assert prediction.pixels is None


def test_same_picture_every_way_gives_one_probability(
    classifier: Classifier, make_head: MakeHead, tmp_path: Path
) -> None:
    pixels = make_head(blob=(62, 94), seed=5)
    path = tmp_path / "one.png"
    Image.fromarray(pixels).save(path)
    inputs = [path, str(path), path.read_bytes(), Image.fromarray(pixels), pixels]
    answers = [classifier.predict(one) for one in inputs]
    assert len({one.probabilities["tumor"] for one in answers}) == 1  # type: ignore[index]
    assert [one.source for one in answers] == [str(path), str(path), "memory", "memory", "memory"]


def test_answer_does_not_depend_on_the_rest_of_the_batch(
    tiny_artifact: Artifact, make_head: MakeHead
) -> None:
    classifier = Classifier(tiny_artifact)
    canvases = np.stack(
        [tiny_artifact.manifest.preprocessing.apply(make_head(seed=seed))[0] for seed in range(3)]
    )
    together = classifier.run(canvases)
    for index in range(3):
        alone = classifier.run(canvases[index : index + 1])
        for one, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[0], all_of_them[index], rtol=1e-6)


def test_model_says_which_it_is(classifier: Classifier, tiny_artifact: Artifact) -> None:
    assert classifier.identity.to_dict() == {
        "id": "tiny",
        "version": "0",
        "sha256": tiny_artifact.manifest.identity,
    }


def test_operating_point_decides_the_outcome(tiny_artifact_path: Path, make_head: MakeHead) -> None:
    blob = make_head(blob=(62, 94))
    probability = load_model(tiny_artifact_path).predict(blob).probabilities["tumor"]  # type: ignore[index]
    assert 0.5 < probability < 0.9999
    assert load_model(tiny_artifact_path).predict(blob).outcome == "tumor"
    specific = load_model(tiny_artifact_path, operating_point="specific")
    assert specific.predict(blob).outcome == "no_tumor"
    assert specific.predict(blob).localization is None


def test_operating_point_can_be_changed_without_loading_again(
    classifier: Classifier, make_head: MakeHead
) -> None:
    blob = make_head(blob=(62, 94))
    assert classifier.at("specific").predict(blob).outcome == "no_tumor"
    assert classifier.predict(blob).outcome == "tumor"
    with pytest.raises(UsageError, match="lenient"):
        classifier.at("lenient")


def test_threshold_of_ones_own_decides(classifier: Classifier, make_head: MakeHead) -> None:
    blob, plain = make_head(blob=(62, 94)), make_head()
    lowest, highest = classifier.at(threshold=0), classifier.at(threshold=1.0)
    assert (lowest.predict(plain).outcome, highest.predict(blob).outcome) == ("tumor", "no_tumor")
    assert highest.predict(blob).to_dict()["operating_point"] == {"name": "custom", "threshold": 1}
    assert classifier.predict(blob).to_dict()["operating_point"]["name"] == "balanced"
    assert (highest.operating_point, highest.threshold) == ("custom", 1.0)
    assert highest._session is classifier._session  # cheap
    assert classifier.at().operating_point == "balanced"


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), "0.5"])
def test_threshold_that_is_no_probability_is_refused(
    classifier: Classifier, tiny_artifact_path: Path, threshold: Any
) -> None:
    for at in (classifier.at, functools.partial(load_model, tiny_artifact_path)):
        with pytest.raises(UsageError, match="from 0 to 1"):
            at(threshold=threshold)
        with pytest.raises(UsageError, match="not both"):
            at(operating_point="balanced", threshold=0.5)


def test_folder_is_for_many(classifier: Classifier, tmp_path: Path) -> None:
    for path in (tmp_path, str(tmp_path)):
        with pytest.raises(UsageError, match=r"is a folder.*predict_many\(.*tumorscope predict"):
            classifier.predict(path)


def test_many_takes_images_in_memory_among_paths(
    classifier: Classifier, make_head: MakeHead, mixed_folder: Path
) -> None:
    blob = make_head(blob=(62, 94))
    inputs = [blob, mixed_folder, Image.fromarray(blob), b"no scan", 5]
    answers = list(classifier.predict_many(inputs))  # type: ignore[arg-type]
    sources = [one.source for one in answers if one.source.startswith("memory")]
    assert sources == ["memory[0]", "memory[2]", "memory[3]", "memory[4]"]
    assert answers[0].to_dict()["outcome"] == "tumor"
    assert sum(isinstance(one, Failure) for one in answers[-5:]) >= 2
    assert len(answers) == 4 + 8


@pytest.mark.parametrize("one", [np.zeros((64, 64)), b"content", 5])
def test_many_does_not_take_one(classifier: Classifier, one: Any) -> None:
    with pytest.raises(UsageError, match="For one image there is predict"):
        list(classifier.predict_many(one))


def test_unknown_operating_point_is_refused(tiny_artifact_path: Path) -> None:
    with pytest.raises(UsageError, match="'lenient'; it has balanced, sensitive, specific"):
        load_model(tiny_artifact_path, operating_point="lenient")


def altered(artifact: Artifact, *, graph: bytes | None = None, size: int = 64) -> Artifact:
    graph = artifact.graph if graph is None else graph
    manifest = dataclasses.replace(
        artifact.manifest,
        preprocessing=Preprocessing(size=size),
        graph_sha256=hashlib.sha256(graph).hexdigest(),
    )
    return Artifact(manifest, graph)


def test_graph_that_is_none_is_refused(tiny_artifact: Artifact) -> None:
    with pytest.raises(ArtifactError, match="graph cannot be loaded"):
        Classifier(altered(tiny_artifact, graph=b"no graph"))


def test_graph_for_another_canvas_is_refused(tiny_artifact: Artifact) -> None:
    with pytest.raises(ArtifactError, match=r"64.*preprocessing makes 128 x 128"):
        Classifier(altered(tiny_artifact, size=128))


def test_graph_with_other_outputs_is_refused(tiny_artifact: Artifact) -> None:
    with pytest.raises(ArtifactError, match=r"outputs .*'kind'.*expected"):
        Classifier(altered(tiny_artifact, graph=tiny_artifact.graph.replace(b"type", b"kind")))


def test_graph_with_another_input_is_refused(tiny_artifact: Artifact) -> None:
    with pytest.raises(ArtifactError, match=r"input.*'camera'"):
        Classifier(altered(tiny_artifact, graph=tiny_artifact.graph.replace(b"canvas", b"camera")))


def test_volume_gives_a_series(classifier: Classifier, make_head: MakeHead, tmp_path: Path) -> None:
    slices = [make_head(blob=(62, 94) if 3 <= i <= 6 else None, seed=i) for i in range(10)]
    series = classifier.predict(save_volume(tmp_path / "a.nii", slices))
    assert isinstance(series, SeriesPrediction)
    assert series.outcome == "tumor"
    assert (series.slices, series.failed_slices) == (10, 0)
    assert {one["slice_index"] for one in series.most_suspicious} <= {3, 4, 5, 6}
    assert series.source == str(tmp_path / "a.nii")
    empty = classifier.predict(
        save_volume(tmp_path / "b.nii", [make_head(seed=i) for i in range(4)])
    )
    assert empty.outcome == "no_tumor"


def test_blank_slices_of_a_volume_are_rejected_and_not_errors(
    classifier: Classifier, make_head: MakeHead, tmp_path: Path
) -> None:
    slices = [make_head(blob=(62, 94)), make_head(blob=(62, 94)), np.zeros((160, 160))]
    path = save_volume(tmp_path / "blank.nii", slices)
    *images, series = classifier.predict_many([path], heatmap=True)
    assert [one.to_dict().get("outcome") for one in images] == ["tumor", "tumor", "rejected"]
    blank = images[2]
    assert isinstance(blank, Prediction)
    assert blank.probabilities is None
    assert blank.reasons == ("The slice is blank: all its pixels have the same value.",)
    assert blank.overlay().size == (160, 160)
    assert isinstance(series, SeriesPrediction)
    assert (series.outcome, series.slices, series.failed_slices) == ("tumor", 3, 0)


def test_volume_of_slices_too_small_is_an_error(classifier: Classifier, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).random((8, 8))
    path = save_volume(tmp_path / "small.nii", [noise, noise + 1, noise])
    with pytest.raises(ImageContentError, match="None of the 3 slices"):
        classifier.predict(path)


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((64, 64), np.nan),
        np.full((64, 64), 7.0),
        np.ones((1, 1)),
        np.where(np.eye(64) > 0, np.inf, 1.0),
        np.zeros((0, 0)),
        np.zeros((3, 4, 5, 6)),
        np.ones((64, 64), complex),
        np.array("text"),
    ],
    ids=["nan", "constant", "1x1", "inf", "0x0", "4-D", "complex", "text"],
)
def test_what_is_no_picture_is_an_error(classifier: Classifier, pixels: np.ndarray) -> None:
    with pytest.raises(ImageError):
        classifier.predict(pixels)


def test_missing_file_is_an_error(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="check the path"):
        classifier.predict(tmp_path / "missing.png")


@pytest.fixture
def mixed_folder(make_head: MakeHead, tmp_path: Path) -> Path:
    """A readable picture, an empty file, a constant one, a volume and another picture."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    Image.fromarray(make_head(blob=(62, 94))).save(folder / "1.png")
    (folder / "2.png").write_bytes(b"")
    Image.fromarray(np.full((64, 64), 9, np.uint8)).save(folder / "3.png")
    save_volume(folder / "4.nii", [make_head(seed=i) for i in range(3)])
    Image.fromarray(make_head()).save(folder / "10.png")
    return folder


def test_many_answers_in_place(classifier: Classifier, mixed_folder: Path) -> None:
    answers = list(classifier.predict_many([mixed_folder]))
    kinds = [(one.to_dict()["kind"], Path(one.source).name) for one in answers]
    assert kinds == [
        ("image", "1.png"),
        ("error", "2.png"),
        ("error", "3.png"),
        *[("image", "4.nii")] * 3,
        ("image", "10.png"),
        ("series", "4.nii"),
    ]
    empty, constant = answers[1], answers[2]
    assert isinstance(empty, Failure)
    assert isinstance(empty.error, CorruptImageError)
    assert isinstance(constant, Failure)
    assert isinstance(constant.error, ImageContentError)


def test_many_is_a_stream(classifier: Classifier, mixed_folder: Path) -> None:
    def paths() -> itertools.chain[Path]:
        def never() -> list[Path]:
            raise AssertionError("read ahead of the answers")

        return itertools.chain([mixed_folder / "1.png"], (one for _ in [0] for one in never()))

    first = next(classifier.predict_many(paths()))
    assert isinstance(first, Prediction)


def test_many_agrees_with_one(classifier: Classifier, mixed_folder: Path) -> None:
    many = [one for one in classifier.predict_many([mixed_folder]) if not isinstance(one, Failure)]
    assert many[0].to_dict() == classifier.predict(mixed_folder / "1.png").to_dict()
    assert many[-1].to_dict() == classifier.predict(mixed_folder / "4.nii").to_dict()


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_change_what_many_answer(
    tiny_artifact: Artifact, mixed_folder: Path, threads: int
) -> None:
    model = Classifier(tiny_artifact, threads=threads)
    alone = [model.predict(mixed_folder / name).to_dict() for name in ("1.png", "10.png")]

    *images, series = [one.to_dict() for one in model.predict_many([mixed_folder])]

    assert [images[0], images[-1]] == alone
    assert series == model.predict(mixed_folder / "4.nii").to_dict()


def test_many_takes_a_single_path(classifier: Classifier, mixed_folder: Path) -> None:
    for path in (mixed_folder, str(mixed_folder)):
        assert len(list(classifier.predict_many(path))) == 8


def test_nothing_gives_nothing(classifier: Classifier) -> None:
    assert list(classifier.predict_many([])) == []


def make_prediction(source: str, uid: str = "1.2") -> Prediction:
    return Prediction(
        source=source,
        outcome="no_tumor",
        probabilities={"tumor": 0.1, "no_tumor": 0.9},
        type_probabilities={"glioma": 0.5, "meningioma": 0.25, "pituitary": 0.25},
        prediction_set=("no_tumor",),
        reasons=(),
        localization=None,
        model=ModelIdentity("tiny", "0", "ab" * 32),
        operating_point=OperatingPoint("balanced", 0.5),
        series_key=uid,
        sop_instance_uid=source,
        evidence=np.zeros((2, 2), np.float32),
        pixels=np.zeros((2, 2), np.float32),
    )


@pytest.mark.parametrize(
    ("sources", "common"),
    [
        (["a/b/1.dcm", "a/b/2.dcm"], "a/b"),
        (["a/b/1.dcm", "a/c/2.dcm"], "a"),
        (["a.zip/1.dcm", "a.zip/2.dcm"], "a.zip"),
        (["1.dcm", "2.dcm"], "."),
        (["4.nii", "4.nii"], "4.nii"),
        (["a/1.dcm", "/b/2.dcm"], "a/1.dcm"),
    ],
)
def test_series_is_named_for_what_holds_its_slices(
    classifier: Classifier, sources: list[str], common: str
) -> None:
    collector = SeriesCollector(classifier)
    for source in sources:
        collector.add("1.2", make_prediction(source))
    (series,) = collector.answers()
    assert series.source == common


def test_one_series_uid_in_two_studies_is_two_series(classifier: Classifier) -> None:
    collector = SeriesCollector(classifier)
    for study in ("1", "2"):
        for number in range(3):
            slice_ = make_prediction(f"{study}/{number}.dcm")
            collector.add("1.2", replace(slice_, study_instance_uid=study))
    found = list(collector.series())
    assert [(one.study_instance_uid, one.slices) for one in found] == [("1", 3), ("2", 3)]


def test_series_collector_keeps_no_pixels(classifier: Classifier) -> None:
    collector = SeriesCollector(classifier)
    collector.add("1.2", make_prediction("a/1.dcm"))
    studies = collector._members["1.2"]
    kept = [one for members in studies.values() for one in members]
    assert [(one.evidence, one.pixels) for one in kept] == [(None, None)]


def test_failed_slices_are_counted_and_lone_slices_are_no_series(classifier: Classifier) -> None:
    collector = SeriesCollector(classifier)
    failure = Failure("a/3.dcm", CorruptImageError("Damaged."))
    collector.add("1.2", make_prediction("a/1.dcm"))
    collector.add("1.2", failure)
    collector.add("1.3", make_prediction("a/2.dcm", uid="1.3"))
    collector.add("1.4", failure)
    collector.add(None, make_prediction("a/5.png"))
    (series,) = collector.answers()
    assert (series.slices, series.failed_slices) == (1, 1)
