"""The model page: points, measurements with intervals, what was learned from, known failures."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Route, expect

from tests.browser.desk import Desk
from tests.serving.made_requests import Server


def test_it_measures_with_intervals_and_opens_the_cells(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("/model")
    for title in (
        "Operating points",
        "Performance",
        "Are the probabilities reliable?",
        "Correct and incorrect answers",
        "Weakest results",
        "Shortcut checks",
        "Training data",
        "Service limits",
    ):
        expect(desk.heading(title)).to_be_visible()
    desk.page.get_by_role("button", name="truth tumor, answer no tumor").click()
    expect(desk.page.get_by_role("dialog")).to_contain_text("images whose truth is “tumor”")
    desk.page.keyboard.press("Escape")
    expect(desk.page.locator(".u-wrap canvas").first).to_be_visible()


def test_scans_on_the_desk_are_answered_again_at_another_point(desk: Desk, scans: Path) -> None:
    desk.read(scans / "marked.png")
    desk.page.get_by_text("Technical", exact=True).click()
    desk.page.get_by_role("link", name="Model", exact=True).click()
    desk.page.get_by_role("radio", name="specific from").check(force=True)
    uploads: list[Route] = []

    def hold_back(route: Route) -> None:
        uploads.append(route)

    desk.page.route("**/api/v1/jobs?*", hold_back)
    with desk.page.expect_request("**/api/v1/jobs?*"):
        desk.button("Analyze the scans in the worklist again").click()
    desk.page.get_by_role("link", name="Worklist", exact=True).click()
    # Until the new answer is there, the scan is seen as it was answered before.
    expect(desk.row("marked.png").locator("img")).to_be_visible()
    uploads[0].continue_()
    desk.row("marked.png").click()
    expect(desk.page.get_by_text("Operating point “specific”: 1.000")).to_be_visible()


def test_the_model_inside_the_package_has_a_card(
    open_desk: Callable[..., Desk], start_service: Callable[..., Server]
) -> None:
    desk = open_desk("/model", server=start_service(model=None))
    expect(desk.heading("Operating points")).to_be_visible()
    expect(desk.heading("When the model does not answer")).to_be_visible()
    expect(desk.heading("Training data")).to_be_visible()
