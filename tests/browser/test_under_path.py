"""The page and the API behind a real nginx with TLS, under a path."""

import json
from collections.abc import Callable, Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.desk import Desk
from tests.browser.nginx import NGINX, OPENSSL, Nginx, unverified
from tests.serving.made_requests import JOB_S, Server, multipart

pytestmark = pytest.mark.skipif(
    NGINX is None or OPENSSL is None, reason="nginx or openssl is not installed: make nginx"
)
PATH = "/tumorscope"
WAYS = {
    "stripped-and-said": {"strips": True, "says": True},
    "stripped-in-silence": {"strips": True, "says": False},
    "kept-and-said": {"strips": False, "says": True},
    "kept-in-silence": {"strips": False, "says": False},
}


@pytest.fixture(scope="module")
def rooted(start_service: Callable[..., Server]) -> Server:
    """A service that was told the path when it was started."""
    return start_service("--root-path", PATH)


@pytest.fixture(params=list(WAYS), scope="module")
def outside(
    request: pytest.FixtureRequest,
    service: Server,
    rooted: Server,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Nginx]:
    """The service as outsiders see it."""
    behind = rooted if request.param == "kept-in-silence" else service
    folder = tmp_path_factory.mktemp("nginx")
    nginx = Nginx(folder, behind.url, path=PATH, **WAYS[request.param])
    yield nginx
    nginx.stop()


@pytest.fixture
def desk(chromium: Any, outside: Nginx) -> Iterator[Desk]:
    """A window at the outside address; a request beside the path is a fault, see :class:`Desk`."""
    context = chromium.new_context(
        viewport={"width": 1280, "height": 860}, locale="en-US", ignore_https_errors=True
    )
    desk = Desk(context.new_page(), outside.url)
    desk.open()
    yield desk
    context.close()
    assert desk.faults == []
    for line in (outside.folder / "access.log").read_text().splitlines():
        assert f" {PATH}/" in line, line


def ask(
    url: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = HTTPSConnection(parts.netloc, context=unverified(), timeout=JOB_S)
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, target, body, headers)
        response = connection.getresponse()
        return response.status, dict(response.headers), response.read()
    finally:
        connection.close()


def test_upload_job_viewer_and_report(desk: Desk, scans: Path, tmp_path: Path) -> None:
    desk.read_whole(scans / "series")
    before = desk.pixels()
    desk.slide("Slice", "ArrowRight", times=2)
    desk.wait_for_other_pixels(before)
    with desk.page.expect_download() as download:
        desk.page.get_by_role("button", name="Report").first.click()
    assert Path(download.value.path()).read_bytes().startswith(b"%PDF")
    desk.open("/model")
    expect(desk.page.get_by_text("Operating point").first).to_be_visible()


def test_samples(desk: Desk) -> None:
    desk.page.get_by_role("button", name="lesion").first.click()
    expect(desk.heading("What the model says")).to_be_visible()
    desk.wait_for_picture()


def test_page_without_the_last_slash(outside: Nginx) -> None:
    status, headers, _ = ask(outside.url)
    assert status in (301, 308)
    assert urlsplit(urljoin(outside.url, headers["Location"])).path == f"{PATH}/"


# A path that nobody says, nobody can tell; the page does without.
@pytest.mark.parametrize("outside", sorted(set(WAYS) - {"stripped-in-silence"}), indirect=True)
def test_addresses_that_the_api_tells(outside: Nginx, scans: Path) -> None:
    body, kind = multipart(("a.png", (scans / "marked.png").read_bytes()))
    address = f"{outside.url}/api/v1/jobs?hold=60"
    status, headers, _ = ask(address, "POST", body, **{"Content-Type": kind})
    assert status == 202
    assert headers["Location"].startswith(f"{PATH}/api/v1/jobs/")
    job: dict[str, Any] = {"state": ""}
    while job["state"] != "finished":
        job = json.loads(ask(urljoin(address, headers["Location"]))[2])
    samples = json.loads(ask(f"{outside.url}/api/v1/samples")[2])["samples"]
    pictures = [job["slices"][0]["image"], job["slices"][0]["evidence"]]
    for path in (*pictures, *(one["url"] for one in samples)):
        assert path.startswith(f"{PATH}/api/v1/")
        assert ask(urljoin(address, path))[0] == 200


def test_document_says_where_the_service_is(outside: Nginx) -> None:
    address = f"{outside.url}/api/v1/openapi.json"
    document = json.loads(ask(address)[2])
    (server,) = document["servers"]
    assert urljoin(address, server["url"]).rstrip("/") == outside.url


def test_docs_are_readable_without_anybody_else(chromium: Any, outside: Nginx) -> None:
    context = chromium.new_context(ignore_https_errors=True)
    desk = Desk(context.new_page(), outside.url)
    desk.page.goto(f"{outside.url}/docs")
    expect(desk.page.get_by_role("heading", name="POST /api/v1/jobs").first).to_be_visible()
    hrefs = desk.page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
    assert all(one.startswith(outside.url) for one in hrefs)
    context.close()
    assert desk.faults == []
