from pathlib import Path

import numpy as np
import pytest

from tumorscope.data.manifest import ManifestRow
from tumorscope.model.artifact import Artifact
from tumorscope.recipes.recognition import (
    Seen,
    classes_of,
    fit_lines,
    labels_of,
    see,
    spread_cells,
)


def _rows(count, split="train", **known):
    return [
        ManifestRow(
            **{"set": "lgg", "path": f"{split}/{known.get('sequence')}/{index}.png", "tumor": 0}
            | known,
            split=split,
            group_id=f"g{index}",
        )
        for index in range(count)
    ]


def test_cells_are_taken_evenly_and_what_is_unknown_or_no_brain_is_not():
    rows = [
        *_rows(90, sequence="FLAIR", plane="axial"),
        *_rows(5, sequence="T1", plane="axial"),
        *_rows(50),
        *_rows(50, set="not_brain_mr", sequence="kneemr"),
        *_rows(50, "test", sequence="T2", plane="axial"),
    ]

    taken = spread_cells(rows, "train", 20)

    assert [row.sequence for row in taken].count("FLAIR") == 20
    assert [row.sequence for row in taken].count("T1") == 5
    assert len(taken) == 25


def test_only_frequent_classes_are_named_and_unknown_words_are_other():
    rows = [*_rows(30, sequence="T1"), *_rows(30, sequence="ADC"), *_rows(3, sequence="T2")]

    assert classes_of(rows, "sequence") == ["T1", "other"]
    assert set(labels_of(rows, "sequence", ["T1", "other"])[:60]) == {0, 1}
    assert (labels_of(rows, "sequence", ["T1", "other"])[60:] == -1).all()


def test_a_side_without_known_sequences_has_no_layouts(
    tiny_artifact: Artifact, tmp_path: Path
) -> None:
    seen = see([], tmp_path, tiny_artifact)
    assert (seen.rows, len(seen.layouts)) == ([], 0)


@pytest.mark.parametrize("has_calibration", [True, False])
def test_lines_name_the_class_that_the_features_show(rng, has_calibration):
    def seen(count):
        rows = [*_rows(count, sequence="T1"), *_rows(count, sequence="T2")]
        features = rng.exponential(1.0, (2 * count, 12)).astype(np.float32)
        features[np.arange(2 * count), np.repeat([0, 1], count)] += 8
        return Seen(rows, features)

    train, calibration = seen(80), seen(40 if has_calibration else 2)
    line = fit_lines("sequence", ["T1", "T2"], train, calibration)

    asked = seen(50)
    named = line.logits(asked.layouts).argmax(axis=1)
    assert (named == np.repeat([0, 1], 50)).mean() > 0.95
