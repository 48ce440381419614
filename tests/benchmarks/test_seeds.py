"""Figures of several seeds, and how the pages show them; the trainings take hours."""

import json
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the extra [train] is not installed")

from benchmarks.bench_seeds import HEADLINES, figures, spread

METRICS = Path(__file__).parents[2] / "docs" / "results" / "test" / "metrics.json"


def test_a_report_has_every_headline_and_their_range_is_the_spread() -> None:
    metrics = json.loads(METRICS.read_text(encoding="utf-8"))
    first = figures(metrics)
    assert list(first) == list(HEADLINES)
    metrics["sections"]["overall"]["all images"]["roc_auc"]["estimate"] -= 0.004
    del metrics["sections"]["localization"]
    apart = spread([first, figures(metrics), first])
    assert apart["AUROC"].estimate == pytest.approx(0.004)
    assert apart["sensitivity"].estimate == 0
    assert apart["AUROC"].to_dict()["low"] is None  # three runs give a range and no interval
    assert "peak in mask" not in apart
