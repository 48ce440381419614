"""Empty, loading, failing, offline and busy: what each view shows then, in a real browser.

Every face of every part has a quicker test in web/src; here the service is really away.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from tests.browser.desk import Desk

BUSY = {"status": 503, "headers": {"Retry-After": "4"}, "json": {"title": "Busy.", "status": 503}}


def test_an_empty_folder_is_said_to_hold_nothing(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    desk.drop(tmp_path / "empty")
    expect(desk.page.get_by_role("alert")).to_contain_text("No supported files found.")


def test_a_case_of_another_visit_is_said_to_be_gone(open_desk: Callable[..., Desk]) -> None:
    desk = open_desk("/read/nothing")
    expect(desk.heading("This case is not in the worklist")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "route", "words"),
    [
        ("/", "**/api/v1/samples", "Loading samples…"),
        ("/model", "**/api/v1/model", "Loading the model card…"),
    ],
)
def test_waiting_has_a_face(
    open_desk: Callable[..., Desk], path: str, route: str, words: str
) -> None:
    desk = open_desk("/read/nothing")
    held: list[Route] = []
    is_held = True

    def hold(one: Route) -> None:
        if is_held:
            held.append(one)
        else:  # the page says that it waits a moment before it asks
            one.continue_()

    desk.page.route(route, hold)
    desk.open(path)
    expect(desk.page.get_by_text(words)).to_be_visible()
    is_held = False
    for one in held:
        one.continue_()
    expect(desk.page.get_by_text(words)).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "there"),
    [("/", "Or try a synthetic sample"), ("/model", "Operating points")],
)
def test_a_view_without_its_service_says_so_and_recovers(
    open_desk: Callable[..., Desk], path: str, there: str
) -> None:
    desk = open_desk("/read/nothing")
    desk.forgiven += ["ERR_"]
    desk.page.route("**/api/**", lambda route: route.abort("connectionrefused"))
    desk.open(path)
    expect(desk.page.get_by_text("The service is not responding")).to_be_visible()
    desk.page.unroute("**/api/**")
    # By itself, without a click.
    expect(desk.heading(there)).to_be_visible()


def test_a_full_service_is_waited_for(desk: Desk, scans: Path) -> None:
    desk.forgiven += ["503"]
    desk.page.route("**/api/v1/jobs?*", lambda route: route.fulfill(**BUSY), times=1)
    desk.drop(scans / "marked.png")
    expect(desk.page.get_by_text("The service is busy. Retrying in 4 seconds.")).to_be_visible()
    expect(desk.heading("marked.png")).to_be_visible()


def test_a_slice_that_does_not_come_can_be_asked_for_again(desk: Desk, scans: Path) -> None:
    desk.forgiven += ["500"]
    desk.page.route("**/image?depth=16", lambda route: route.fulfill(status=500))
    desk.drop(scans / "marked.png")
    expect(desk.page.get_by_text("The service reported an error")).to_be_visible()
    desk.page.unroute("**/image?depth=16")
    desk.button("Try again").click()
    desk.canvas.wait_for()


def test_pulling_the_network_cable_changes_nothing(desk: Desk, scans: Path) -> None:
    """Only the loopback is left to this browser from the start: see SWITCHES in conftest.py."""
    fetched = desk.page.evaluate(
        "fetch('https://example.org', {mode: 'no-cors'}).then(() => 'came', () => 'did not come')"
    )
    assert fetched == "did not come"
    # The page's own policy forbids it, too, and both say so.
    desk.forget()
    desk.read(scans / "marked.png")
