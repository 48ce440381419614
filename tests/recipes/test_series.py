import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra [train] is not installed")

from tumorscope.data.manifest import ManifestRow
from tumorscope.recipes.series import fit_series_spread

SLICES = 40


def series_rows(patients: int) -> list[ManifestRow]:
    """Every second patient has a tumor in the three slices of the middle."""
    return [
        ManifestRow(
            "s",
            f"{patient}_{place}.png",
            int(patient % 2 == 1 and abs(place - SLICES // 2) <= 1),
            patient_id=str(patient),
        )
        for patient in range(patients)
        for place in range(SLICES)
    ]


def random_logits(rows: list[ManifestRow], *, noise: float) -> dict[str, float]:
    random = np.random.default_rng(0)
    return {row.name: (2.0 if row.tumor else -2.0) + noise * random.normal() for row in rows}


def test_the_noisier_the_slices_the_larger_the_spread() -> None:
    rows = series_rows(60)
    spreads = [fit_series_spread(rows, random_logits(rows, noise=noise)) for noise in (0.5, 3.0)]
    assert spreads[0] is not None
    assert spreads[1] is not None
    assert 0 <= spreads[0] < spreads[1]


@pytest.mark.parametrize(("patients", "enough"), [(18, False), (20, True)])
def test_few_series_say_nothing(patients: int, enough: bool) -> None:
    rows = series_rows(patients)
    assert (fit_series_spread(rows, random_logits(rows, noise=1.0)) is not None) == enough
