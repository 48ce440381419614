from pathlib import Path

import numpy as np

from tumorscope.audit.duplicates.copies import CopyPair, CopyThresholds, cluster
from tumorscope.audit.duplicates.findings import CopySearch
from tumorscope.audit.duplicates.perceptual_descriptors import Look
from tumorscope.audit.duplicates.registration import Placement
from tumorscope.audit.leakage.leaks import TrainAndTest, find_leaks
from tumorscope.data.collection import Collection
from tumorscope.data.manifest import ManifestRow

TRAIN = 2


def _leaks(*pairs: tuple[int, int, float, bool], pictures: int = 6) -> dict[int, tuple]:
    """Find leaks among two training and four test pictures by made pairs."""
    rows = tuple(ManifestRow(set="s", path=str(one), tumor=0) for one in range(pictures))
    collection = Collection("made", rows, Path())
    look = Look(np.ones((8, 8), np.uint8), np.zeros((0, 4)), np.zeros((0, 64)))
    found = [
        CopyPair(first, second, Placement(score, mirrored, 0.0, 1.0, 1.0))
        for first, second, score, mirrored in pairs
    ]
    thresholds = CopyThresholds(same_picture=0.9, relative=0.8)
    clusters = cluster(pictures, found, threshold=0.9)
    search = CopySearch(collection, [look] * pictures, {}, found, clusters, thresholds)
    sides = TrainAndTest(collection, TRAIN, (None,) * pictures)
    return {
        leak.picture: (leak.kind, leak.match, leak.score)
        for leak in find_leaks(search, sides)
        if leak.kind != "none"
    }


def test_a_copy_of_a_copy_leaks_with_the_weakest_score():
    found = _leaks((1, 2, 0.99, False), (2, 3, 0.95, False))

    assert found == {2: ("copy", 1, 0.99), 3: ("copy", 1, 0.95)}


def test_mirrored_twice_is_not_mirrored():
    found = _leaks((0, 2, 0.99, True), (2, 3, 0.95, True))

    assert found == {2: ("mirrored copy", 0, 0.99), 3: ("copy", 0, 0.95)}


def test_what_is_there_as_it_is_is_not_called_mirrored():
    found = _leaks((0, 2, 0.99, True), (1, 2, 0.91, False))

    assert found == {2: ("copy", 1, 0.91)}


def test_the_strongest_way_is_taken():
    found = _leaks((0, 4, 0.91, False), (1, 3, 0.97, False), (3, 4, 0.96, False))

    assert found[4] == ("copy", 1, 0.96)


def test_a_copy_of_a_relative_is_a_relative():
    found = _leaks((0, 1, 0.99, False), (1, 2, 0.85, False), (2, 3, 0.95, False))

    assert found == {2: ("relative", 1, 0.85), 3: ("relative", 1, 0.85)}


def test_test_pictures_among_themselves_are_no_leak():
    assert _leaks((2, 3, 0.99, False), (4, 5, 0.85, False)) == {}
