"""The tables of figures in README.md and docs are those of the committed JSON."""

import json
import re
import shutil
from pathlib import Path

import pytest
import tables

ROOT = Path(__file__).parents[2]


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
    page.write_text(re.sub(r"0\.944", "0.999", text), encoding="utf-8")
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


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("held_out:hospital/FLAIR/auroc", "0.944"),
        ("held_out:hospital/all/coverage_tumor | %", "74 %"),
        ("held_out:type_folds/all | n", "2,522"),
        ("test:overall / all images / roc_auc | .2f", "0.98"),
        ("card:size", "224"),
    ],
)
def test_a_figure_in_a_sentence_is_filled_in(asked: str, text: str) -> None:
    sentence = f"It is <!-- = {asked} -->9<!-- --> here."
    filled = tables.fill(sentence, tables.Figures())
    assert filled == f"It is <!-- = {asked} -->{text}<!-- --> here."


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("held_out:nonsense", "have no 'nonsense'"),
        ("nonsense:hospital", "begins with no file"),
        ("held_out:hospital/FLAIR/auroc | n", "was not measured"),
    ],
)
def test_a_figure_that_is_not_there_is_an_error(asked: str, reason: str) -> None:
    with pytest.raises(tables.TablesError, match=reason):
        tables.fill(f"<!-- = {asked} -->9<!-- -->", tables.Figures())


def test_a_figure_without_an_end_is_an_error() -> None:
    with pytest.raises(tables.TablesError, match="no <!-- --> in its line"):
        tables.fill("<!-- = card:size -->9\n<!-- -->", tables.Figures())


def test_every_table_is_shown_somewhere() -> None:
    shown = {
        match["name"]
        for page in tables.pages()
        for pattern in (tables.BLOCK, tables.FRONT)
        for match in pattern.finditer(page.read_text(encoding="utf-8"))
    }
    results = tables.ROOT / "docs" / "results" / "measured.json"
    measured = json.loads(results.read_text(encoding="utf-8"))
    of_pages = {f"measured-{name}" for name in measured.get("tables", measured)}
    assert shown == {*tables.TABLES, *tables.TEXTS, *of_pages}


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
    results = ROOT / "docs" / "results"
    figures = {
        name: figure
        for file in ("held_out.json", "stated.json")
        for name, figure in json.loads((results / file).read_text("utf-8"))["figures"].items()
    }
    keys = {"estimate", "low", "high", "n", "groups", "command", "commit"}
    for name, figure in figures.items():
        assert keys <= set(figure), name
        assert figure["command"] or figure.get("transcribed_from"), name
        assert figure["low"] is None or figure["low"] <= figure["estimate"] <= figure["high"], name
        # Of one group there is no other interval; the figure is that of its images.
        is_whole = figure["estimate"] in (0, 1) or figure["groups"] == 1
        assert not figure.get("exact") or is_whole, name
