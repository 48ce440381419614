from collections.abc import Callable

import numpy as np
import pytest

from tumorscope.training.covered import VISIBLE_CONTRAST, contrast, cover, with_covered
from tumorscope.training.examples import UNKNOWN, Examples

MakeHead = Callable[..., np.ndarray]
SIDE = 224
CENTER = {"aside": (112, 70), "midline": (112, 112)}


def disc(center: tuple[int, int], radius: float = 18) -> np.ndarray:
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    return np.hypot(rows - center[0], columns - center[1]) < radius


def with_tumor(make_head: MakeHead, center: tuple[int, int], grey: int = 200) -> np.ndarray:
    head = make_head(shape=(SIDE, SIDE))
    head[disc(center)] = grey
    return head


@pytest.fixture
def examples(make_head: MakeHead) -> Examples:
    """A tumor that shows, one that does not, one without a mask, and none."""
    aside = CENTER["aside"]
    canvases = [
        with_tumor(make_head, aside),
        with_tumor(make_head, aside, grey=105),
        with_tumor(make_head, aside),
        make_head(shape=(SIDE, SIDE)),
    ]
    mask = 255 * disc(aside).astype(np.uint8)
    return Examples(
        keys=np.array(["shows", "hidden", "unmarked", "none"]),
        canvases=np.stack(canvases),
        tumor=np.array([1, 1, 1, 0], np.int8),
        tumor_type=np.array([0, 0, 0, UNKNOWN], np.int8),
        source=np.array(["a", "a", "b", "b"]),
        masks=np.stack([mask, mask]),
        mask_index=np.array([0, 1, UNKNOWN, UNKNOWN], np.int32),
    )


@pytest.mark.parametrize("where", CENTER)
@pytest.mark.parametrize("seed", range(12))
def test_a_covered_tumor_does_not_show(make_head: MakeHead, where: str, seed: int) -> None:
    canvas, tumor = with_tumor(make_head, CENTER[where]), disc(CENTER[where])
    assert contrast(canvas, tumor) > 5 * VISIBLE_CONTRAST
    covered = cover(canvas, tumor, np.random.default_rng(seed))
    assert contrast(covered, tumor) < VISIBLE_CONTRAST
    assert np.median(covered[tumor]) == pytest.approx(100, abs=15)


@pytest.mark.parametrize("seed", range(12))
def test_the_rest_of_the_head_stays(make_head: MakeHead, seed: int) -> None:
    canvas, center = with_tumor(make_head, CENTER["aside"]), CENTER["aside"]
    covered = cover(canvas, disc(center), np.random.default_rng(seed))
    far = ~disc(center, radius=18 + 9 + 12)
    assert np.array_equal(covered[far], canvas[far])


def test_tumors_that_show_are_there_a_second_time_without(examples: Examples) -> None:
    both = with_covered(examples, seed=0)
    assert both.keys.tolist() == [*examples.keys.tolist(), "shows covered"]
    assert np.array_equal(both.canvases[:4], examples.canvases)
    assert (both.tumor[4], both.tumor_type[4], both.source[4]) == (0, UNKNOWN, "a")
    assert both.mask(4) is None
    assert np.array_equal(both.take(np.arange(4)).tumor, examples.tumor)


def test_a_copy_hangs_on_the_seed_and_the_key_alone(examples: Examples) -> None:
    first = with_covered(examples, seed=0).canvases[-1]
    reversed_order = with_covered(examples.take(np.arange(4)[::-1]), seed=0).canvases[-1]
    assert np.array_equal(first, reversed_order)
    assert not np.array_equal(first, with_covered(examples, seed=1).canvases[-1])


def test_a_tumor_of_which_too_much_is_left_is_left_out(examples: Examples) -> None:
    examples.canvases[0][disc(CENTER["aside"], radius=40) & (examples.canvases[0] < 200)] = 170
    assert len(with_covered(examples, seed=0)) == len(examples)


def test_without_masks_nothing_is_added(examples: Examples) -> None:
    assert with_covered(examples.take(np.array([2, 3])), seed=0).keys.tolist() == [
        "unmarked",
        "none",
    ]
