"""For everybody: axe on every view in light and dark, and the main flow with keys alone."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_STOPS = 60

pytestmark = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: make web")


def violations(desk: Desk) -> list[str]:
    """Return what axe finds in the view, each with where."""
    # Evaluated by the debugger, which the page's policy for scripts does not bind.
    desk.page.evaluate(AXE.read_text())
    options = json.dumps({"runOnly": RULES, "resultTypes": ["violations"]})
    found: dict[str, Any] = desk.page.evaluate(f"axe.run({options})")
    return [
        f"{one['id']}: {node['html'][:160]} ({node['failureSummary']})"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 1280), ("dark", 360)])
def test_axe_finds_nothing_on_any_view(
    open_desk: Callable[..., Desk], scans: Path, tmp_path: Path, scheme: str, width: int
) -> None:
    desk = open_desk(width=width, color_scheme=scheme, reduced_motion="reduce")
    found: dict[str, list[str]] = {}

    def look(view: str) -> None:
        found[view] = violations(desk)

    expect(desk.heading("Or try a synthetic sample")).to_be_visible()
    look("empty desk")
    desk.button("Settings").click()
    desk.page.get_by_role("dialog").wait_for()
    look("settings")
    desk.page.keyboard.press("Escape")

    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"nothing")
    desk.drop(scans / "marked.png", scans / "plain.png", scans / "series", tmp_path / "broken.dcm")
    expect(desk.page.get_by_text("1 input could not be read")).to_be_visible()
    for name in ("marked.png", "plain.png", "series"):
        expect(desk.row(name)).to_contain_text("vidence")
    look("worklist")

    desk.row("series").click()
    desk.canvas.wait_for()
    expect(desk.page.locator(".u-over")).to_be_visible()
    look("reading, plain")
    desk.page.get_by_text("Technical", exact=True).click()
    desk.button("Adjust").click()
    desk.button("Compare side by side").click()
    look("reading, for readers, compared")
    desk.button("Keyboard shortcuts").click()
    desk.page.get_by_role("dialog").wait_for()
    look("keys")
    desk.page.keyboard.press("Escape")

    desk.open("/model")
    expect(desk.page.locator(".u-wrap canvas").first).to_be_visible()
    look("model")
    desk.open("/read/nothing")
    expect(desk.heading("This case is not in the worklist")).to_be_visible()
    look("gone case")
    desk.page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert any("image-alt" in fault for fault in violations(desk)), "axe overlooks a fault."
    assert {view: faults for view, faults in found.items() if faults} == {}


def tab_to(desk: Desk, name: str) -> None:
    """Press Tab until the focus is on what has a name; every stop on the way must be seen."""
    stops = []
    for _ in range(MOST_STOPS):
        desk.page.keyboard.press("Tab")
        stop = desk.page.evaluate(
            """() => {
                const at = document.activeElement;
                const box = at.closest("label") ?? at;
                const ids = (at.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
                const named = ids.map(id => document.getElementById(id));
                const labels = [...named, ...(at.labels ?? [])]
                    .map(one => one?.textContent ?? "").join(" ");
                const marks = [at, box, box.querySelector("[data-focus-visible]")];
                return {
                    name: at.getAttribute("aria-label") ?? (labels.trim() || at.textContent || ""),
                    isSeen: marks.some(one => one && getComputedStyle(one).outlineStyle != "none"
                        && parseFloat(getComputedStyle(one).outlineWidth) > 0),
                    html: at.outerHTML.slice(0, 120),
                };
            }"""
        )
        assert stop["isSeen"], f"No ring: {stop['html']}, after {stops}"
        stops.append(stop["name"].strip())
        if name in stops[-1]:
            return
    raise AssertionError(f"Tab does not lead to {name!r}, only to {stops}")


def test_the_main_flow_works_with_keys_alone(desk: Desk) -> None:
    keys = desk.page.keyboard
    expect(desk.button("A series of 15 slices")).to_be_visible()
    keys.press("Tab")
    expect(desk.page.get_by_text("Skip to content")).to_be_focused()
    keys.press("Enter")
    expect(desk.page.locator("main")).to_be_focused()
    tab_to(desk, "A series of 15 slices")
    keys.press("Enter")
    expect(desk.page.get_by_text("Series answer", exact=True)).to_be_visible()

    tab_to(desk, "Viewer for")
    keys.press("Home")
    expect(desk.page.get_by_role("img", name="Slice 1 of 15")).to_be_visible()
    keys.press("ArrowDown")
    expect(desk.page.get_by_role("img", name="Slice 2 of 15")).to_be_visible()
    tab_to(desk, "Adjust")
    keys.press("Enter")
    # This and the reader's own answer are drawn behind the view.
    expect(desk.page.get_by_role("slider", name="Evidence opacity")).to_be_visible()
    tab_to(desk, "Evidence opacity")
    keys.press("ArrowRight")
    tab_to(desk, "Plain language")
    keys.press("ArrowRight")
    expect(desk.page.get_by_text("Prediction set")).to_be_visible()
    expect(desk.page.get_by_role("radio", name="Agree", exact=True)).to_be_visible()
    tab_to(desk, "Agree")
    keys.press("Space")
    expect(desk.page.get_by_role("radio", name="Agree", exact=True)).to_be_checked()
    tab_to(desk, "Comment")
    keys.type("Typed.")
    tab_to(desk, "Report (PDF)")
    with desk.page.expect_download():
        keys.press("Enter")
