"""Scans that a model has learned from are found again, turned, mirrored and compressed."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tumorscope.data.descriptors import describe, sketch
from tumorscope.errors import ArtifactError
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.recipes.evaluate import _notes_on_known
from tumorscope.recipes.training_scans import find_known, join_tables, make_table

SKETCH_OF_A_RAMP = [
    10613348092979042606,
    9607091640746849466,
    11151355714653098545,
    1875818811053883406,
]


def through_jpeg(pixels: np.ndarray) -> np.ndarray:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=80)
    return np.asarray(Image.open(buffer), np.float32)


def test_copies_in_any_orientation_are_found_and_others_are_not(make_picture) -> None:
    learned = [make_picture(seed) for seed in range(20)]
    table = make_table(describe(one.astype(np.float32) for one in learned), ["train"] * 20)
    shown = [
        through_jpeg(np.ascontiguousarray(np.rot90(learned[3][:, ::-1]))),
        np.pad(learned[4], 20).astype(np.float32),
        make_picture(99).astype(np.float32),
        np.zeros((64, 64), np.float32),
    ]
    known = find_known(table, describe(shown))
    assert known.is_copy.tolist() == [True, True, False, False]
    assert known.is_neighbor.tolist() == [True, True, False, False]
    assert not known.has_calibrated.any()


def test_roles_are_told_apart_and_tables_join(make_picture) -> None:
    pictures = [make_picture(seed).astype(np.float32) for seed in range(2)]
    one = make_table(describe(pictures[:1]), ["calibration"])
    other = make_table(describe(pictures[1:]), ["val"])
    table = join_tables(one, None, other, one)
    assert table is not None
    assert len(table) == 2
    known = find_known(table, describe(pictures))
    assert known.is_copy.tolist() == [False, True]
    assert known.has_calibrated.tolist() == [True, False]
    assert join_tables(None, None) is None


def test_a_model_that_names_its_calibration_alone_claims_nothing_of_its_training(
    make_picture,
) -> None:
    """As ``calibrate`` makes it of an artifact that does not say what it has learned from."""
    pictures = [make_picture(seed).astype(np.float32) for seed in range(2)]
    known = find_known(make_table(describe(pictures[:1]), ["calibration"]), describe(pictures))
    assert not known.names_training
    notes = _notes_on_known(known)
    assert "does not say which scans it has learned from" in notes[0]
    assert "1 of these images also calibrated the model" in notes[1]


def test_sketches_never_change(make_picture) -> None:
    """Artifacts hold them: other planes would find nothing again."""
    ramp = np.add.outer(np.arange(32.0), np.arange(32.0) ** 2).astype(np.float32)
    assert sketch(ramp[None])[0].tolist() == SKETCH_OF_A_RAMP


def test_an_artifact_keeps_its_table_and_its_identity(
    tiny_artifact: Artifact, make_picture, tmp_path: Path
) -> None:
    table = make_table(describe([make_picture(0).astype(np.float32)]), ["train"])
    path = tmp_path / "a.tumorscope"
    write_artifact(path, Artifact(tiny_artifact.manifest, tiny_artifact.graph, table))
    again = read_artifact(path)
    assert again.training_scans is not None
    np.testing.assert_array_equal(again.training_scans, table)
    assert again.manifest.identity == tiny_artifact.manifest.identity


@pytest.mark.parametrize("shape", [(3, 9), (3,)])
def test_a_table_of_another_shape_is_refused(
    tiny_artifact: Artifact, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "a.tumorscope"
    broken = np.zeros(shape, np.uint64)
    write_artifact(path, Artifact(tiny_artifact.manifest, tiny_artifact.graph, broken))
    with pytest.raises(ArtifactError, match="is not a table of 11 words"):
        read_artifact(path)
