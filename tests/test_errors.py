"""What is said of a package that is missing."""

import importlib

import pytest

from tumorscope.errors import MissingExtraError, needs_extra


def test_a_package_that_is_missing_needs_its_extra() -> None:
    with (
        pytest.raises(MissingExtraError, match=r"pip install 'tumorscope\[train\]'"),
        needs_extra("Training", "train"),
    ):
        importlib.import_module("no_such_package")


def test_a_module_of_ours_that_is_missing_is_a_fault_of_ours() -> None:
    with pytest.raises(ModuleNotFoundError), needs_extra("Training", "train"):
        importlib.import_module("tumorscope.no_such_module")
