"""The examples in the docstrings give what they say."""

import doctest
import importlib

import numpy as np
import pytest


@pytest.mark.parametrize(
    "name",
    [
        *("intervals", "localization", "matching"),
        "operating_points",
    ],
)
def test_examples_in_docstrings_hold(name):
    module = importlib.import_module(f"tumorscope.evaluation.{name}")
    result = doctest.testmod(module, extraglobs={"np": np})
    assert result.attempted > 0
    assert result.failed == 0
