import pytest

pytest.importorskip("onnx", reason="the extra [train] is not installed")

from tumorscope.recipes.export import choose_arithmetic


@pytest.mark.parametrize(
    ("auroc", "difference", "chosen"),
    [
        ({"float32": 0.98, "7": 0.98, "8": 0.98}, {"7": 0.01, "8": 0.005}, "7"),
        ({"float32": 0.98, "7": 0.98, "8": 0.98}, {"7": 0.05, "8": 0.01}, "8"),
        ({"float32": 0.98, "7": 0.98, "8": 0.98}, {"7": 0.09, "8": 0.04}, "8"),
        ({"float32": 0.98, "7": 0.97, "8": 0.98}, {"7": 0.01, "8": 0.04}, "8"),
        ({"float32": 0.98, "7": 0.97, "8": 0.97}, {"7": 0.01, "8": 0.01}, "float32"),
    ],
)
def test_fast_if_close_and_float_if_it_costs(
    auroc: dict[str, float], difference: dict[str, float], chosen: str
) -> None:
    assert choose_arithmetic(auroc, difference) == chosen
