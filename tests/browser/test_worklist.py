"""Working through many: sort, filter, keys, blind reading, taking the list away; 500 at once."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.made_scans import write_picture

MANY = 500
LONGEST_TASK_MS = 200
YARDSTICK = """() => {
    const times = [0, 1, 2].map(() => {
        const start = performance.now();
        const list = document.createElement("ul");
        for (let row = 0; row < 4000; row++) {
            const item = document.createElement("li");
            for (let cell = 0; cell < 6; cell++) {
                const one = document.createElement("span");
                one.textContent = `${row} ${cell}`;
                item.append(one);
            }
            list.append(item);
        }
        document.body.append(list);
        list.offsetHeight;
        list.remove();
        return performance.now() - start;
    });
    return Math.round(times.sort((a, b) => a - b)[1]);
}"""
"""Milliseconds in which this machine makes and lays out 24,000 cells, the median of three: on a
slow machine a task may last as long as that."""
PATIENCE_MS = 600_000
"""They take half a minute on two idle cores, and ten times that beside a training."""


@pytest.fixture
def list_of_three(desk: Desk, scans: Path) -> Desk:
    """A worklist of a marked slice, a plain one and a series."""
    desk.drop(scans / "marked.png", scans / "plain.png", scans / "series")
    for name in ("marked.png", "plain.png", "series"):
        expect(desk.row(name)).to_contain_text("vidence")
    return desk


def names(desk: Desk) -> list[str]:
    return desk.page.get_by_role("rowheader").all_inner_texts()


def test_it_is_sorted_filtered_and_searched(list_of_three: Desk) -> None:
    desk = list_of_three
    desk.page.get_by_role("columnheader", name="Tumor probability").click()
    expect(desk.page.get_by_role("rowheader").first).to_have_text("plain.png")
    desk.page.get_by_role("columnheader", name="Tumor probability").click()
    expect(desk.page.get_by_role("rowheader").last).to_have_text("plain.png")
    desk.page.get_by_role("radio", name="No tumor evidence").check(force=True)
    expect(desk.page.get_by_role("rowheader")).to_have_text(["plain.png"])
    desk.page.get_by_role("radio", name="All", exact=True).check(force=True)
    desk.page.get_by_label("Find by name").fill("SER")
    expect(desk.page.get_by_role("rowheader")).to_have_text(["series"])


def test_it_is_walked_with_keys(list_of_three: Desk) -> None:
    desk = list_of_three
    expect(desk.page.get_by_role("rowheader")).to_have_count(3)
    second = names(desk)[1]
    desk.page.get_by_role("row").nth(1).focus()
    desk.page.keyboard.press("ArrowDown")
    desk.page.keyboard.press("Enter")
    expect(desk.heading(second)).to_be_visible()
    desk.page.get_by_role("link", name="Next case").press("Enter")
    expect(desk.page.get_by_text("Case 3 of 3")).to_be_visible()


def test_the_reader_answers_first_in_blind_reading(list_of_three: Desk) -> None:
    desk = list_of_three
    desk.page.get_by_role("switch", name="Blind reading").check(force=True)
    expect(desk.row("marked.png")).to_contain_text("Hidden until you answer")
    desk.row("marked.png").click()
    expect(desk.heading("What do you see?")).to_be_visible()
    expect(desk.page.get_by_text("Tumor probability")).to_have_count(0)
    expect(desk.page.locator("svg circle[r='7']")).to_have_count(0)
    desk.button("No tumor").click()
    expect(desk.heading("What the model says")).to_be_visible()
    expect(desk.page.get_by_text("You said: No tumor.")).to_be_visible()


def test_it_is_taken_away_as_csv_and_json(list_of_three: Desk) -> None:
    desk = list_of_three
    texts = {}
    for name in ("CSV", "JSON"):
        with desk.page.expect_download() as download:
            desk.button(name).click()
        texts[name] = Path(download.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(texts["CSV"])))
    assert {row["source"]: row["outcome"] for row in rows} == {
        "marked.png": "tumor",
        "plain.png": "no_tumor",
        "series": "tumor",
    }
    assert {len(one["slices"]) for one in json.loads(texts["JSON"])} == {1, 9}


def test_five_hundred_pictures_leave_the_page_responsive(
    open_desk: Callable[..., Desk],
    make_head: Callable[..., np.ndarray],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    kinds = [make_head((64, 64), blob=(32, 24)), make_head((64, 64))]
    for index in range(MANY):
        write_picture(folder / f"scan{index:03d}.png", kinds[index % 2])
    others = os.getloadavg()[0]
    desk = open_desk()
    desk.page.evaluate(
        """() => {
            window.tasks = [];
            new PerformanceObserver(list => {
                for (const one of list.getEntries()) tasks.push(Math.round(one.duration));
            }).observe({type: "longtask"});
        }"""
    )
    yardstick = desk.page.evaluate(YARDSTICK)
    desk.drop(folder)
    expect(desk.page.get_by_text(f"{MANY} cases")).to_be_visible(timeout=PATIENCE_MS)
    tasks = sorted(desk.page.evaluate("window.tasks"), reverse=True)
    record_property("longest_tasks_ms", tasks[:5])
    if tasks and tasks[0] > LONGEST_TASK_MS and others > (os.cpu_count() or 1):
        pytest.skip(
            f"others use this machine (load {others:.1f}): the longest tasks took {tasks[:3]} ms"
        )
    record_property("yardstick_ms", yardstick)
    assert not tasks or tasks[0] <= max(LONGEST_TASK_MS, yardstick), (tasks[:5], yardstick)
