"""The page as somebody at the desk uses it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, Request, expect

WAIT_MS = 30_000
"""For what comes soon on a machine of one's own, and takes longer where others compute."""

expect.set_options(timeout=WAIT_MS)


class Desk:
    """One window with the page.

    Attributes
    ----------
    page
        Of Playwright.
    faults
        Errors on the console, uncaught exceptions, and requests to other hosts.
    forgiven
        Parts of console messages that a test provokes, such as of a service that is away.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.forgiven: list[str] = []
        self._faults: list[str] = []
        self._errors: list[tuple[str, str]] = []
        page.set_default_timeout(WAIT_MS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self._faults.append(f"uncaught: {error}"))
        page.on("request", self._on_request)

    @property
    def faults(self) -> list[str]:
        """What went wrong so far.

        What a test forgives it forgives from the start: a page may complain while it opens, before
        the test has a word with it.
        """
        return self._faults + [
            f"console: {text} ({url})"
            for text, url in self._errors
            if not any(part in text for part in self.forgiven)
        ]

    def forget(self) -> None:
        """Forget what went wrong so far."""
        self._faults.clear()
        self._errors.clear()

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._errors.append((message.text, message.location["url"]))

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.url, "data:", "blob:")):
            self._faults.append(f"asked another host: {request.url}")

    def open(self, path: str = "/") -> None:
        """Go to a view by its address."""
        self.page.goto(f"{self.url}/#{path}")
        self.page.locator("main").wait_for()

    def drop(self, *paths: Path) -> None:
        """Drag files and folders from the desktop onto the page and let go."""
        devtools = self.page.context.new_cdp_session(self.page)
        files = [str(path) for path in paths]
        data = {"items": [], "files": files, "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 300, "y": 300, "data": data}
            devtools.send("Input.dispatchDragEvent", event)
        devtools.detach()

    def read(self, *paths: Path) -> None:
        """Drop one scan and wait until it is open in the reading room and drawn."""
        self.drop(*paths)
        expect(self.heading("What the model says")).to_be_visible()
        self.wait_for_picture()

    def wait_for_picture(self) -> None:
        """Wait until the slice is drawn with its evidence."""
        self.canvas.wait_for()
        expect(self.page.locator("[aria-busy=true]")).to_have_count(0)

    def read_whole(self, *paths: Path) -> None:
        """Drop one series and wait for its own answer."""
        self.read(*paths)
        expect(self.page.get_by_text("Series answer", exact=True)).to_be_visible()

    def heading(self, name: str) -> Locator:
        return self.page.get_by_role("heading", name=name, exact=True)

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def row(self, name: str) -> Locator:
        """Row of the worklist."""
        return self.page.get_by_role("row").filter(has_text=name)

    @property
    def canvas(self) -> Locator:
        return self.page.locator("canvas[role=img], [role=img] canvas").first

    def pixels(self) -> str:
        """The slice as drawn, as a data URI: equal if and only if it looks the same."""
        # Twice the frame, for React and for the drawing.
        script = """canvas => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(
            () => done(canvas.toDataURL()))))"""
        drawn: str = self.canvas.evaluate(script)
        return drawn

    def wait_for_other_pixels(self, before: str) -> str:
        """Wait until the slice looks otherwise than before; return how."""
        for _ in range(100):
            now = self.pixels()
            if now != before:
                return now
            self.page.wait_for_timeout(50)
        raise AssertionError("The slice looks as before.")

    def slide(self, name: str, key: str, times: int = 1) -> None:
        """Move a slider with a key."""
        slider = self.page.get_by_role("slider", name=name, exact=True)
        slider.focus()
        for _ in range(times):
            self.page.keyboard.press(key)

    def serve_instead(self, pattern: str, **answer: Any) -> None:
        """Answer the page's requests in the service's place."""
        self.page.route(pattern, lambda route: route.fulfill(**answer))
