"""What the controls see of many images is measured without holding them all."""

import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra [train] is not installed")

from PIL import Image

from tumorscope.data.manifest import ManifestRow
from tumorscope.evaluation.controls import ControlFeatures
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.recipes import evaluate


def test_pixels_are_held_some_at_a_time(
    make_picture, tiny_artifact: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = []
    for index in range(7):
        Image.fromarray(make_picture(index)).save(tmp_path / f"{index}.png")
        rows.append(ManifestRow("s", f"{index}.png", index % 2))
    alive: list[weakref.ref[np.ndarray]] = []
    most = 0
    load = evaluate.load_rows

    def watched(*given) -> Iterator[object]:
        nonlocal most
        for item in load(*given):
            pixels = item.pixels.copy()
            alive.append(weakref.ref(pixels))
            most = max(most, sum(one() is not None for one in alive))
            yield replace(item, scan=replace(item.scan, pixels=pixels))
            del item, pixels

    monkeypatch.setattr(evaluate, "load_rows", watched)
    classifier = Classifier(tiny_artifact, threads=1)
    whole = ControlFeatures.join(list(evaluate._control_features(rows, tmp_path, classifier)))
    monkeypatch.setattr(evaluate, "_AT_ONCE", 2)
    most = 0
    parted = ControlFeatures.join(list(evaluate._control_features(rows, tmp_path, classifier)))
    assert most <= 4  # two, and those before them that are about to go
    for name in ("sizes", "frames", "thumbnails", "areas", "y_true", "groups"):
        np.testing.assert_array_equal(getattr(parted, name), getattr(whole, name))
