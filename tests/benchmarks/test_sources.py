import pytest
from benchmarks.bench_sources import compare, figures


def row(source: str, group: int, tumor: str, probability: float, outcome: str) -> dict[str, str]:
    return {
        "set": source,
        "sequence": "FLAIR",
        "unit": str(group),
        "tumor": tumor,
        "probability": str(probability),
        "outcome": outcome,
    }


def test_each_source_has_its_figures_and_all_together() -> None:
    good = [row("good", at, "1", 0.9, "tumor") for at in range(12)]
    good += [row("good", at, "0", 0.1, "no_tumor") for at in range(12)]
    poor = [
        row("poor", 50 + at, "1", 0.2, "rejected" if at % 2 else "no_tumor") for at in range(12)
    ]
    found = figures(good + poor, {"rule_out": 0.2, "rule_in": 0.9})
    assert found["good/FLAIR/auroc"].estimate == 1
    assert "poor/FLAIR/auroc" not in found  # it has tumors alone
    assert found["poor/FLAIR/rejected"].estimate == 0.5
    assert found["poor/FLAIR/tumor"].estimate == 0
    assert found["all sources/all/tumor"].estimate == 0.5
    assert found["all sources/all/free no_tumor"].n_groups == 12
    assert found["poor/FLAIR/rule_out sensitivity"].estimate == 1  # from the threshold on
    assert found["good/FLAIR/rule_in specificity"].estimate == 1
    assert "poor/FLAIR/rule_in specificity" not in found


def test_two_models_are_compared_on_the_same_scans(capsys: pytest.CaptureFixture[str]) -> None:
    one = [
        row("a", at, str(at % 2), (0.1, 0.9)[at % 2], ("no_tumor", "tumor")[at % 2])
        | {"path": str(at)}
        for at in range(40)
    ]
    other = [answer | {"probability": "0.5", "outcome": "no_tumor"} for answer in one]
    compare(one, list(reversed(other)))
    lines = capsys.readouterr().out.splitlines()
    ranked = next(line for line in lines if line.startswith("| a/FLAIR | AUROC"))
    assert "| 0.500" in ranked.split("40; 40")[1]
    called = next(line for line in lines if line.startswith("| a/FLAIR | tumors called"))
    assert "20; 20 | 1.000 [0.832, 1.000] | 0.000 [0.000, 0.168]" in called
    with pytest.raises(SystemExit, match="other scans"):
        compare(one, other[1:])
