from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from tumorscope.model.integer_arithmetic import (
    SAFE_KEY,
    cannot_saturate,
    keep_exact,
    multiplies_exactly,
)

PRECISION = "session.x64quantprecision"


@pytest.mark.parametrize(
    ("machine", "flags", "exact"),
    [
        ("x86_64", "fpu sse2 avx avx2", False),
        ("x86_64", "fpu avx2 avx512f avx512bw", False),
        ("x86_64", "fpu avx2 avx512f avx512_vnni", True),
        ("AMD64", "fpu avx2 avx_vnni", True),
        ("aarch64", "", True),
    ],
)
def test_processors_are_told_apart(tmp_path: Path, machine: str, flags: str, exact: bool) -> None:
    cpu_info = tmp_path / "cpuinfo"
    cpu_info.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: avx512_vnni\n")
    assert multiplies_exactly(machine, cpu_info) is exact


def test_what_the_system_does_not_tell_is_taken_for_inexact(tmp_path: Path) -> None:
    assert not multiplies_exactly("x86_64", tmp_path / "absent")


def test_only_a_graph_that_says_so_is_safe() -> None:
    assert cannot_saturate(b"weights" * 1000 + SAFE_KEY.encode() + b"7")
    assert not cannot_saturate(SAFE_KEY.encode() + bytes(5000))


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("safe", [True, False])
def test_slow_instructions_only_where_needed(
    monkeypatch: pytest.MonkeyPatch, exact: bool, safe: bool
) -> None:
    monkeypatch.setattr("tumorscope.model.integer_arithmetic.multiplies_exactly", lambda: exact)
    options = onnxruntime.SessionOptions()
    keep_exact(options, SAFE_KEY.encode() if safe else b"graph")
    try:
        value = options.get_session_config_entry(PRECISION)
    except RuntimeError:  # the entry is not there
        value = "0"
    assert value == ("0" if exact or safe else "1")


def test_largest_products_do_not_saturate() -> None:
    """A convolution of 255 with 127, eightfold: 16 bits hold a tenth of it."""
    onnx = pytest.importorskip("onnx", reason="the extra [train] is not installed")
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    weights = np.full((16, 8, 1, 1), 127, np.int8)
    constants = {
        "one": np.array(1, np.float32),
        "zero": np.array(0, np.uint8),
        "w": weights,
        "ws": np.ones(16, np.float32),
        "wz": np.zeros(16, np.int8),
        "step": np.array(255 * 127 * 8 / 250, np.float32),
    }
    inputs = ["x", "one", "zero", "w", "ws", "wz", "step", "zero"]
    graph = helper.make_graph(
        [helper.make_node("QLinearConv", inputs, ["y"])],
        "largest",
        [helper.make_tensor_value_info("x", onnx.TensorProto.UINT8, [1, 8, 4, 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.UINT8, [1, 16, 4, 4])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    content = model.SerializeToString()
    options = onnxruntime.SessionOptions()
    keep_exact(options, content)
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    (result,) = session.run(None, {"x": np.full((1, 8, 4, 4), 255, np.uint8)})
    assert set(result.ravel().tolist()) == {250}
