import pytest

pytest.importorskip("fsspec", reason="the extra [scale] is not installed")

from benchmarks.size_cluster import SLICES, simulate

RATES = {"slice_s": [0.3], "part_s": 0.0, "slice_bytes": 0.0}
PART = 64


def test_workers_share_the_work() -> None:
    one = simulate(RATES, nodes=1, workers=1, bandwidth=1e9, slices=640 * PART)
    assert one["hours"] * 3600 == pytest.approx(640 * PART * 0.3)
    many = simulate(RATES, nodes=10, workers=2, bandwidth=1e9, slices=640 * PART)
    assert one["hours"] / many["hours"] == pytest.approx(20)
    assert many["workers"] == pytest.approx(1)


def test_the_command_is_the_limit_when_workers_are_many() -> None:
    rates = RATES | {"part_s": 0.02}
    one = simulate(rates, nodes=1000, workers=2, bandwidth=1e9, slices=SLICES)
    assert one["slices_per_s"] <= PART / 0.02
    assert one["command"] > 0.9 > one["workers"]


def test_the_storage_is_the_limit_when_it_is_slow() -> None:
    rates = RATES | {"slice_bytes": 1e6}
    one = simulate(rates, nodes=100, workers=2, bandwidth=1e8, slices=SLICES)
    assert one["slices_per_s"] == pytest.approx(100, rel=0.02)
    assert one["storage"] > 0.98
