"""Made answers of a made model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tumorscope.evaluation.evaluation_data import EvaluationData

SETS = ("both", "small", "tumors_only", "free_only")


@pytest.fixture(scope="session")
def _fields() -> dict[str, Any]:
    rng = np.random.default_rng(7)
    n = 300
    names = np.array(SETS)[rng.choice(4, n, p=[0.5, 0.1, 0.2, 0.2])]
    y_true = rng.integers(0, 2, n)
    y_true[names == "tumors_only"] = 1
    y_true[names == "free_only"] = 0
    score = 1 / (1 + np.exp(-(3 * y_true - 1.5 + rng.normal(0, 1.5, n))))
    type_true = np.where((y_true == 1) & (names != "small"), rng.integers(0, 3, n), -1)
    type_prob = rng.dirichlet((1, 1, 1), n)
    masked = (y_true == 1) & (names == "both")
    return {
        "y_true": y_true,
        "y_score": score,
        "groups": np.array(
            [f"{name}-{i}" for name, i in zip(names, rng.integers(0, 20, n), strict=True)]
        ),
        "set": names,
        "site": names,
        "sequence": np.array(["FLAIR", "T1"])[rng.integers(0, 2, n)],
        "plane": np.full(n, "unknown"),
        "type": np.array(["glioma", "meningioma", "pituitary", "unknown"])[type_true],
        "type_prob": type_prob,
        "type_true": type_true,
        "operating_point": "balanced",
        "operating_points": {"balanced": 0.5, "rule_out": 0.1},
        "peak_inside": np.where(masked, rng.integers(0, 2, n), np.nan),
        "dice": np.where(masked, rng.random(n), np.nan),
    }


@pytest.fixture
def fields(_fields: dict[str, Any]) -> dict[str, Any]:
    """Arguments of an EvaluationData of 300 images from 4 sets, with masks and types."""
    return dict(_fields)


@pytest.fixture(scope="session")
def make_data(_fields: dict[str, Any]) -> Callable[..., EvaluationData]:
    """Make an EvaluationData, with some arguments replaced or cut to some rows."""

    def make(*, rows: Any = None, **changes: Any) -> EvaluationData:
        chosen = {
            name: value[rows] if rows is not None and isinstance(value, np.ndarray) else value
            for name, value in _fields.items()
        }
        return EvaluationData(**(chosen | changes))

    return make
