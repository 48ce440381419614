"""Every link of the documents leads somewhere, and none names a place that only we have."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.bench_report import page as speed_page

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("studies/*.md")),
]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)\s]*\)")


def links(page: Path) -> Iterator[str]:
    yield from LINK.findall(page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    missing = [link for link in links(page) if not (page.parent / link).exists()]
    assert missing == []


def test_no_page_or_source_names_a_folder_beside_the_checkout() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "README.md", "CONTRIBUTING.md", "docs", "studies", "src", "web"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout: the files of the project cannot be listed")
    found = [
        name
        for name in listed.stdout.splitlines()
        if not name.endswith(".tumorscope")  # a card records the command that was run
        and (ROOT / name).is_file()
        and b"../shared/" in (ROOT / name).read_bytes()
    ]
    assert found == []


def test_readme_fits_a_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 75


def test_speed_page_is_that_of_the_measurement() -> None:
    result = json.loads((ROOT / "docs" / "bench.json").read_text(encoding="utf-8"))
    page = ROOT / "docs" / "reference" / "speed.md"
    assert page.read_text(encoding="utf-8") == speed_page(result)


def test_every_study_is_in_the_index() -> None:
    index = ROOT / "studies" / "README.md"
    pages = {page.name for page in (ROOT / "studies").glob("*.md")} - {"README.md"}
    assert pages == set(links(index)) & pages
    for page in pages:
        text = (ROOT / "studies" / page).read_text(encoding="utf-8")
        for part in ("**Question.**", "## What was done", "## What was seen", "## What follows"):
            assert part in text, (page, part)
