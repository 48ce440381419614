"""The viewer: slices, evidence, grey window, zoom, sides, comparison."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk

PIXELS = (
    """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data"""
)
MIDDLE_OF_CHANGES = f"""canvas => {{
    const now = ({PIXELS})(canvas);
    const {{width, height}} = canvas;
    const side = Math.min(width, height);
    let [rows, columns, count] = [0, 0, 0];
    for (let i = 0; i < now.length; i += 4) {{
        if (now[i] === window.before[i]) continue;
        rows += Math.floor(i / 4 / width);
        columns += (i / 4) % width;
        count += 1;
    }}
    return [(rows / count - (height - side) / 2) / side,
            (columns / count - (width - side) / 2) / side];
}}"""
"""Mean row and column of what has changed, as shares of the square slice in the canvas' middle."""


@pytest.fixture
def series(open_desk: Callable[..., Desk], scans: Path) -> Desk:
    """A series of nine slices, the middle three with a blob, open at the fourth."""
    desk = open_desk()
    desk.read_whole(scans / "series")
    desk.slide("Slice", "Home")
    desk.slide("Slice", "ArrowRight", times=3)
    slice_in_sight(desk, 4)
    return desk


@pytest.fixture
def marked(desk: Desk, scans: Path) -> Desk:
    """A slice with a blob, opened."""
    desk.read(scans / "marked.png")
    expect(desk.page.locator("svg circle").first).to_be_visible()
    return desk


def slice_in_sight(desk: Desk, place: int) -> None:
    expect(desk.page.get_by_role("img", name=f"Slice {place} of 9")).to_be_visible()
    desk.wait_for_picture()


def test_wheel_keys_slider_and_chart_go_through_the_slices(series: Desk) -> None:
    series.canvas.hover(force=True)
    series.page.mouse.wheel(0, 100)
    slice_in_sight(series, 5)
    pane = series.page.get_by_role("group", name="Viewer for")
    pane.focus()
    for key, place in (("ArrowUp", 4), ("End", 9), ("Home", 1), ("PageDown", 6)):
        series.page.keyboard.press(key)
        slice_in_sight(series, place)
    series.slide("Slice", "ArrowRight")
    slice_in_sight(series, 7)
    chart = series.page.locator(".u-over")
    box = chart.bounding_box()
    chart.click(position={"x": box["width"] * 1.5 / 9, "y": box["height"] / 2})
    slice_in_sight(series, 2)


def test_other_slices_look_otherwise(series: Desk) -> None:
    before = series.pixels()
    series.page.get_by_role("group", name="Viewer for").press("Home")
    slice_in_sight(series, 1)
    series.wait_for_other_pixels(before)


def test_a_series_tells_sides_and_positions(series: Desk) -> None:
    expect(series.page.get_by_role("img", name="Left edge R, top edge A")).to_be_visible()
    for words in ("Slice 4 / 9", "15 mm", "axial"):
        expect(series.page.get_by_text(words, exact=True)).to_be_visible()


def test_the_overlay_sliders_change_pixels(marked: Desk) -> None:
    marked.button("Adjust").click()
    first = marked.pixels()
    marked.slide("Evidence opacity", "End")
    opaque = marked.wait_for_other_pixels(first)
    marked.slide("Hide evidence below", "End")
    high = marked.wait_for_other_pixels(opaque)
    marked.button("Show evidence").click()
    bare = marked.wait_for_other_pixels(high)
    marked.slide("Hide evidence below", "Home")
    marked.slide("Evidence opacity", "Home")
    assert marked.pixels() == bare, "Evidence that is switched off has neither."


def test_the_evidence_lies_on_the_blob(marked: Desk) -> None:
    """Compare the slice with and without its evidence: what differs lies about the blob."""
    marked.canvas.evaluate(f"canvas => {{ window.before = ({PIXELS})(canvas); }}")
    before = marked.pixels()
    marked.button("Show evidence").click()
    marked.wait_for_other_pixels(before)
    row, column = marked.canvas.evaluate(MIDDLE_OF_CHANGES)
    # The blob's middle is at row 80 and column 60 of 160.
    assert abs(row - 80.5 / 160) < 0.05
    assert abs(column - 60.5 / 160) < 0.05


def test_keys_change_the_look(marked: Desk) -> None:
    pane = marked.page.get_by_role("group", name="Viewer for")
    for key in ("i", "+", "[", ",", "e"):
        before = marked.pixels()
        pane.press(key)
        marked.wait_for_other_pixels(before)
    pane.press("m")
    expect(marked.page.locator("svg circle[r='7']")).to_have_count(0)


def test_dragging_changes_the_window_or_moves_the_picture(marked: Desk) -> None:
    box = marked.canvas.bounding_box()
    center = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def drag() -> None:
        marked.page.mouse.move(*center)
        marked.page.mouse.down()
        marked.page.mouse.move(center[0] + 60, center[1] + 30, steps=3)
        marked.page.mouse.up()

    stored = marked.pixels()
    drag()
    windowed = marked.wait_for_other_pixels(stored)
    words = marked.page.get_by_text("· W")
    before = words.inner_text()
    marked.button("Drag to move the image").click()
    drag()
    marked.wait_for_other_pixels(windowed)
    assert words.inner_text() == before
    marked.button("Window presets").click()
    marked.page.get_by_role("menuitem", name="Default window").click()
    marked.button("Fit to view").click()
    for _ in range(40):
        if marked.pixels() == stored:
            break
        marked.page.wait_for_timeout(50)
    assert marked.pixels() == stored


def test_two_cases_are_compared_side_by_side(desk: Desk, scans: Path) -> None:
    desk.drop(scans / "series", scans / "volume.nii.gz")
    expect(desk.row("volume.nii.gz")).to_contain_text("Tumor evidence")
    expect(desk.row("series")).to_contain_text("Tumor evidence")
    desk.row("series").click()
    desk.button("Compare side by side").click()
    panes = desk.page.get_by_role("group", name="Viewer for")
    expect(panes).to_have_count(2)
    boxes = [panes.nth(index).bounding_box() for index in range(2)]
    assert boxes[0]["height"] == boxes[1]["height"]
    panes.nth(0).press("Home")
    expect(desk.page.get_by_role("img", name="Slice 1 of 9")).to_have_count(2)
