import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra [train] is not installed")

from tests.recipes.test_export_small import examples_of, outputs_of
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.recipes import export
from tumorscope.recipes.export import Outputs, choose_arithmetic


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


def test_compared_on_a_part_and_shipped_with_the_outputs_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The slow float graph answers a part of the split, the chosen one all of it."""
    asked: list[tuple[str, int]] = []

    def run(graph: str, canvases: np.ndarray, _: Preprocessing) -> Outputs:
        asked.append((graph, len(canvases)))
        shift = 0.5 if graph == "7" else 0.0  # too far off, so that 8 bits are tried
        return outputs_of(canvases[:, 0, 0].astype(np.float64) + shift)

    monkeypatch.setattr(export, "_run", run)
    monkeypatch.setattr(export, "JUDGED_SCANS", 10)
    monkeypatch.setattr(export, "quantize", lambda *_, weight_bits, **__: str(weight_bits))
    tumor = (np.arange(40) % 3 == 0).astype(np.int8)
    canvases = np.zeros((40, 64, 64), np.uint8)
    canvases[:, 0, 0] = tumor
    examples = examples_of(tumor, canvases)
    splits = {"ranges": examples, "calibration": examples}
    graph, outputs, reason = export._choose_graph("float", splits, Preprocessing())
    assert graph == "8"
    assert asked == [("float", 10), ("7", 10), ("8", 10), ("8", 40)]
    np.testing.assert_array_equal(outputs.tumor, tumor)
    assert reason["calibration_images"] == 10
    asked.clear()
    monkeypatch.setattr(export, "JUDGED_SCANS", 40)
    export._choose_graph("float", splits, Preprocessing())
    assert asked == [("float", 40), ("7", 40), ("8", 40)]
