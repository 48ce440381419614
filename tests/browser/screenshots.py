"""Pictures of every view for docs/web: ``python -m tests.browser.screenshots``.

They are taken of a real service with the model inside the package, on the bundled made-up samples.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.conftest import CHROMIUM, SWITCHES
from tests.browser.desk import Desk
from tests.serving.made_requests import Server
from tumorscope.imaging.phantom import SAMPLES, head_phantom

OUTPUT = Path(__file__).parents[2] / "docs" / "web"
WIDTHS = {1440: 900, 360: 740}
SCHEMES = ("light", "dark")
COLORS = 256
"""Enough for flat surfaces and a grey scan, at a third of the bytes."""

PATIENCE_MS = 180_000
"""The pictures come out the same on a machine that others use."""

SERIES = "A series of 15 slices"


def main() -> None:
    """Take all pictures anew."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    expect.set_options(timeout=PATIENCE_MS)
    with service() as url, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        for width in WIDTHS:
            for scheme in SCHEMES:
                walk(browser, url, width, scheme)
        browser.close()


@contextmanager
def service() -> Iterator[str]:
    """Run a service for as long as the pictures take."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), None, ())
        try:
            yield server.url
        finally:
            server.kill()


def walk(browser: Browser, url: str, width: int, scheme: str) -> None:
    """Go through all views at one width and in one brightness."""
    size = {"width": width, "height": WIDTHS[width]}
    context = browser.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    desk = Desk(context.new_page(), url)
    desk.page.set_default_timeout(PATIENCE_MS)

    def take(view: str) -> None:
        picture(desk, OUTPUT / f"{view}-{width}-{scheme}.png")

    desk.open()
    # At the foot of the whole view, not of the window.
    desk.page.add_style_tag(content="footer { position: static !important }")
    expect(desk.button(SERIES)).to_be_visible()
    take("desk-empty")
    desk.button(SERIES).click()
    expect(desk.page.get_by_text("Series answer", exact=True)).to_be_visible()
    desk.wait_for_picture()
    desk.page.locator(".u-over").wait_for()
    take("reading-plain")
    desk.page.get_by_text("Technical", exact=True).click()
    desk.button("Adjust").click()
    take("reading-readers")
    desk.button("Compare side by side").click()
    take("compare")
    desk.button("Keyboard shortcuts").click()
    take("keys")
    desk.page.keyboard.press("Escape")
    desk.page.get_by_text("Plain language", exact=True).click()
    bring_more(desk)
    take("worklist")
    desk.page.get_by_role("switch", name="Blind reading").check(force=True)
    desk.row("without").click()
    expect(desk.heading("What do you see?")).to_be_visible()
    desk.wait_for_picture()
    take("blind")
    desk.open("/model")
    expect(desk.heading("Operating points")).to_be_visible()
    desk.page.wait_for_load_state("networkidle")
    take("model")
    desk.button("Settings").click()
    take("settings")
    context.close()
    assert desk.faults == []


def bring_more(desk: Desk) -> None:
    """Bring the two sample slices in beside the series."""
    with tempfile.TemporaryDirectory() as folder:
        names = ("phantom_with_lesion.png", "phantom_without_lesion.png")
        draw_samples(Path(folder))
        desk.drop(*(Path(folder) / name for name in names))
        for name in names:
            expect(desk.row(name)).not_to_contain_text("Analyzing…")
            desk.row(name).locator("img").wait_for()


def draw_samples(folder: Path) -> None:
    """Draw the bundled samples, as ``tumorscope samples`` does."""
    for name, lesion in SAMPLES.items():
        Image.fromarray(head_phantom(lesion=lesion)).save(folder / f"{name}.png")


def picture(desk: Desk, path: Path) -> None:
    """Save the whole view, the notice at its foot, in few colors."""
    desk.page.wait_for_timeout(300)
    is_dialog = desk.page.get_by_role("dialog").count() > 0
    desk.page.screenshot(path=path, full_page=not is_dialog)
    with Image.open(path) as shot:
        colors = shot.convert("RGB").quantize(COLORS, Image.Quantize.FASTOCTREE)
        colors.save(path, optimize=True)


if __name__ == "__main__":
    main()
