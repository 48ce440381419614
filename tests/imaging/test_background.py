"""What has no value becomes background; what has one is not copied."""

import numpy as np

from tumorscope.imaging.background import fill_background


def test_finite_values_are_not_copied() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    assert fill_background(values) is values


def test_values_of_the_caller_stay() -> None:
    values = np.array([[np.nan, 2.0], [3.0, np.inf]], np.float32)
    filled = fill_background(values)
    np.testing.assert_array_equal(filled, np.array([[2, 2], [3, 2]], np.float32))
    assert filled.dtype == np.float32
    assert np.isnan(values[0, 0])
