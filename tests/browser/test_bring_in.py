"""Scans come in: every format, by drop, dialog, paste and sample; and can be cancelled."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Route, expect

from tests.browser.desk import Desk
from tests.browser.made_scans import BLOB, PICTURES, png_bytes, write_picture, write_zip
from tests.serving.made_requests import Server

MakeHead = Callable[..., np.ndarray]
SLOW_BYTES_S = 40_000
STRONGEST = re.compile("Slice [456] of 9")
"""The middle third has the blob."""


@pytest.mark.parametrize("ending", PICTURES)
def test_a_picture_opens_when_it_is_dropped(
    desk: Desk, ending: str, make_head: MakeHead, tmp_path: Path
) -> None:
    desk.read(write_picture(tmp_path / f"scan.{ending}", make_head(blob=BLOB)))
    expect(desk.heading(f"scan.{ending}")).to_be_visible()
    expect(desk.heading("An area was marked")).to_be_visible()


@pytest.mark.parametrize("name", ["series", "volume.nii.gz"])
def test_a_series_opens_when_it_is_dropped(desk: Desk, scans: Path, name: str) -> None:
    desk.read_whole(scans / name)
    expect(desk.page.get_by_role("img", name=STRONGEST)).to_be_visible()
    expect(desk.page.get_by_text("Tumor probability by slice")).to_be_visible()


def test_a_single_dicom_file_and_a_zip_come_in_together(
    desk: Desk, scans: Path, tmp_path: Path
) -> None:
    archive = write_zip(tmp_path / "study.zip", scans / "plain.png", scans / "marked.png")
    desk.drop(scans / "series" / "slice004.dcm", archive)
    for name in ("slice004.dcm", "plain.png", "marked.png"):
        expect(desk.row(name)).to_be_visible()
    expect(desk.page.get_by_text("3 cases")).to_be_visible()


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(
    desk: Desk, scans: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"\0" * 128 + b"DICM" + b"nothing")
    desk.drop(broken, scans / "marked.png")
    expect(desk.row("marked.png")).to_contain_text("Tumor evidence")
    refusals = desk.page.get_by_role("list").filter(has_text="broken.dcm")
    expect(refusals.first).to_contain_text("Damaged or incomplete.")


def test_files_and_folders_come_in_by_the_dialogs(desk: Desk, scans: Path) -> None:
    with desk.page.expect_file_chooser() as files:
        desk.button("Choose files").click()
    files.value.set_files([scans / "plain.png", scans / "marked.png"])
    expect(desk.page.get_by_text("2 cases")).to_be_visible()
    with desk.page.expect_file_chooser() as folder:
        desk.button("Choose a folder").click()
    folder.value.set_files(scans / "series")
    expect(desk.heading("series")).to_be_visible()


def test_a_picture_is_pasted(desk: Desk, make_head: MakeHead) -> None:
    desk.page.evaluate(
        """bytes => {
            const transfer = new DataTransfer();
            const options = {type: "image/png"};
            transfer.items.add(new File([new Uint8Array(bytes)], "image.png", options));
            const paste = {clipboardData: transfer, bubbles: true};
            document.body.dispatchEvent(new ClipboardEvent("paste", paste));
        }""",
        list(png_bytes(make_head(blob=BLOB))),
    )
    expect(desk.heading("image.png")).to_be_visible()


@pytest.mark.parametrize(
    "title", ["A slice with a lesion", "A slice without a lesion", "A series of 15 slices"]
)
def test_a_sample_opens(desk: Desk, title: str) -> None:
    desk.button(title).click()
    expect(desk.heading("What the model says")).to_be_visible()
    desk.canvas.wait_for()


def slow_down(desk: Desk, bytes_per_second: int) -> None:
    """Let uploads creep; -1 lets them go."""
    devtools = desk.page.context.new_cdp_session(desk.page)
    devtools.send("Network.enable")
    limits = {"uploadThroughput": bytes_per_second, "downloadThroughput": -1}
    devtools.send("Network.emulateNetworkConditions", {"offline": False, "latency": 0} | limits)


@pytest.fixture
def large(make_head: MakeHead, tmp_path: Path) -> Path:
    """A picture of some 400 kB, which takes a slow line ten seconds."""
    noise = np.random.default_rng(0).integers(0, 40, (640, 640), np.uint8)
    return write_picture(tmp_path / "large.png", make_head((640, 640), blob=(320, 240)) + noise)


def test_an_upload_is_cancelled_and_tried_again(desk: Desk, large: Path) -> None:
    slow_down(desk, SLOW_BYTES_S)
    desk.drop(large)
    expect(desk.page.get_by_text("Sending,")).to_be_visible()
    desk.button("Cancel large.png").click()
    expect(desk.page.get_by_text("Cancelled")).to_be_visible()
    expect(desk.page.get_by_text("Sending,")).to_have_count(0)
    slow_down(desk, -1)
    desk.button("Retry large.png").click()
    expect(desk.heading("large.png")).to_be_visible()


def _desk_at(
    open_desk: Callable[..., Desk], start_service: Callable[..., Server], folder: Path
) -> tuple[Desk, Server, Callable[[], Server]]:
    """Return a desk at a service of its own, and what starts that service again at its port."""
    server = start_service(at=folder)
    port = server.url.rpartition(":")[2]
    desk = open_desk(server=server)
    desk.forgiven += ["ERR_"]
    return desk, server, lambda: start_service("--port", port, at=folder)


@pytest.mark.slow
def test_the_service_dies_in_mid_upload_and_comes_back(
    open_desk: Callable[..., Desk],
    start_service: Callable[..., Server],
    large: Path,
    tmp_path: Path,
) -> None:
    desk, server, start_again = _desk_at(open_desk, start_service, tmp_path)
    slow_down(desk, SLOW_BYTES_S)
    desk.drop(large)
    expect(desk.page.get_by_text("Sending,")).to_be_visible()
    server.kill()
    expect(desk.page.get_by_text("The service is not responding. Retrying")).to_be_visible()
    slow_down(desk, -1)
    start_again()
    expect(desk.heading("large.png")).to_be_visible()
    expect(desk.heading("What the model says")).to_be_visible()


def test_the_service_dies_in_mid_job_and_nothing_is_sent_twice(
    open_desk: Callable[..., Desk],
    start_service: Callable[..., Server],
    scans: Path,
    tmp_path: Path,
) -> None:
    desk, server, start_again = _desk_at(open_desk, start_service, tmp_path)
    sent: list[str] = []
    desk.page.on(
        "request", lambda request: sent.append(request.url) if request.method == "POST" else None
    )

    def ask_the_dead(route: Route) -> None:
        server.kill()
        route.continue_()

    # Whoever asks for a job has read the whole answer to its upload.
    desk.page.route(re.compile(r"/api/v1/jobs/[\w-]+\?"), ask_the_dead, times=1)
    desk.drop(scans / "series")
    expect(desk.page.get_by_text("The service is not responding. Retrying")).to_be_visible()
    start_again()
    expect(desk.page.get_by_text("Series answer", exact=True)).to_be_visible()
    expect(desk.page.get_by_role("img", name=STRONGEST)).to_be_visible()
    assert len(sent) == 1
