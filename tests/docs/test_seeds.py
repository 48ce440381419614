"""The spread over seeds stands beside its figures once it was measured; until then that is said."""

import pytest
import tables


@pytest.fixture
def known() -> tables.Figures:
    """Return the committed figures without those of seeds."""
    found = tables.Figures()
    held_out = found.sources["held_out"]
    found.sources["held_out"] = {
        name: one for name, one in held_out.items() if not name.startswith("seeds")
    }
    return found


def measured(kind: str) -> dict[str, dict[str, float | None]]:
    values = {"seed 0": 0.978, "seed 1": 0.974, "seed 2": 0.975, "spread": 0.004}
    return {
        f"{kind}/{run}/AUROC": {"estimate": value, "low": None, "high": None}
        for run, value in values.items()
    }


def test_nothing_is_claimed_before_it_is_measured(known: tables.Figures) -> None:
    assert tables.seeds(known) == tables.NO_SEEDS
    assert len(tables.truth(known)[0]) == 3


def test_the_spread_stands_beside_its_figure(known: tables.Figures) -> None:
    known.sources["held_out"] |= measured("seeds")
    header, rows = tables.truth(known)
    assert "three seeds" in header[-1]
    assert rows[0][-1] == "0.004"
    assert rows[2][-1] == "\N{EN DASH}"
    assert "| AUROC | 0.978 | 0.974 | 0.975 | 0.004 |" in tables.seeds(known)


def test_a_shorter_recipe_is_called_so_and_gives_way_to_the_full_one(known: tables.Figures) -> None:
    known.sources["held_out"] |= measured("seeds short")
    assert "shorter" in tables.truth(known)[0][-1]
    assert "shorter" in tables.seeds(known)
    known.sources["held_out"] |= measured("seeds")
    assert "shorter" not in tables.seeds(known)
