import numpy as np

from tumorscope.training.out_of_distribution import KINDS, TURNS, make_counterexamples


def heads(count: int = 6, size: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    inside = np.hypot(rows, columns) < 0.8
    noise = np.random.default_rng(0).normal(0, 10, (count, size, size))
    return np.clip(np.where(inside, 120 + noise, 0), 0, 255).astype(np.uint8)


def test_every_kind_takes_its_turn_and_shows_something() -> None:
    made, kinds, _ = make_counterexamples(heads(), 2 * len(TURNS))
    assert made.shape == (2 * len(TURNS), 64, 64)
    assert made.dtype == np.uint8
    assert kinds.tolist() == 2 * list(TURNS)
    assert set(TURNS) == set(KINDS)
    assert (made.reshape(len(made), -1).std(axis=1) > 1).all()


def test_same_seed_same_pictures_and_another_seed_others() -> None:
    first, *_ = make_counterexamples(heads(), 8, seed=1)
    np.testing.assert_array_equal(first, make_counterexamples(heads(), 8, seed=1)[0])
    other, *_ = make_counterexamples(heads(), 8, seed=2)
    assert all((one != another).any() for one, another in zip(first, other, strict=True))


def test_no_counterexample_is_a_scan_it_was_made_from() -> None:
    scans = heads().astype(np.float64)
    made, *_ = make_counterexamples(heads(), 3 * len(TURNS))
    for picture in made:
        nearest = np.abs(scans - picture).mean(axis=(1, 2)).min()
        assert nearest > 5


def test_head_ct_has_white_bone_around_a_brain_of_nearly_one_gray() -> None:
    scans = np.where(np.arange(128) // 8 % 2, heads(size=128), heads(size=128) // 3)  # stripes
    made, kinds, _ = make_counterexamples(scans, 8 * len(TURNS))
    x_rayed = made[kinds == "x-rayed"]
    assert len(x_rayed) == 8 * TURNS.count("x-rayed")
    white = (x_rayed > 190).mean(axis=(1, 2))
    assert np.median(white) > 3 * (scans > 190).mean()
    assert np.median([_spread(one) for one in x_rayed]) < 0.5 * np.median([*map(_spread, scans)])


def _spread(picture: np.ndarray) -> float:
    """Return the distance of the quartiles in the middle of a picture."""
    low, high = np.percentile(picture[32:96, 32:96], (25, 75))
    return float(high - low)
