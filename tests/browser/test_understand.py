"""What the page says of an answer, in both voices and both languages, and what it never says."""

import json
import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Route, expect
from pypdf import PdfReader

from tests.browser.desk import Desk

NOTICE = "Research use only. Not a medical device."
FORBIDDEN = re.compile(r"\b(normal|healthy|diagnos\w+|confidence)\b", re.IGNORECASE)


def stub_outcome(desk: Desk, **changes: Any) -> None:
    """Change the answers of jobs on their way to the page.

    The tiny model always commits itself and takes every picture for a brain, so the two faces for
    answers that do not are shown on answers of a stub; everything else is the real service's.
    """

    def answer(route: Route) -> None:
        response = route.fetch()
        body = response.json()
        body["predictions"] = [one | changes for one in body["predictions"]]
        route.fulfill(response=response, body=json.dumps(body))

    desk.page.route(re.compile(r"/api/v1/jobs/[\w-]+\?"), answer)


def test_plain_language_sends_to_the_doctor_and_reader_language_gives_numbers(
    desk: Desk, scans: Path
) -> None:
    desk.read(scans / "marked.png")
    expect(desk.page.get_by_text("Please talk to your doctor.")).to_be_visible()
    expect(desk.page.get_by_text("Prediction set")).to_have_count(0)
    desk.page.get_by_text("Technical", exact=True).click()
    expect(desk.page.get_by_text("Prediction set")).to_be_visible()
    expect(desk.page.get_by_text("Operating point “balanced”: 0.500")).to_be_visible()
    expect(desk.page.get_by_text("Glioma")).to_be_visible()
    expect(desk.page.get_by_text("Please talk to your doctor.")).to_have_count(0)


def test_the_abstaining_face_says_why(desk: Desk, scans: Path) -> None:
    reason = "The picture is unlike those the model learned from."
    stub_outcome(desk, outcome="abstain", reasons=[reason], localization=None)
    desk.read(scans / "marked.png")
    expect(desk.heading("The program is not sure")).to_be_visible()
    expect(desk.page.get_by_text(reason)).to_be_visible()


def test_the_rejected_face_says_why_and_gives_no_number(desk: Desk, scans: Path) -> None:
    reason = "The picture shows no brain."
    nothing = {"probabilities": None, "type_probabilities": None, "localization": None}
    stub_outcome(desk, outcome="rejected", reasons=[reason], prediction_set=[], **nothing)
    desk.read(scans / "marked.png")
    expect(desk.heading("Not an MR image of a brain")).to_be_visible()
    expect(desk.page.get_by_text(reason)).to_be_visible()
    expect(desk.page.get_by_text("Tumor probability")).to_have_count(0)


def test_the_page_speaks_german_and_remembers_it(desk: Desk, scans: Path) -> None:
    desk.button("Settings").click()
    desk.page.get_by_text("Deutsch").click()
    desk.page.keyboard.press("Escape")
    expect(desk.page.locator("html")).to_have_attribute("lang", "de")
    desk.page.reload()
    expect(desk.page.locator("html")).to_have_attribute("lang", "de")
    desk.drop(scans / "marked.png")
    expect(desk.page.get_by_role("heading", name="Was das Modell sagt")).to_be_visible()


def test_the_notice_is_in_sight_on_every_view_at_every_width(desk: Desk, scans: Path) -> None:
    def look() -> None:
        for width in (360, 3840, 1280):
            desk.page.set_viewport_size({"width": width, "height": 740})
            expect(desk.page.get_by_text(NOTICE)).to_be_in_viewport()
            assert desk.page.evaluate("document.documentElement.scrollWidth") <= width
        assert not FORBIDDEN.search(desk.page.locator("body").inner_text())

    look()
    desk.read_whole(scans / "series")
    look()
    for path in ("/", "/model", "/read/nothing"):
        desk.open(path)
        look()


def test_the_report_has_text_and_pictures(desk: Desk, scans: Path, tmp_path: Path) -> None:
    desk.read(scans / "marked.png")
    desk.page.get_by_text("Technical", exact=True).click()
    desk.page.get_by_text("Disagree", exact=True).click()
    desk.page.get_by_label("Comment").fill("Seen by a test.")
    with desk.page.expect_download() as download:
        desk.button("Report (PDF)").click()
    path = tmp_path / "report.pdf"
    download.value.save_as(path)
    report = PdfReader(path)
    assert len(report.pages) == 1
    text = " ".join(report.pages[0].extract_text().split())
    for words in (NOTICE, "marked.png", "Tumor evidence", "Disagree", "Seen by a test.", "tiny"):
        assert words in text
    assert len(report.pages[0].images) == 2
    assert not FORBIDDEN.search(text)
