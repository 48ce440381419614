"""A real Chromium that can reach nothing but a real service with the tiny model."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser.desk import Desk
from tests.browser.made_scans import BLOB, slices_of, write_picture, write_series, write_volume
from tests.serving.made_requests import Server
from tumorscope.model.artifact import Artifact, write_artifact
from tumorscope.serving.http_api.base.config import STATIC_FOLDER

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
MEASURED = Path(__file__).parents[2] / "docs" / "results" / "test" / "metrics.json"
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    # No name and no address but the loopback's: whatever the page asked of others would fail.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder, and skip it where there is no browser or no page."""
    reason = None
    if CHROMIUM is None:
        reason = "chromium is not installed: apt-get install chromium"
    elif not (STATIC_FOLDER / "index.html").is_file():
        reason = "the page is not built: make web"
    for item in items:
        if FOLDER not in item.path.parents:
            continue
        item.add_marker(pytest.mark.browser)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def measured_model(tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a card that holds measurements and training data, for the model page."""
    split = {"images": 20, "groups": 5, "tumor": 12, "no_tumor": 8, "sets": {"made_up": 20}}
    card = {
        "evaluation": json.loads(MEASURED.read_text()),
        "training": {"data": {"train": split, "test": split}},
    }
    path = tmp_path_factory.mktemp("model") / "measured.tumorscope"
    write_artifact(
        path, replace(tiny_artifact, manifest=replace(tiny_artifact.manifest, card=card))
    )
    return path


@pytest.fixture(scope="session")
def start_service(
    measured_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Server]]:
    """Start a service of one's own; ``model=None`` is the model inside the package."""
    servers: list[Server] = []

    def start(*options: str, model: Path | None = measured_model, at: Path | None = None) -> Server:
        servers.append(Server(at or tmp_path_factory.mktemp("service"), model, options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture(scope="session")
def service(start_service: Callable[..., Server]) -> Server:
    """The service that most tests share."""
    return start_service()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        yield browser
        browser.close()


@pytest.fixture
def open_desk(chromium: Any, service: Server) -> Iterator[Callable[..., Desk]]:
    """Open the page in a browser that has never seen it.

    What the page writes to the console as an error, throws, or asks of any other host fails the
    test at its end.
    """
    desks: list[Desk] = []

    def open_page(
        path: str = "/", *, server: Server = service, width: int = 1280, **options: Any
    ) -> Desk:
        height = 740 if width < 500 else 860
        context = chromium.new_context(
            viewport={"width": width, "height": height}, locale="en-US", **options
        )
        desks.append(Desk(context.new_page(), server.url))
        desks[-1].open(path)
        return desks[-1]

    yield open_page
    for desk in desks:
        desk.page.context.close()
    assert [fault for desk in desks for fault in desk.faults] == []


@pytest.fixture
def desk(open_desk: Callable[..., Desk]) -> Desk:
    """The empty desk."""
    return open_desk()


@pytest.fixture(scope="session")
def scans(make_head: Callable[..., np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of made scans: ``marked.png``, ``plain.png``, ``series/`` and ``volume.nii.gz``."""
    folder = tmp_path_factory.mktemp("scans")
    write_picture(folder / "marked.png", make_head(blob=BLOB))
    write_picture(folder / "plain.png", make_head())
    slices = slices_of(make_head, 9)
    write_series(folder / "series", slices)
    write_volume(folder / "volume.nii.gz", slices)
    return folder
