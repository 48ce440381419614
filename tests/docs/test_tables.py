"""The tables of figures in README.md and docs are those of the committed JSON."""

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


tables = load()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what the tables are made of and stand in."""
    for page in (*tables.pages(), *ROOT.glob("docs/**/*.json")):
        target = tmp_path / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, target)
    return tmp_path


def test_committed_tables_are_those_of_the_figures() -> None:
    assert tables.main(["--check"]) == 0


def test_check_names_a_page_whose_figure_was_changed(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = checkout / "README.md"
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(r"0\.982", "0.999", text), encoding="utf-8")
    assert tables.main(["--check"], root=checkout) == 1
    assert "README.md" in capsys.readouterr().err
    assert "0.999" in page.read_text(encoding="utf-8")  # a check writes nothing


def test_check_fails_when_only_the_json_changed(checkout: Path) -> None:
    path = checkout / "docs" / "results" / "held_out.json"
    figures = json.loads(path.read_text(encoding="utf-8"))
    figures["figures"]["hospital/FLAIR/auroc"]["estimate"] = 0.5
    path.write_text(json.dumps(figures), encoding="utf-8")
    assert tables.main(["--check"], root=checkout) == 1
    assert tables.main([], root=checkout) == 0
    assert tables.main(["--check"], root=checkout) == 0
    assert "0.500 [0.918, 0.967]" in (checkout / "README.md").read_text(encoding="utf-8")


def test_a_table_that_is_not_known_is_an_error() -> None:
    with pytest.raises(tables.TablesError, match="no table 'nonsense'"):
        tables.fill("<!-- table: nonsense -->\n<!-- end -->\n", tables.Figures())


def test_a_table_without_an_end_is_an_error() -> None:
    with pytest.raises(tables.TablesError, match="no <!-- end -->"):
        tables.fill("<!-- table: truth -->\n| text |\n", tables.Figures())


def test_every_table_is_shown_somewhere() -> None:
    shown = {
        match["name"]
        for page in tables.pages()
        for match in tables.BLOCK.finditer(page.read_text(encoding="utf-8"))
    }
    assert shown == set(tables.TABLES)


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (tables.Figure(0.5), "0.500"),
        (tables.Figure(0.9444, 0.918, 0.967, 100, 40), "0.944 [0.918, 0.967]"),
        (tables.Figure(0.9444, 0.918, 0.967, 100, 16), "0.944 [0.918, 0.967] †"),
        (tables.Figure(1.0, 0.815, 1.0, 20, 18, is_exact=True), "1.000 [0.815, 1.000] \\*"),
    ],
)
def test_a_figure_is_written_as_in_a_report(figure: object, text: str) -> None:
    assert str(figure) == text


def test_figures_whose_run_was_not_kept_say_where_they_stood() -> None:
    path = ROOT / "docs" / "results" / "held_out.json"
    keys = {"estimate", "low", "high", "n", "groups", "command", "commit"}
    for name, figure in json.loads(path.read_text(encoding="utf-8"))["figures"].items():
        assert keys <= set(figure), name
        assert figure["command"] or figure.get("transcribed_from"), name
        assert figure["low"] is None or figure["low"] <= figure["estimate"] <= figure["high"], name
        assert not figure.get("exact") or figure["estimate"] in (0, 1), name
