"""Which scans a gallery shows."""

from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the extra [train] is not installed")

from tumorscope.recipes.gallery import CELLS, choose
from tumorscope.recipes.gallery import _edge as edge


def test_the_hardest_of_each_patient_come_before_more_of_one() -> None:
    data = SimpleNamespace(
        y_true=np.array([1, 1, 1, 1, 0]),
        y_score=np.array([0.1, 0.05, 0.3, 0.2, 0.9]),
        groups=np.array(["a", "a", "b", "a", "c"]),
    )
    of_cell = np.array([0, 1, 2, 3])
    assert choose(of_cell, data, most=9) == [1, 2, 0, 3]  # type: ignore[arg-type]
    assert choose(of_cell, data, most=2) == [1, 2]  # type: ignore[arg-type]


def test_every_truth_and_outcome_has_a_cell() -> None:
    outcomes = {"tumor", "no_tumor", "abstain", "rejected"}
    assert set(CELLS.values()) == {(truth, one) for truth in (0, 1) for one in outcomes}


def test_an_outline_is_the_rim_of_the_mask() -> None:
    mask = np.zeros((5, 5), np.bool_)
    mask[1:4, 1:4] = True
    rim = mask.copy()
    rim[2, 2] = False
    assert np.array_equal(edge(mask), rim)
