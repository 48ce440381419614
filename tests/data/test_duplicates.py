import numpy as np
import pytest

from tumorscope.data.descriptors import (
    ORIENTATIONS,
    describe,
    is_blank,
    orient,
    perceptual_hash,
    to_unit_vectors,
)
from tumorscope.data.duplicates import (
    DuplicatePairs,
    DuplicateThresholds,
    find_pairs,
    group_duplicates,
)


def _pairs(*measured: tuple[int, int, float, int]) -> DuplicatePairs:
    first, second, correlation, distance = map(np.array, zip(*measured, strict=True))
    return DuplicatePairs(first, second, np.zeros_like(first), correlation, distance)


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_a_copy_is_found_in_every_orientation(make_picture, blur, orientation):
    picture = make_picture(1)
    copy = orient(blur(picture)[None], orientation)[0]
    pictures = [np.float32(one) for one in (picture, make_picture(2), copy)]

    pairs = find_pairs(describe(pictures))

    same = pairs.is_same_image(DuplicateThresholds())
    assert {(a, b) for a, b in zip(pairs.first[same], pairs.second[same], strict=True)} == {(0, 2)}


def test_the_orientations_are_the_eight_of_a_square(make_picture):
    seen = {orient(make_picture(3)[None], turn).tobytes() for turn in range(ORIENTATIONS)}

    assert len(seen) == 8


def test_a_padded_copy_is_found_by_its_foreground(make_picture):
    picture = make_picture(4)
    padded = np.pad(picture, ((10, 70), (30, 50)))

    pairs = find_pairs(describe([np.float32(picture), np.float32(padded)]))

    assert pairs.is_same_patient(DuplicateThresholds()).any()


def test_different_pictures_are_not_paired(make_picture):
    pairs = find_pairs(describe(np.float32(make_picture(seed)) for seed in range(40)))

    assert not pairs.is_same_patient(DuplicateThresholds()).any()


def test_blocks_give_what_one_block_gives(make_picture, monkeypatch):
    descriptors = describe(np.float32(make_picture(seed % 5)) for seed in range(20))
    whole = find_pairs(descriptors)
    monkeypatch.setattr("tumorscope.data.duplicates._BLOCK", 7)
    blocks = find_pairs(descriptors)

    def as_set(pairs):
        return set(zip(pairs.first, pairs.second, pairs.orientation, strict=True))

    assert as_set(blocks) == as_set(whole)
    assert len(as_set(whole)) >= 30


def test_no_pictures_give_no_pairs():
    assert len(find_pairs(describe([]))) == 0


def test_blank_pictures_are_told_and_never_paired(make_picture):
    blank = np.zeros((64, 64), np.float32)
    specked = blank.copy()
    specked[3, 3] = 3
    descriptors = describe([blank, specked, blank, np.float32(make_picture(0))])

    assert descriptors.blank.tolist() == [True, True, True, False]
    assert len(find_pairs(descriptors)) == 0


def test_a_faint_float_picture_is_not_blank(make_picture):
    assert not is_blank(np.float32(make_picture(0)) / 1000)


def test_the_dot_product_of_unit_vectors_is_the_correlation(make_picture):
    pictures = np.float32([make_picture(0, side=32), make_picture(1, side=32)])

    vectors = to_unit_vectors(pictures)

    expected = np.corrcoef(pictures.reshape(2, -1))[0, 1]
    assert vectors[0] @ vectors[1] == pytest.approx(expected, abs=1e-5)


def test_the_hash_ignores_brightness_and_contrast(make_picture):
    picture = np.float32(make_picture(5, side=32))[None]

    # The constant term alone may cross the median when a constant is added.
    distance = np.bitwise_count(perceptual_hash(picture) ^ perceptual_hash(0.5 * picture + 20))

    assert int(distance[0]) <= 2
    other = perceptual_hash(np.float32(make_picture(6, side=32))[None])
    assert int(np.bitwise_count(perceptual_hash(picture) ^ other)[0]) > 8


def test_a_patient_is_one_group_and_a_copy_joins_it():
    labels = group_duplicates(_pairs((1, 3, 0.99, 20)), ["p", "q", "p", None])

    assert labels.tolist() == [0, 1, 0, 1]


def test_one_image_under_two_patients_joins_them():
    assert group_duplicates(_pairs((0, 1, 0.985, 3)), ["p", "q"]).tolist() == [0, 0]


def test_weak_evidence_does_not_join_two_known_patients():
    assert group_duplicates(_pairs((0, 1, 0.95, 3)), ["p", "q"]).tolist() == [0, 1]


def test_weak_evidence_does_not_chain_patients_through_a_stranger():
    pairs = _pairs((0, 2, 0.93, 2), (1, 2, 0.95, 2))

    assert group_duplicates(pairs, ["p", "q", None]).tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("correlation", "distance", "joined"),
    [(0.95, 4, True), (0.95, 5, False), (0.89, 0, False), (0.98, 40, True)],
)
def test_what_counts_as_evidence(correlation, distance, joined):
    labels = group_duplicates(_pairs((0, 1, correlation, distance)), [None, None])

    assert (labels[0] == labels[1]) is np.bool_(joined)


def test_thresholds_can_be_moved():
    pairs = _pairs((0, 1, 0.97, 7))
    strict = group_duplicates(pairs, [None, None])
    loose = group_duplicates(
        pairs, [None, None], thresholds=DuplicateThresholds(same_image_correlation=0.96)
    )

    assert (strict.tolist(), loose.tolist()) == ([0, 1], [0, 0])


@pytest.mark.parametrize("spoil", [lambda p: p[:12], lambda p: np.where(p > 90, np.nan, p)])
def test_what_cannot_be_analysed_is_blank(make_picture, spoil):
    assert describe([np.float32(spoil(make_picture(0)))]).blank[0]
