"""Every published figure has a source, and the search for those without finds them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import evidence
import pytest
import tables
from citing import citing_files

ROOT = Path(__file__).parents[2]
EXEMPT = evidence.Exempt.read(ROOT / evidence.EXEMPT)
PAGE = Path("docs/explanation/limits.md")


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Copy what is published; what the model says of itself is not asked again."""
    facts = json.loads((ROOT / evidence.MODEL).read_text(encoding="utf-8"))
    monkeypatch.setattr(evidence, "model_facts", lambda: facts)
    pages = [*tables.pages(), *ROOT.glob("docs/**/*.json"), ROOT / evidence.EXEMPT]
    cited = [ROOT / name for name in ("pyproject.toml", *citing_files(ROOT))]
    for page in (*pages, *cited, *evidence.page_code(ROOT)):
        target = tmp_path / page.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(page, target)
    return tmp_path


def test_every_number_of_pages_and_web_page_has_a_source() -> None:
    assert list(evidence.problems()) == []


@pytest.mark.parametrize(
    ("page", "change", "number"),
    [
        ("README.md", lambda text: text + "\nIts accuracy is 0.997.\n", "0.997"),
        ("docs/reference/results.md", lambda text: text + "\nOf 4,321 scans.\n", "4,321"),
        ("docs/explanation/limits.md", lambda text: text + "\n| T2 | 0.5 |\n", "0.5"),
        ("docs/explanation/model-card.md", lambda text: text + "\n- It finds 99 %.\n", "99"),
        ("docs/reference/http.md", lambda text: text + "\nIt takes 0.123 s.\n", "0.123"),
        ("docs/tutorials/audit-a-data-set.md", lambda text: text + "\nIt is 0.77.\n", "0.77"),
        ("docs/results/test/report.md", lambda text: text + "| made up | 0.9871 |\n", "0.9871"),
        (
            "web/src/messages/en.ts",
            lambda text: text + '\nexport const more = {\n  "a.b": "It finds 99% of them.",\n};\n',
            "99",
        ),
        (
            "web/src/local/ui/words.ts",
            lambda text: text + '\nexport const more = {\n  "a.b": "In 87 of 100",\n};\n',
            "87",
        ),
        (
            "web/src/features/model-card/components/model-room.tsx",
            lambda text: text + "\nexport const Said = () => <p>It finds 98 of them</p>;\n",
            "98",
        ),
    ],
)
def test_a_number_that_was_typed_is_named(
    checkout: Path, page: str, change: Callable[[str], str], number: str
) -> None:
    path = checkout / page
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    found = list(evidence.problems(checkout))
    assert any(one.startswith(f"{page}:") and f": {number} " in one for one in found)
    assert all(one.startswith(f"{page}:") for one in found)


def test_a_setting_is_confirmed_and_then_known(checkout: Path) -> None:
    page = "docs/reference/http.md"
    path = checkout / page
    path.write_text(path.read_text(encoding="utf-8") + "\nAt most 4321 names.\n", encoding="utf-8")
    (problem,) = evidence.problems(checkout)
    assert f"python docs/evidence.py --confirm {page}" in problem
    assert evidence.main(["--confirm", page], root=checkout) == 0
    assert list(evidence.problems(checkout)) == []
    with pytest.raises(tables.TablesError, match="no page of settings"):
        evidence.main(["--confirm", "README.md"], root=checkout)


def test_a_measured_table_is_that_of_its_json(checkout: Path) -> None:
    path = checkout / "docs" / "results" / "measured.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    row = content["tables"]["http"]["rows"][0]
    row["cells"][1] = row["cells"][1].replace("0.910", "0.960")
    row["run"].pop("date")
    row["run"]["commit"] = "0123456"
    path.write_text(json.dumps(content), encoding="utf-8")
    problems = list(evidence.problems(checkout))
    assert "docs/evidence.json is outdated; run make evidence" in problems
    assert any("measured:http" in one and "has no date" in one for one in problems)


def test_a_figure_that_changed_makes_the_evidence_outdated(checkout: Path) -> None:
    path = checkout / "docs" / "results" / "held_out.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["figures"]["hospital/FLAIR/auroc"]["estimate"] = 0.93
    path.write_text(json.dumps(content), encoding="utf-8")
    assert "docs/evidence.json is outdated; run make evidence" in evidence.problems(checkout)


def test_a_new_run_has_to_say_what_made_it(checkout: Path) -> None:
    path = checkout / "docs" / "results" / "held_out.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    for name, figure in content["figures"].items():
        if name.startswith("visibility/"):
            figure["commit"] = "0123456"
            for fact in ("date", "machine", "data_sha256"):
                figure.pop(fact)
    path.write_text(json.dumps(content), encoding="utf-8")
    problems = list(evidence.problems(checkout))
    assert "run 'held_out:visibility' has no date, machine, data_sha256" in problems


def test_two_runs_of_a_table_stay_two(checkout: Path) -> None:
    path = checkout / "docs" / "results" / "held_out.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["figures"]["series/all/auroc"]["commit"] = "0123456"
    path.write_text(json.dumps(content), encoding="utf-8")
    runs = evidence.collect(checkout).runs
    assert {runs[name]["commit"] for name in ("held_out:series", "held_out:series (2)")} == {
        "0123456",
        content["figures"]["series/FLAIR/auroc"]["commit"],
    }


def test_what_a_set_taught_is_not_called_unseen() -> None:
    taught = json.loads((ROOT / evidence.MODEL).read_text("utf-8"))["default"]["images"]
    held_out = json.loads((ROOT / "docs/results/held_out.json").read_text("utf-8"))["figures"]
    unseen = {name.split("/")[1] for name in held_out if name.startswith("unseen/")}
    assert unseen & set(taught) == set()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("It took 3 hours.", [(1, "3")]),
        ("VGG16, T1, T2 and `224` in 95 % of\n\n    $ tumorscope predict 7\n\ncases", []),
        ("1. First, 2,500 of them", [(1, "2,500")]),
        ("a [link](page-7.md) of 2024, decision 0031", []),
        ("<!-- = card:size -->224<!-- --> pixels", []),
        ("one\n\ntwo 0.98 and 12 %", [(3, "0.98"), (3, "12")]),
        ("Version 0.1.0 and 1.2.3.4", []),
    ],
)
def test_search_leaves_out_what_is_no_figure(text: str, found: list[tuple[int, str]]) -> None:
    assert list(evidence.stray_numbers(PAGE, text, EXEMPT)) == found


def test_an_exemption_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "exempt.toml"
    text = (ROOT / evidence.EXEMPT).read_text(encoding="utf-8")
    path.write_text(text + "\n[[number]]\npattern = '42'\n", encoding="utf-8")
    with pytest.raises(tables.TablesError, match="has no reason"):
        evidence.Exempt.read(path)


def test_samples_may_differ_by_a_processor_and_not_by_an_answer() -> None:
    line = "tumor       0.992  meningioma 0.53    samples/phantom_with_lesion.png"
    assert evidence.agree([line], [line.replace("0.992", "0.990")])
    assert not evidence.agree([line], [line.replace("0.992", "0.892")])
    assert not evidence.agree([line], [line.replace("meningioma", "glioma")])


def _measured_with_another(checkout: Path, prefix: str) -> None:
    """Say that figures are of another model than the embedded one."""
    recorded = checkout / "docs" / "results" / "held_out.json"
    content = json.loads(recorded.read_text(encoding="utf-8"))
    for name, figure in content["figures"].items():
        if name.startswith(prefix):
            figure["model_sha256"] = "0123456"
    recorded.write_text(json.dumps(content), encoding="utf-8")


def test_figures_of_another_model_are_called_so(checkout: Path) -> None:
    _measured_with_another(checkout, "peers/")
    path = checkout / "docs" / "paper" / "paper.md"
    text = path.read_text(encoding="utf-8")
    path.write_text(evidence.BEFORE.sub("model", text), encoding="utf-8")
    problems = list(evidence.problems(checkout))
    assert any(
        one.startswith("docs/paper/paper.md shows held_out:peers/") and "does not say so" in one
        for one in problems
    )


def test_another_section_saying_so_does_not_excuse_the_first(checkout: Path) -> None:
    _measured_with_another(checkout, "robustness/")
    path = checkout / "docs" / "reference" / "results.md"
    start, robustness, rest = path.read_text(encoding="utf-8").partition("\n## Robustness\n")
    section, heading, rest = rest.partition("\n## ")
    silent = evidence.BEFORE.sub("model", section)
    another = "\n## Before\n\nAn earlier model answered otherwise.\n"
    path.write_text(start + robustness + silent + heading + rest + another, encoding="utf-8")
    found = [one for one in evidence.problems(checkout) if "does not say so" in one]
    assert found
    assert all(one.startswith("docs/reference/results.md shows held_out:robu") for one in found)
