import cv2
import numpy as np
import pytest
from PIL import Image

from tumorscope.audit.duplicates import copies, registration
from tumorscope.audit.duplicates import perceptual_descriptors as looks
from tumorscope.audit.duplicates.candidates import find_candidates
from tumorscope.audit.duplicates.copies import (
    CopyPair,
    CopyThresholds,
    cluster,
    describe_change,
    find_copies,
)
from tumorscope.audit.duplicates.perceptual_descriptors import (
    blank_look,
    mirror_descriptors,
    take_look,
)
from tumorscope.audit.duplicates.registration import Placement, register


@pytest.fixture(scope="module")
def heads() -> list[np.ndarray]:
    return [_head(seed) for seed in range(12)]


def _head(seed: int, side: int = 160) -> np.ndarray:
    """A textured ellipse: shape (side, side), uint8; one look per seed."""
    rng = np.random.default_rng(seed)
    texture = sum(
        np.asarray(
            Image.fromarray(rng.uniform(-1, 1, (cells, cells)).astype(np.float32)).resize(
                (side, side), Image.Resampling.BICUBIC
            )
        )
        / cells**0.5
        for cells in (7, 14, 28)
    )
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    head = (rows / 0.8) ** 2 + (columns / rng.uniform(0.6, 0.75)) ** 2 < 1
    return np.uint8(np.where(head, np.clip(120 + 150 * texture, 20, 255), 0))


def _turn(picture: np.ndarray, angle: float) -> np.ndarray:
    return np.asarray(Image.fromarray(picture).rotate(angle, Image.Resampling.BICUBIC, expand=True))


def _write_over(picture: np.ndarray) -> np.ndarray:
    written = picture.copy()
    cv2.putText(written, "R 12:30", (8, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    return written


CHANGES = {
    "mirrored": lambda p: p[:, ::-1],
    "turned by 37": lambda p: _turn(p, 37),
    "turned by 171": lambda p: _turn(p, -171),
    "mirrored and turned": lambda p: _turn(p[:, ::-1], 64),
    "cropped": lambda p: p[20:156, 6:142],
    "padded": lambda p: np.pad(p, ((10, 60), (40, 5))),
    "resized": lambda p: cv2.resize(p, (128, 128)),
    "brighter": lambda p: np.uint8(255 * (p / 255) ** 0.6),
    "equalized": lambda p: cv2.createCLAHE(2.0, (8, 8)).apply(p),
    "re-encoded": lambda p: cv2.imdecode(
        cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_GRAYSCALE
    ),
    "written over": _write_over,
    "padded and turned": lambda p: _turn(np.pad(p, 20), 20),
}


def _looks(pictures) -> list:
    return [take_look(np.float32(picture)) for picture in pictures]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(heads, change):
    pairs = find_copies(_looks([*heads, np.ascontiguousarray(change(heads[3]))]))

    assert [(pair.first, pair.second) for pair in pairs] == [(3, len(heads))]
    assert pairs[0].placement.score >= CopyThresholds().same_picture


def test_the_transform_is_told(heads):
    changed = [_turn(heads[0], 37), heads[1][:, ::-1], _turn(heads[2][:, ::-1], -50)]

    placements = [pair.placement for pair in find_copies(_looks([*heads, *changed]))]

    assert [place.mirrored for place in placements] == [False, True, True]
    assert [place.rotation for place in placements] == pytest.approx([37, 0, -50], abs=2)
    assert placements[1].scale == pytest.approx(1, abs=0.02)


def test_different_pictures_are_not_paired(heads):
    assert find_copies(_looks(heads)) == []


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_picture_of_other_detail_is_a_relative_and_not_the_same_picture(heads, seed):
    rng = np.random.default_rng(99)
    detail = sum(
        cv2.resize(rng.uniform(-1, 1, (cells, cells)), (160, 160), interpolation=cv2.INTER_CUBIC)
        / cells**0.5
        for cells in (28, 40)
    )
    grey = np.where(heads[seed] > 0, np.clip(heads[seed] + 240 * detail, 1, 255), 0)

    first, second = (look.thumbnail for look in _looks([heads[seed], np.uint8(grey)]))

    thresholds = CopyThresholds()
    score = register(first, second, (False, 1 + 0j, 0j)).score
    assert thresholds.relative <= score < thresholds.same_picture


def test_what_was_written_over_does_not_count(heads, monkeypatch):
    written = heads[4].copy()
    for row in (60, 90, 120):
        cv2.putText(written, "R 12:30", (35, row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
    pictures = [look.thumbnail for look in _looks([heads[4], written])]

    score = register(*pictures, (False, 1 + 0j, 0j)).score

    monkeypatch.setattr(registration, "_written_over", lambda _, __, seen: np.zeros_like(seen))
    assert register(*pictures, (False, 1 + 0j, 0j)).score < score - 0.1


def test_half_of_two_pictures_in_common_is_not_one_picture(heads, monkeypatch):
    ground = 70  # grey, as around skull-stripped brains: it agrees with every other such ground
    first = np.where(heads[1] > 0, heads[1], ground).astype(np.uint8)
    second = first.copy()
    second[48:112] = np.where(heads[1] > 0, heads[6], ground)[48:112]
    pictures = [look.thumbnail.astype(np.float32) for look in _looks([first, second])]
    placed = np.eye(2, 3, dtype=np.float32)

    assert registration._fine_score(*pictures, placed) < CopyThresholds().relative

    monkeypatch.setattr(registration, "_MOST", -1.0)
    assert registration._fine_score(*pictures, placed) > CopyThresholds().relative


def test_captions_do_not_take_the_key_points(heads, monkeypatch):
    written = heads[4].copy()
    for row in (60, 90, 120):
        cv2.putText(written, "R 12:30", (35, row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)

    def on_captions() -> int:
        look = take_look(np.float32(written))
        near = cv2.dilate(np.uint8(look.thumbnail >= 245), np.ones((7, 7)))
        column, row = look.points[:, :2].astype(int).T
        return int(near[row, column].sum())

    few = on_captions()
    monkeypatch.setattr(looks, "_DOUBT", 1.0)
    assert few < on_captions() / 2


@pytest.mark.parametrize("rows", [160, 140])
def test_a_first_guess_that_is_off_is_mended_at_full_size(heads, rows):
    squeezed = cv2.resize(heads[3], (160, rows), interpolation=cv2.INTER_AREA)
    first, second = (look.thumbnail for look in _looks([heads[3], squeezed]))
    off = (False, 1.02 + 0.03j, -2 + 1j)
    assert (first.shape == second.shape) == (rows == 160)

    pictures = first.astype(np.float32), second.astype(np.float32)
    coarse = registration._matrix(*off)
    guess = registration._rescale(coarse, 96 / registration.THUMBNAIL_SIDE)
    before = registration._fine_score(*pictures, guess)

    assert before < CopyThresholds().same_picture
    assert registration._measure_finely(first, second, coarse)[0] > 0.85


def test_white_captions_leave_a_dark_scan_its_grey_levels(heads):
    dark = np.uint8(heads[4] * 0.2)
    written = dark.copy()
    for row in (30, 150):
        cv2.putText(written, "R 12:30", (35, row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)

    plain, captioned = (look.thumbnail for look in _looks([dark, written]))

    # The 1st to 99th percentile would leave it a fifth.
    assert np.median(captioned[captioned > 0]) > 0.4 * np.median(plain[plain > 0])


def test_processes_find_what_one_process_finds(heads, monkeypatch):
    looks = _looks([*heads, *(head[:, ::-1] for head in heads), *(_turn(h, 20) for h in heads)])
    alone = find_copies(looks, workers=1)
    run = []
    real = copies.joblib.Parallel
    monkeypatch.setattr(copies, "_MIN_FOR_PROCESSES", 0)
    monkeypatch.setattr(copies, "_CHUNK", 5)
    monkeypatch.setattr(copies.joblib, "Parallel", lambda **how: run.append(how) or real(**how))

    assert find_copies(looks, workers=2) == alone
    assert run[0]["n_jobs"] == 2
    assert len(alone) >= 24


def test_equal_looks_are_paired_with_the_first_and_told_by_their_files(heads):
    looks = [take_look(np.float32(heads[0]), sha256=name) for name in ("a", "b", "a")]

    pairs = find_copies(looks)

    assert [(pair.first, pair.second, pair.is_same_file) for pair in pairs] == [
        (0, 1, False),
        (0, 2, True),
    ]
    assert all(pair.placement.score == 1 for pair in pairs)


@pytest.mark.parametrize("looks", [[], [blank_look()] * 3], ids=["none", "blank"])
def test_what_shows_nothing_has_no_copies(looks):
    assert find_copies(looks) == []
    assert len(find_candidates(looks)) == 0


def test_mirrored_descriptors_are_those_of_the_mirrored_picture(heads):
    look, mirrored = _looks([heads[5], heads[5][:, ::-1]])

    def nearest(asked, others):
        difference = asked[:, None].astype(int) - others[None].astype(int)
        return np.median((difference**2).sum(axis=2).min(axis=1))

    as_mirrored = nearest(mirror_descriptors(look.descriptors), mirrored.descriptors)
    assert as_mirrored < nearest(look.descriptors, mirrored.descriptors) / 4
    twice = mirror_descriptors(mirror_descriptors(look.descriptors))
    assert (twice == look.descriptors).all()


def test_padding_costs_no_resolution(heads):
    plain, padded = _looks([heads[4], np.pad(heads[4], 80)])

    # A longer line needs more foreground to count, so the box may lose a pixel or two.
    assert padded.thumbnail.shape == pytest.approx(plain.thumbnail.shape, abs=3)
    assert (padded.thumbnail > 25).mean() == pytest.approx((plain.thumbnail > 25).mean(), abs=0.05)


def test_many_pictures_use_lists_and_find_the_same(heads, monkeypatch):
    looks = _looks([*heads, *(_turn(head, 25) for head in heads)])
    expected = {(pair.first, pair.second) for pair in find_copies(looks)}
    monkeypatch.setattr("tumorscope.audit.duplicates.candidates._MIN_FOR_LISTS", 100)
    monkeypatch.setattr("tumorscope.audit.duplicates.candidates._BLOCK", 5)

    found = {(pair.first, pair.second) for pair in find_copies(looks)}

    assert found == expected == {(k, k + len(heads)) for k in range(len(heads))}


def test_clusters_follow_the_threshold():
    pairs = [CopyPair(0, 2, _place(0.97)), CopyPair(2, 3, _place(0.92))]

    assert cluster(5, pairs, threshold=0.93).tolist() == [0, 1, 0, 3, 4]
    assert cluster(5, pairs, threshold=0.90).tolist() == [0, 1, 0, 0, 4]


def test_a_change_is_put_into_words():
    turned = CopyPair(0, 1, Placement(0.9, True, -36.6, 0.8, 0.7))

    assert describe_change(turned) == (
        "mirrored, turned by -37 degrees, content at 80 %, 70 % of it shared"
    )
    assert describe_change(CopyPair(0, 1, _place(1.0))) == "the same placement"
    assert describe_change(CopyPair(0, 1, _place(1.0), is_same_file=True)) == "the same file"


def _place(score: float) -> Placement:
    return Placement(score, mirrored=False, rotation=0.0, scale=1.0, cover=1.0)
